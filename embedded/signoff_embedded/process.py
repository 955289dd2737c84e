"""Run a server as a child process: start it, wait until it answers, stop it."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from signoff_embedded.errors import EmbeddedError
from signoff_embedded.parent import ending_with_parent
from signoff_schemas.private_files import open_private
from signoff_schemas.wording import printable

_logger: Final = logging.getLogger(__name__)
# Long enough for a server that replays its log after a crash, and for a last checkpoint.
START_SECONDS: Final = 900
STOP_SECONDS: Final = 180
_POLL_SECONDS: Final = 0.02
_LOG_LINES: Final = 10
_LINE: Final = 500


@dataclass(frozen=True)
class Launch:
    """The parameters of a server's process; `user` is None for the user that runs Signoff."""

    command: Sequence[str | Path]
    log: Path
    cwd: Path
    env: Mapping[str, str] | None = None
    user: int | None = None
    group: int | None = None
    pass_fds: Sequence[int] = ()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a new session, with its output in the log.

        A terminal sends Ctrl-C to every process of its session. The servers must not get it, since
        they have to stop after the processes that use them.
        """
        log = open_private(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=self.env,
                user=self.user,
                group=self.group,
                extra_groups=None if self.user is None else [],
                pass_fds=self.pass_fds,
                start_new_session=True,
            )
        finally:
            os.close(log)


@contextmanager
def running(
    name: str, launch: Launch, *, answers: Callable[[], bool], stop_signal: signal.Signals
) -> Iterator[None]:
    """Run a server until the block or this process ends; the block begins when it answers.

    Raises:
        EmbeddedError: it does not start, ends before it answers, or does not answer in time.
    """
    process = started(name, launch)
    try:
        with _ending_with_us(name, process, launch, stop_signal):
            _wait_until_answering(name, launch.log, process, answers)
            yield
    finally:
        _stop(name, process, stop_signal)


@contextmanager
def _ending_with_us(
    name: str, process: subprocess.Popen[bytes], launch: Launch, stop_signal: signal.Signals
) -> Iterator[None]:
    with ExitStack() as stack:
        ending = ending_with_parent(process.pid, stop_signal, user=launch.user, group=launch.group)
        try:
            stack.enter_context(ending)
        except (OSError, subprocess.SubprocessError) as error:
            raise _cannot_start(name, "/bin/sh", error) from error
        yield


def started(name: str, launch: Launch) -> subprocess.Popen[bytes]:
    """Start the process; if the system refuses, raise an error that says why."""
    try:
        return launch.start()
    except (OSError, subprocess.SubprocessError) as error:
        raise _cannot_start(name, launch.command[0], error) from error


def _cannot_start(name: str, program: str | Path, error: Exception) -> EmbeddedError:
    place = getattr(error, "filename", None) or program
    why = getattr(error, "strerror", None) or type(error).__name__
    return EmbeddedError(f"{name} cannot be started ({place}): {why}")


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until the condition holds; returns False if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def log_tail(log: Path) -> str:
    """The last lines of a server's log, and the path of the log."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        last = [f"  {printable(line.rstrip(), limit=_LINE)}" for line in deque(lines, _LOG_LINES)]
    return "\n".join([f"The end of its log {log}:", *last]).rstrip()


def _wait_until_answering(
    name: str, log: Path, process: subprocess.Popen[bytes], answers: Callable[[], bool]
) -> None:
    def settled() -> bool:
        return process.poll() is not None or answers()

    in_time = wait_for(settled, seconds=START_SECONDS)
    if process.returncode is not None:
        raise EmbeddedError(f"{name} ended while it started. {log_tail(log)}")
    if not in_time:
        raise EmbeddedError(f"{name} did not answer for {START_SECONDS} seconds. {log_tail(log)}")


def _stop(name: str, process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Ask the server to end, and wait for it.

    If the wait is interrupted, the server still ends by itself.
    """
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _logger.warning(
            "%s did not stop within %s seconds and is killed; it recovers at the next start",
            name,
            STOP_SECONDS,
        )
        process.kill()
        process.wait()


@contextmanager
def ending_by_signal_unwinds() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise an exception in the block.

    By default they end Python at once, without `finally`, and the servers would go on running. A
    handler that was set before is not replaced, and nothing is changed outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in ours:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
