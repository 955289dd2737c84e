"""The processes that `signoff up` and `signoff demo --keep` run beside the servers."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from signoff_cli.dlq.acting import actor_of
from signoff_cli.errors import ProcessEndedError
from signoff_cli.terminal import say
from signoff_embedded import ending_with_parent
from signoff_embedded.ports import check_port, free_port, is_free
from signoff_ops.outbox import has_outbox
from signoff_ops.servers import DirectServers
from signoff_ops.services import environment, sign_in_url
from signoff_ops.users import first_admin
from signoff_ops.watching import Watched
from signoff_schemas import Settings

_STOP_SECONDS: Final = 60
_CHECK_SECONDS: Final = 1.0
_START_CHECK_SECONDS: Final = 0.1
_HOST: Final = "127.0.0.1"
_RELAY: Final = ("the relay", ("relay",))
_RAPPORT: Final = ("the keeper of contexts", ("rapport", "run"))
_COMMANDS: Final = (
    ("the sender of webhooks", ("webhook", "run")),
    ("the keeper of customer facts", ("insight", "run")),
    ("the web service", ("serve",)),
)


@dataclass(frozen=True, slots=True)
class Child:
    """A process, and what it is called."""

    name: str
    process: subprocess.Popen[bytes]

    def check(self) -> None:
        """Check that it runs.

        Raises:
            ProcessEndedError: it has ended by itself.
        """
        code = self.process.poll()
        if code is not None:
            raise ProcessEndedError(f"{self.name} ended with exit code {code}")


@dataclass(frozen=True, slots=True)
class Desk:
    """What people and programs reach over HTTP."""

    children: tuple[Child, ...]
    port: int
    url: str


@contextmanager
def running(
    name: str, command: Sequence[str], variables: dict[str, str], *, log: int | None = None
) -> Iterator[Child]:
    """Run a command of Signoff as a process until the block ends; it finishes what it has in hand.

    It is in a session of its own: Ctrl-C is for `signoff up`, which stops all of them in order. If
    that is killed, they stop by themselves.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "signoff_cli", *command],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        with ending_with_parent(process.pid, signal.SIGTERM):
            yield Child(name, process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running_workers(
    settings: Settings, processes: int, *, log: int | None = None
) -> Iterator[Child]:
    """Run worker processes until the block ends; they finish the batch in hand."""
    command = ("worker", "--processes", str(processes))
    with running("the workers", command, environment(settings), log=log) as workers:
        yield workers


@contextmanager
def running_desk(
    settings: Settings, *, web_port: int | None = None, log: int | None = None
) -> Iterator[Desk]:
    """Run the web service, and what carries its approvals on: a relay and a sender of webhooks.

    Raises:
        EmbeddedError: the port is taken.
    """
    port = _port(settings, web_port)
    # Approvals of the desk are in the outbox of this database, wherever an upstream's is.
    own = settings.model_copy(
        update={"web_host": _HOST, "web_port": port, "outbox_url": settings.database_url}
    )
    with ExitStack() as stack:
        children = [
            stack.enter_context(running(name, command, environment(own), log=log))
            for name, command in _commands(own)
        ]
        yield Desk(tuple(children), port, settings.web_url or f"http://{_HOST}:{port}")


def wait_for(stop: threading.Event, servers: Sequence[Watched], children: Sequence[Child]) -> None:
    """Wait for a signal.

    Raises:
        ServerEndedError: a server does not answer any more.
        ProcessEndedError: a process has ended by itself.
    """
    while not stop.wait(_CHECK_SECONDS):
        for server in servers:
            server.check()
        # Processes may have ended because their server did; then report the server.
        if not any(server.failures for server in servers):
            for child in children:
                child.check()


def wait_until_served(stop: threading.Event, desk: Desk) -> None:
    """Wait until the web service listens, or a signal comes.

    Raises:
        ProcessEndedError: a process has ended by itself.
    """
    while not _listens(desk.port) and not stop.wait(_START_CHECK_SECONDS):
        for child in desk.children:
            child.check()


def show_desk(settings: Settings, desk: Desk) -> None:
    """Say where the web service is; while nobody has ever signed in, give a link."""
    say(f"Web       {desk.url}")
    link = first_admin(DirectServers(settings), actor_of(None))
    if link is not None:
        say(f"Sign in   {sign_in_url(desk.url, link.token)}")
        say(f"          This signs {link.name} in once; for another: signoff user link {link.name}")


def can_serve() -> bool:
    """Whether the extra with the web service is installed; says so if not."""
    if find_spec("fastapi") and find_spec("argon2"):
        return True
    say("The web service is not installed: pip install 'signoff[web]'")
    return False


def _commands(settings: Settings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is run: a relay only where there is an outbox, since it ends where there is none.

    Likewise contexts are kept where a second database is set.
    """
    commands = (*_COMMANDS, _RAPPORT) if settings.rapport_url else _COMMANDS
    if has_outbox(DirectServers(settings)):
        return (_RELAY, *commands)
    say(
        "No relay runs, so approvals of the desk wait: make the outbox with `signoff outbox create`"
    )
    return commands


def _port(settings: Settings, given: int | None) -> int:
    """The port that is given, else the one that is set; if that is taken, a free one."""
    if given is not None:
        check_port(given, server="The web service", option="--web-port")
        return given
    return settings.web_port if is_free(settings.web_port) else free_port()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), _CHECK_SECONDS):
            return True
    except OSError:
        return False
