"""What publishers do: all at once, far too much, far too large, and with a clock that is wrong."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from processes import eventually

from faults.events import Published, poison, some
from faults.fault import Fault
from faults.stage import Stage
from signoff_producer import Answer

_MEGABYTES: Final = 10_000_000
_SKEW: Final = timedelta(minutes=10)


def _killed(stage: Stage, chance: Random) -> Iterator[None]:
    """Publishers die with receipts on their way; started again, they publish what has none."""
    for publisher in stage.publishers:
        publisher.kill()
    yield
    chance.choice(stage.publishers).kill()


def _twice_at_once(stage: Stage, chance: Random) -> Iterator[None]:
    same = some(300, seed=chance.random())
    publishers = [
        threading.Thread(target=stage.publish, args=[order]) for order in (same, same[::-1])
    ]
    for publisher in publishers:
        publisher.start()
    yield
    for publisher in publishers:
        publisher.join()


def _poisoned(count: int, stage: Stage, chance: Random) -> Iterator[None]:
    """Good events that come behind them still flow: the fault is over when one is applied."""
    stage.push([poison(f"poison-{time.time_ns()}-{n}") for n in range(count)])
    (good,) = some(1, seed=chance.random())
    stage.publish([good])
    eventually(lambda: stage.applied(good), what="a good event behind the poison is applied")
    yield


def _huge(stage: Stage, chance: Random) -> Iterator[None]:
    """As jobs of any language they are dead letters; a producer refuses them."""
    stage.push([poison(f"huge-{time.time_ns()}-{n}", _MEGABYTES) for n in range(3)])
    _check_refused(stage, some(1, seed=chance.random(), reviewer_notes="x" * _MEGABYTES))
    yield


def _early(stage: Stage, chance: Random) -> Iterator[None]:
    """To a publisher ten minutes fast everything occurs too early: it is refused, not accepted."""
    _check_refused(stage, _stamped(chance, datetime.now(UTC) + _SKEW))
    yield


def _late(stage: Stage, chance: Random) -> Iterator[None]:
    """What a publisher ten minutes slow stamps takes its place ten minutes earlier."""
    stage.publish(_stamped(chance, datetime.now(UTC) - _SKEW))
    yield


def _stamped(chance: Random, now: datetime) -> list[Published]:
    fields: dict[str, Any] = {"occurred_at": now.isoformat()}
    return some(50, seed=chance.random(), **fields)


def _check_refused(stage: Stage, events: list[Published]) -> None:
    answers = {receipt.answer for receipt in stage.try_to_publish(events)}
    if answers != {Answer.REJECTED}:
        raise AssertionError(f"they were to be refused, and the answers were {answers}")


FAULTS: Final = (
    Fault("publishers: kill -9", "events", _killed),
    Fault("the same events from two publishers at once", "events", _twice_at_once),
    Fault("2,000 poison jobs in a row", "events", partial(_poisoned, 2_000)),
    Fault("100,000 poison jobs in a row", "events", partial(_poisoned, 100_000), takes_long=True),
    Fault("payloads of 10 MB", "events", _huge),
    Fault("a publisher's clock 10 minutes fast", "events", _early),
    Fault("a publisher's clock 10 minutes slow", "events", _late),
)
