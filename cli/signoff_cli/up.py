"""`signoff up`: the whole stack in the foreground."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from signoff_cli.errors import WorkersEndedError
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import say
from signoff_embedded import (
    embedded_postgres,
    embedded_services,
    embedded_valkey,
    ending_with_parent,
)
from signoff_ops.schema import migrate
from signoff_ops.services import FILE, Announced, announcement, environment
from signoff_ops.watching import Watched, watched
from signoff_schemas import Settings, masked
from signoff_schemas.wording import count

_STOP_SECONDS: Final = 60
_CHECK_SECONDS: Final = 1.0
Port = Annotated[int | None, typer.Option(min=1024, max=65535)]


def up(
    *,
    data: Annotated[Path, typer.Option(help="Where the servers keep their data.")] = Path(
        ".signoff"
    ),
    redis_port: Port = None,
    postgres_port: Port = None,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes.")] = 1,
) -> None:
    """Run Redis, Postgres and workers in the foreground until Ctrl-C.

    Data is kept for the next start. A server whose URL is set (SIGNOFF_REDIS_URL,
    SIGNOFF_DATABASE_URL) is used as it is. Other commands in this folder find the servers
    without settings.
    """
    with stop_on_signals() as stop, announcement() as announce, ExitStack() as stack:
        given = Settings.load()
        settings = stack.enter_context(_servers(given, data, redis_port, postgres_port))
        redis_url, database_url = settings.require("redis_url"), settings.require("database_url")
        migrate(settings)
        announce(Announced(redis_url=redis_url, database_url=database_url))
        processes = stack.enter_context(running_workers(settings, workers)) if workers else None
        _show(settings, workers)
        _wait(stop, watched(given, settings, data), processes)
        say("Stopping: workers first, then the servers.")


@contextmanager
def _servers(
    settings: Settings, data: Path, redis_port: int | None, postgres_port: int | None
) -> Iterator[Settings]:
    """Run the servers that the settings do not name; yields settings that name both."""
    with ExitStack() as stack:
        redis_url, database_url = settings.redis_url, settings.database_url
        notes: Sequence[str] = ()
        if not redis_url and not database_url:
            services = stack.enter_context(
                embedded_services(data, redis_port=redis_port, postgres_port=postgres_port)
            )
            redis_url, database_url = services.redis_url, services.database_url
            notes = services.notes
        elif not redis_url:
            redis_url = stack.enter_context(embedded_valkey(data, port=redis_port))
        elif not database_url:
            database_url = stack.enter_context(embedded_postgres(data, port=postgres_port))
        for note in notes:
            say(note)
        yield Settings.load(redis_url=redis_url, database_url=database_url)


@contextmanager
def running_workers(
    settings: Settings, processes: int, *, log: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run worker processes until the block ends; they finish their current batch.

    They have their own session: Ctrl-C is for `signoff up`, which stops them in order. If it
    is killed, they stop by themselves.
    """
    command = [sys.executable, "-m", "signoff_cli", "worker", "--processes", str(processes)]
    running = subprocess.Popen(
        command,
        env=os.environ | environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        with ending_with_parent(running.pid, signal.SIGTERM):
            yield running
    finally:
        running.terminate()
        try:
            running.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _wait(
    stop: threading.Event,
    servers: Sequence[Watched],
    workers: subprocess.Popen[bytes] | None,
) -> None:
    """Wait for a signal.

    Raises:
        ServerEndedError: a server does not answer any more.
        WorkersEndedError: the workers ended by themselves.
    """
    while not stop.wait(_CHECK_SECONDS):
        for server in servers:
            server.check()
        # Workers may have ended because their server did; then report the server.
        suspected = any(server.failures for server in servers)
        if workers and workers.poll() is not None and not suspected:
            raise WorkersEndedError(f"the workers ended with exit code {workers.returncode}")


def _show(settings: Settings, workers: int) -> None:
    say(f"Redis     {masked(settings.require('redis_url'))}")
    say(f"Postgres  {masked(settings.require('database_url'))}")
    processes = count(workers, "worker process", "worker processes")
    say(f"Running with {processes}; Ctrl-C stops it all.")
    say(f"Commands in this folder find these servers, in {FILE}: try `signoff status`.")
