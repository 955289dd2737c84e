"""Faults of publishers: killed, the same event at once, invalid or huge jobs, wrong clocks."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from processes import eventually

from faults.deployment import Deployment
from faults.events import Published, poison, some
from faults.fault import Fault
from signoff_producer import Answer

_MEGABYTES: Final = 10_000_000
_SKEW: Final = timedelta(minutes=10)


def _killed(deployment: Deployment, chance: Random) -> Iterator[None]:
    """Publishers are killed before they get receipts; restarted, they publish these again."""
    for publisher in deployment.publishers:
        publisher.kill()
    yield
    chance.choice(deployment.publishers).kill()


def _twice_at_once(deployment: Deployment, chance: Random) -> Iterator[None]:
    same = some(300, seed=chance.random())
    publishers = [
        threading.Thread(target=deployment.publish, args=[order]) for order in (same, same[::-1])
    ]
    for publisher in publishers:
        publisher.start()
    yield
    for publisher in publishers:
        publisher.join()


def _poisoned(count: int, deployment: Deployment, chance: Random) -> Iterator[None]:
    """Good events behind the bad ones are still applied: the fault ends when one is."""
    deployment.push([poison(f"poison-{time.time_ns()}-{n}") for n in range(count)])
    (good,) = some(1, seed=chance.random())
    deployment.publish([good])
    eventually(lambda: deployment.applied(good), what="a good event behind the poison is applied")
    yield


def _huge(deployment: Deployment, chance: Random) -> Iterator[None]:
    """Huge jobs become dead letters; a producer refuses such events."""
    deployment.push([poison(f"huge-{time.time_ns()}-{n}", _MEGABYTES) for n in range(3)])
    _check_refused(deployment, some(1, seed=chance.random(), reviewer_notes="x" * _MEGABYTES))
    yield


def _early(deployment: Deployment, chance: Random) -> Iterator[None]:
    """Events stamped by a clock that is ten minutes fast are refused."""
    _check_refused(deployment, _stamped(chance, datetime.now(UTC) + _SKEW))
    yield


def _late(deployment: Deployment, chance: Random) -> Iterator[None]:
    """Events stamped by a clock that is ten minutes slow are applied as ten minutes older."""
    deployment.publish(_stamped(chance, datetime.now(UTC) - _SKEW))
    yield


def _stamped(chance: Random, now: datetime) -> list[Published]:
    fields: dict[str, Any] = {"occurred_at": now.isoformat()}
    return some(50, seed=chance.random(), **fields)


def _check_refused(deployment: Deployment, events: list[Published]) -> None:
    answers = {receipt.answer for receipt in deployment.try_to_publish(events)}
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
