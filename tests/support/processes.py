"""Real worker processes, and waiting for what they do without guessing how long it takes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from forked import start
from redis import Redis

from signoff_embedded import ending_with_parent
from signoff_queue.reader import QueueReader
from signoff_schemas.keys import QueueKeys

KEYS = QueueKeys("approvals")
_POLLS: Final = 0.02, 0.05
"""Seconds between two looks of a wait, at first and at most: some wait for what does not last."""
DEADLINE: Final = float(os.environ.get("TEST_DEADLINE", "180"))
"""Seconds after which any wait of a test has failed: no measure of speed, only an end.

It is the one deadline of all tests. A machine that is slower still sets TEST_DEADLINE.
"""
BIN = Path(sys.executable).parent


def environment(redis_url: str, database_url: str, **settings: Any) -> dict[str, str]:
    """The environment of a process: these servers, quick retries, nothing of the developer's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    given = {f"SIGNOFF_{name.upper()}": str(value) for name, value in settings.items()}
    return {
        **clean,
        "SIGNOFF_REDIS_URL": redis_url,
        "SIGNOFF_DATABASE_URL": database_url,
        # Long, so that a busy machine counts no worker as dead; where one is, its lease is deleted.
        "SIGNOFF_REDELIVER_AFTER": "60",
        "SIGNOFF_RETRY_DELAY": "0.05",
        "PYTHONPATH": str(Path(__file__).parent),
        **given,
    }


@contextmanager
def process(*command: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed when the block or the tests end; its output goes to `log`."""
    with log.open("ab") as output:
        started = start(command, env=env, stdout=output, stderr=output, cwd=log.parent)
    try:
        with ending_with_parent(started.pid, signal.SIGKILL):
            yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGCONT)
            started.kill()
        started.wait()


def worker(
    env: dict[str, str],
    log: Path,
    *,
    crash_at: str | None = None,
    mode: Literal["", "burst", "again"] = "",
) -> Any:
    """A worker process; `crash_at` names the point at which it kills itself with signal 9.

    In mode `burst` it ends when nothing waits; with `again` another one takes its place whenever
    it died, until nothing is left to do.
    """
    arguments = [crash_at or "", mode]
    return process(sys.executable, "-m", "crashing_worker", *arguments, env=env, log=log)


def exit_code(ending: "subprocess.Popen[Any]", *, log: Path | None = None) -> int:
    """Wait for a process to end; returns its exit code."""
    try:
        return ending.wait(DEADLINE)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{late}{_printed(log)}") from None


def idle(client: Redis) -> bool:
    """Nothing on the queue of approvals waits, is in flight, is put off or has failed in RQ."""
    counts = QueueReader(client, KEYS.name).counts()
    return not any((counts.waiting, counts.in_flight, counts.scheduled, counts.rq_failed))


def eventually(
    holds: Callable[[], bool],
    *,
    what: str,
    log: Path | None = None,
    saw: Callable[[], object] | None = None,
) -> None:
    """Wait until it holds; if it never does, fail with what was waited for and what was found.

    Who has waited long looks less often: a look may open a connection or run a command, and takes
    processor time from what is waited for.

    Args:
        holds: is called again and again.
        what: is waited for, in words.
        log: of the process that should bring it about; its end is shown.
        saw: what to show of the state.
    """
    begun, (shortest, longest) = time.monotonic(), _POLLS
    while not holds():
        waited = time.monotonic() - begun
        if waited > DEADLINE:
            found = f"; found {saw()!r}" if saw else ""
            raise AssertionError(f"still not so after {DEADLINE:g} s: {what}{found}{_printed(log)}")
        time.sleep(min(max(shortest, waited / 10), longest))


def _printed(log: Path | None) -> str:
    return "\n" + log.read_text("utf-8", "replace")[-4000:] if log and log.exists() else ""
