"""Streams of other shapes than the ordinary mix: hot rows, reversed, repeated, partly bad."""

import statistics
from collections.abc import Callable, Sequence
from uuid import uuid4

from stage import KEYS, Row, Stage, decisions, events

from signoff_schemas import AnyEvent, ApprovalEvent, encode_job
from signoff_schemas.keys import JOB_PREFIX


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Drain each shape with one worker, alternating with the ordinary mix."""
    count, rounds = (5_000, 1) if quick else (20_000, 3)
    mix = events(count)
    shapes: dict[str, Callable[[], float]] = {
        "mix": lambda: _drain(stage, mix),
        "one interaction": lambda: _drain(stage, events(count, interactions=1, customers=1)),
        "one interaction, twice as many": lambda: _drain(
            stage, events(2 * count, interactions=1, customers=1)
        ),
        "one customer": lambda: _drain(stage, events(count, customers=1)),
        "one customer, twice as many": lambda: _drain(stage, events(2 * count, customers=1)),
        "reversed": lambda: _drain(stage, mix[::-1]),
        "1 % bad": lambda: _drain(stage, mix, bad=count // 100),
        "1 % refused by the database": lambda: _refused(stage, mix),
        "all again": lambda: _again(stage, mix),
        "decisions": lambda: _drain(stage, decisions(count)),
        "decisions that rest on events": lambda: _decided(stage, mix),
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
        Row("twice as many on one interaction", 2 * once / twice, "x the time", reach="<= 2.3"),
        Row("all on one customer", one, "events/s", "the mix", usual, ">= 0.5"),
        Row("twice as many on one customer", 2 * one / two, "x the time", reach="<= 2.3"),
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


def _drain(stage: Stage, some: Sequence[AnyEvent], *, bad: int = 0) -> float:
    stage.clear()
    step = len(some) // bad if bad else len(some)
    for first in range(0, len(some), step):
        stage.publish(some[first : first + step])
        if bad:
            _push_bad(stage)
    rate = (len(some) + bad) / stage.drain()
    stage.check(len(some), dead=bad)
    return rate


def _push_bad(stage: Stage) -> None:
    job = str(uuid4())
    stage.redis.hset(JOB_PREFIX + job, "data", encode_job(b'{"event_id": "no"}'))
    stage.redis.rpush(KEYS.waiting, job)


def _refused(stage: Stage, some: list[ApprovalEvent]) -> float:
    """A rule of the installation's own, of which Signoff knows nothing, hits one in a hundred."""
    stage.clear()
    unlucky = ApprovalEvent.model_validate
    refused = len(some[::100])
    marked = [
        unlucky(e.model_dump() | {"quality_score": 5, "reviewer_id": "unlucky"})
        if not n % 100
        else e
        for n, e in enumerate(some)
    ]
    stage.database.execute(
        "ALTER TABLE approvals ADD CONSTRAINT house_rule CHECK (reviewer_id <> 'unlucky')"
    )
    try:
        stage.publish(marked)
        rate = len(marked) / stage.drain()
        stage.check(len(marked) - refused, dead=refused)
    finally:
        stage.database.execute("ALTER TABLE approvals DROP CONSTRAINT house_rule")
    return rate


def _decided(stage: Stage, some: list[ApprovalEvent]) -> float:
    """Decisions about customers whose events are applied already."""
    _drain(stage, some)
    made = decisions(len(some), on=some)
    stage.publish(made)
    rate = len(made) / stage.drain()
    stage.check(2 * len(some))
    return rate


def _again(stage: Stage, some: list[ApprovalEvent]) -> float:
    _drain(stage, some)
    stage.publish(some)
    rate = len(some) / stage.drain()
    stage.check(len(some))
    return rate
