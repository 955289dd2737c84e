"""Workers are killed, stopped and paused, at named points and at any moment."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from processes import KEYS, eventually

from faults.events import opener, poison, some, unknown_interactions
from faults.fault import Fault, NotHereError, check_killed, lead_to_death
from faults.stage import Stage

_BATCH_POINTS: Final = ("after take", "before commit", "after commit", "after acknowledge")
_LONGER_THAN_A_LEASE: Final = 3.0
"""Seconds; a lease lasts two of them here."""


def _killed_at(point: str, stage: Stage, chance: Random) -> Iterator[None]:
    """One worker more, which the traffic leads to its death."""
    with stage.workers.one_more(point) as doomed:
        lead_to_death(doomed, point, lambda: stage.publish(some(20, seed=chance.random())))
        yield


def _killed_in_the_sweep(stage: Stage, _: Random) -> Iterator[None]:
    """What RQ gave up is in the dead letters already, and still in Redis, when the sweeper dies."""
    jobs = [poison(f"failed-{time.time_ns()}-{n}") for n in range(20)]
    with stage.workers.one_more("in the sweep") as doomed:
        # Another worker may be faster; then there was nothing left for this one to die of.
        while doomed.poll() is None:
            stage.fail(jobs)
            eventually(
                lambda: doomed.poll() is not None or not stage.redis.admin.zcard(KEYS.failed),
                what="the failed jobs are swept",
            )
        check_killed(doomed, "in the sweep")
        yield


def _killed_in_a_replay(stage: Stage, chance: Random) -> Iterator[None]:
    """A replay dies before its first commit, another after it; a third one brings it to its end."""
    late = unknown_interactions(30, seed=chance.random(), expect="applied")
    never = unknown_interactions(10, seed=chance.random(), expect="dead")
    stage.publish([*late, *never])
    eventually(lambda: len(stage.dead([*late, *never])) == 40, what="all are dead letters")
    stage.publish([opener(one) for one in late])
    eventually(lambda: all(stage.applied(opener(one)) for one in late), what="they are known now")
    for point in ("before commit", "after commit"):
        letters = map(str, stage.dead(late).values())
        command = [sys.executable, "-m", "mortal_replay", point, *letters]
        replay = subprocess.Popen(command, env=stage.env)
        replay.wait()
        check_killed(replay, point)
    yield
    stage.command("dlq", "replay", *stage.dead(late).values(), "--yes", "--keep-going")
    stage.command("dlq", "discard", *stage.dead(never).values(), "--yes", "--reason", "a drill")


def _killed_anywhere(stage: Stage, chance: Random) -> Iterator[None]:
    stage.workers.replace(chance.choice(stage.workers.processes), signal.SIGKILL)
    yield
    stage.workers.replace(chance.choice(stage.workers.processes), signal.SIGKILL)


def _terminated(stage: Stage, chance: Random) -> Iterator[None]:
    """SIGTERM: the batch in hand is finished, and the exit code says that all is well."""
    code = stage.workers.replace(chance.choice(stage.workers.processes), signal.SIGTERM)
    if code != 0:
        raise AssertionError(f"a worker that was asked to stop ended with {code}")
    yield


def _stopped(stage: Stage, chance: Random) -> Iterator[None]:
    """SIGSTOP: another worker gets the batch; then this worker goes on with it."""
    stopped = chance.choice(stage.workers.processes)
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(_LONGER_THAN_A_LEASE)
    yield
    stopped.send_signal(signal.SIGCONT)


def _ahead(stage: Stage, chance: Random) -> Iterator[None]:
    """All workers on a host whose clock is ten minutes fast: it bounds no lease and no order."""
    with_clock = _skewed("+600s")
    for process in list(stage.workers.processes):
        stage.workers.replace(process, signal.SIGTERM, env=with_clock)
    stage.publish(some(20, seed=chance.random(), occurred_at=_now()))
    yield
    for process in list(stage.workers.processes):
        stage.workers.replace(process, signal.SIGTERM)


def _behind(stage: Stage, chance: Random) -> Iterator[None]:
    """All workers on a host that is ten minutes slow: to them, what occurred now is yet to come.

    Such events become dead letters; once the clock is right, a replay applies them.
    """
    with_clock = _skewed("-600s")
    for process in list(stage.workers.processes):
        stage.workers.replace(process, signal.SIGTERM, env=with_clock)
    fresh = some(20, seed=chance.random(), occurred_at=_now())
    stage.publish(fresh)
    eventually(lambda: len(stage.dead(fresh)) == len(fresh), what="the slow clock refused them")
    yield
    for process in list(stage.workers.processes):
        stage.workers.replace(process, signal.SIGTERM)
    stage.command("dlq", "replay", *stage.dead(fresh).values(), "--yes", "--keep-going")


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
