"""Other streams of events than the mix: one busy row, reversed, repeated, partly invalid."""

import statistics
from collections.abc import Callable, Sequence
from uuid import uuid4

from deployment import KEYS, Deployment, Row, decisions, events

from signoff_schemas import AnyEvent, ApprovalEvent, encode_job
from signoff_schemas.keys import JOB_PREFIX


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Drain each shape with one worker, alternating with the ordinary mix."""
    count, rounds = (5_000, 1) if quick else (20_000, 3)
    mix = events(count)
    shapes: dict[str, Callable[[], float]] = {
        "mix": lambda: _drain(deployment, mix),
        "one interaction": lambda: _drain(deployment, events(count, interactions=1, customers=1)),
        "one interaction, twice as many": lambda: _drain(
            deployment, events(2 * count, interactions=1, customers=1)
        ),
        "one customer": lambda: _drain(deployment, events(count, customers=1)),
        "one customer, twice as many": lambda: _drain(deployment, events(2 * count, customers=1)),
        "reversed": lambda: _drain(deployment, mix[::-1]),
        "1 % bad": lambda: _drain(deployment, mix, bad=count // 100),
        "1 % refused by the database": lambda: _refused(deployment, mix),
        "all again": lambda: _again(deployment, mix),
        "decisions": lambda: _drain(deployment, decisions(count)),
        "decisions that rest on events": lambda: _decided(deployment, mix),
    }
    measured: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, shape in shapes.items():
            measured.setdefault(name, []).append(shape())
    rate = {name: statistics.median(rates) for name, rates in measured.items()}
    usual = rate["mix"]
    once, twice = rate["one interaction"], rate["one interaction, twice as many"]
    one, two = rate["one customer"], rate["one customer, twice as many"]
    return [
        Row("all on one interaction", once, "events/s", "the mix", usual, ">= 0.5"),
        Row("twice as many on one interaction", 2 * once / twice, "x the time", target="<= 2.3"),
        Row("all on one customer", one, "events/s", "the mix", usual, ">= 0.5"),
        Row("twice as many on one customer", 2 * one / two, "x the time", target="<= 2.3"),
        Row("exactly reversed", rate["reversed"], "events/s", "the mix", usual, ">= 0.5"),
        Row("all duplicates", rate["all again"], "events/s", "first time", usual, ">= 1.5"),
        Row("status decisions alone", rate["decisions"], "events/s", "the mix", usual, ">= 0.8"),
        Row(
            "status decisions that rest on events",
            rate["decisions that rest on events"],
            "events/s",
            "the mix",
            usual,
        ),
        Row("1 % bad events", rate["1 % bad"], "events/s", "none bad", usual, ">= 0.8"),
        Row(
            "1 % that only Postgres refuses",
            rate["1 % refused by the database"],
            "events/s",
            "none bad",
            usual,
            ">= 0.5",
        ),
    ]


def _drain(deployment: Deployment, some: Sequence[AnyEvent], *, bad: int = 0) -> float:
    deployment.clear()
    step = len(some) // bad if bad else len(some)
    for first in range(0, len(some), step):
        deployment.publish(some[first : first + step])
        if bad:
            _push_bad(deployment)
    rate = (len(some) + bad) / deployment.drain()
    deployment.check(len(some), dead=bad)
    return rate


def _push_bad(deployment: Deployment) -> None:
    job = str(uuid4())
    deployment.redis.hset(JOB_PREFIX + job, "data", encode_job(b'{"event_id": "no"}'))
    deployment.redis.rpush(KEYS.waiting, job)


def _refused(deployment: Deployment, some: list[ApprovalEvent]) -> float:
    """A CHECK that Signoff does not know refuses one event in a hundred."""
    deployment.clear()
    changed = ApprovalEvent.model_validate
    refused = len(some[::100])
    marked = [
        changed(e.model_dump() | {"quality_score": 5, "reviewer_id": "refused"})
        if not n % 100
        else e
        for n, e in enumerate(some)
    ]
    deployment.database.execute(
        "ALTER TABLE approvals ADD CONSTRAINT house_rule CHECK (reviewer_id <> 'refused')"
    )
    try:
        deployment.publish(marked)
        rate = len(marked) / deployment.drain()
        deployment.check(len(marked) - refused, dead=refused)
    finally:
        deployment.database.execute("ALTER TABLE approvals DROP CONSTRAINT house_rule")
    return rate


def _decided(deployment: Deployment, some: list[ApprovalEvent]) -> float:
    """Decisions that rest on events which are already applied."""
    _drain(deployment, some)
    made = decisions(len(some), on=some)
    deployment.publish(made)
    rate = len(made) / deployment.drain()
    deployment.check(2 * len(some))
    return rate


def _again(deployment: Deployment, some: list[ApprovalEvent]) -> float:
    _drain(deployment, some)
    deployment.publish(some)
    rate = len(some) / deployment.drain()
    deployment.check(len(some))
    return rate
