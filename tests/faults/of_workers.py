"""Workers are killed, stopped and paused, at named points and at any moment."""

import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from forked import start
from processes import KEYS, eventually

from faults.deployment import Deployment
from faults.events import opener, poison, some, unknown_interactions
from faults.fault import Fault, NotHereError, check_killed, work_until_killed

_BATCH_POINTS: Final = ("after take", "before commit", "after commit", "after acknowledge")
_LONGER_THAN_A_LEASE: Final = 3.0
"""Seconds; a lease lasts two of them here."""


def _killed_at(point: str, deployment: Deployment, chance: Random) -> Iterator[None]:
    """One more worker, which kills itself at the point."""
    with deployment.workers.one_more(point) as doomed:
        work_until_killed(doomed, point, lambda: deployment.publish(some(20, seed=chance.random())))
        yield


def _killed_in_the_sweep(deployment: Deployment, _: Random) -> Iterator[None]:
    """The sweeper dies when jobs that RQ failed are dead letters, but still in Redis."""
    jobs = [poison(f"failed-{time.time_ns()}-{n}") for n in range(20)]
    with deployment.workers.one_more("in the sweep") as doomed:
        # Another worker may have swept all of them first; then this one does not die.
        while doomed.poll() is None:
            deployment.fail(jobs)
            eventually(
                lambda: doomed.poll() is not None or not deployment.redis.admin.zcard(KEYS.failed),
                what="the failed jobs are swept",
            )
        check_killed(doomed, "in the sweep")
        yield


def _killed_in_a_replay(deployment: Deployment, chance: Random) -> Iterator[None]:
    """One replay dies before its first commit, the next after it; a third one completes."""
    late = unknown_interactions(30, seed=chance.random(), expect="applied")
    never = unknown_interactions(10, seed=chance.random(), expect="dead")
    deployment.publish([*late, *never])
    eventually(lambda: len(deployment.dead([*late, *never])) == 40, what="all are dead letters")
    deployment.publish([opener(one) for one in late])
    eventually(
        lambda: all(deployment.applied(opener(one)) for one in late), what="they are known now"
    )
    for point in ("before commit", "after commit"):
        letters = map(str, deployment.dead(late).values())
        command = [sys.executable, "-m", "crashing_replay", point, *letters]
        replay = start(command, env=deployment.env)
        replay.wait()
        check_killed(replay, point)
    yield
    deployment.command("dlq", "replay", *deployment.dead(late).values(), "--yes", "--keep-going")
    deployment.command(
        "dlq", "discard", *deployment.dead(never).values(), "--yes", "--reason", "a drill"
    )


def _killed_anywhere(deployment: Deployment, chance: Random) -> Iterator[None]:
    deployment.workers.replace(chance.choice(deployment.workers.processes), signal.SIGKILL)
    yield
    deployment.workers.replace(chance.choice(deployment.workers.processes), signal.SIGKILL)


def _terminated(deployment: Deployment, chance: Random) -> Iterator[None]:
    """SIGTERM: the worker finishes its batch and exits with 0."""
    code = deployment.workers.replace(chance.choice(deployment.workers.processes), signal.SIGTERM)
    if code != 0:
        raise AssertionError(f"a worker that was asked to stop ended with {code}")
    yield


def _stopped(deployment: Deployment, chance: Random) -> Iterator[None]:
    """SIGSTOP: another worker gets the batch; then this worker continues with it."""
    stopped = chance.choice(deployment.workers.processes)
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(_LONGER_THAN_A_LEASE)
    yield
    stopped.send_signal(signal.SIGCONT)


def _ahead(deployment: Deployment, chance: Random) -> Iterator[None]:
    """The clock of all workers is ten minutes fast: leases and order do not depend on it."""
    with_clock = _skewed("+600s")
    for process in list(deployment.workers.processes):
        deployment.workers.replace(process, signal.SIGTERM, env=with_clock)
    deployment.publish(some(20, seed=chance.random(), occurred_at=_now()))
    yield
    for process in list(deployment.workers.processes):
        deployment.workers.replace(process, signal.SIGTERM)


def _behind(deployment: Deployment, chance: Random) -> Iterator[None]:
    """The clock of all workers is ten minutes slow: to them, new events occur in the future.

    Such events become dead letters; once the clock is right, a replay applies them.
    """
    with_clock = _skewed("-600s")
    for process in list(deployment.workers.processes):
        deployment.workers.replace(process, signal.SIGTERM, env=with_clock)
    fresh = some(20, seed=chance.random(), occurred_at=_now())
    deployment.publish(fresh)
    eventually(
        lambda: len(deployment.dead(fresh)) == len(fresh), what="the slow clock refused them"
    )
    yield
    for process in list(deployment.workers.processes):
        deployment.workers.replace(process, signal.SIGTERM)
    deployment.command("dlq", "replay", *deployment.dead(fresh).values(), "--yes", "--keep-going")


def _skewed(offset: str) -> dict[str, str]:
    """The environment of a process whose clock differs from this machine's by so much."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise NotHereError("libfaketime is not installed (Debian: apt-get install libfaketime)")
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _now() -> str:
    return (datetime.now(UTC) - timedelta(seconds=1)).isoformat()


FAULTS: Final = (
    *(
        Fault(f"worker: kill -9 {point}", "workers", partial(_killed_at, point), takes_long=True)
        for point in _BATCH_POINTS
    ),
    Fault("worker: kill -9 in the sweep", "workers", _killed_in_the_sweep),
    Fault("replay: kill -9 before and after its commit", "workers", _killed_in_a_replay),
    Fault("worker: kill -9 at any moment", "workers", _killed_anywhere),
    Fault("worker: SIGTERM in a batch", "workers", _terminated, takes_long=True),
    Fault("worker: SIGSTOP beyond its lease, SIGCONT", "workers", _stopped, takes_long=True),
    Fault("workers' clock 10 minutes fast", "workers", _ahead, takes_long=True),
    Fault("workers' clock 10 minutes slow", "workers", _behind, takes_long=True),
)
