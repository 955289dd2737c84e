"""How everything is, in one sentence: from what was read, with the reasons and where to act."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_db.feed_lag import ReaderState
from signoff_db.reading import Overview
from signoff_insight.rapport.reach import Reach
from signoff_ops.condition import Condition, Level, condition
from signoff_ops.status import QueueStatus, Status
from signoff_ops.throughput import Rate
from signoff_queue.pausing import Pause
from signoff_queue.reader import Counts
from signoff_queue.workers import WorkerState
from signoff_relay.table import OutboxOverview, OutboxWaiting
from signoff_schemas import FailureKind

NOW = datetime(2026, 11, 28, 3, 12, tzinfo=UTC)
MOVING = Rate(applied=1240, dead=0, seconds=10)
IDLE = Rate(applied=0, dead=0, seconds=10)


def worker(name: str = "one", **fields: Any) -> WorkerState:
    """A worker that is ready, unless the test says otherwise."""
    ready = WorkerState(
        name=name, state="busy", host="h", pid=1, last_heartbeat=NOW,
        heartbeat_age=timedelta(seconds=1), successful=0, failed=0, live=True, ready=True,
        waits_for=None,
    )  # fmt: skip
    return replace(ready, **fields)


SILENT = worker("two", state="silent", live=False, ready=False)
WAITS = worker("one", ready=False, waits_for="Postgres: it does not answer")
TWO = (worker("one"), worker("two"))


def queue(
    waiting: int = 0,
    oldest: float | None = None,
    workers: tuple[WorkerState, ...] = TWO,
    pause: Pause | None = None,
    **counts: int,
) -> QueueStatus:
    """A queue in which nothing waits, unless the test says otherwise."""
    held = {"in_flight": 0, "scheduled": 0, "rq_failed": 0, "missing_jobs": 0, "oversized": 0}
    age = None if oldest is None else timedelta(seconds=oldest)
    return QueueStatus(
        "approvals", Counts(waiting=waiting, **(held | counts)), age, None, workers, pause
    )


def status(of_queue: QueueStatus | None = None, **fields: Any) -> Status:
    """All is well, unless the test says otherwise."""
    state = Overview(0, False, 0, False, None, {})
    well = Status(of_queue or queue(), state, (), (), None, None, 0, {})
    return replace(well, **fields)


def dead(letters: int, causes: int | None) -> dict[str, Any]:
    """The fields of a status with so many dead letters."""
    kinds = {FailureKind.INVALID_PAYLOAD: letters}
    return {"state": Overview(0, False, 0, False, None, kinds), "causes": causes}


def outbox(waiting: int, due_for: float | None, refused: int = 0) -> dict[str, Any]:
    """The fields of a status with such an outbox."""
    due = None if due_for is None else NOW - timedelta(seconds=due_for)
    return {
        "outbox": OutboxOverview(waiting, due, refused),
        "outbox_waiting": OutboxWaiting(waiting, waiting if due is None else 0, None, due),
    }


PAUSE = Pause("user:ann", NOW, "a bad release", None)


@pytest.mark.parametrize(
    ("found", "rate", "level", "sentence"),
    [
        (
            status(queue(1200, 0.6)), MOVING, "ok",
            ("All is well: 2 workers apply 1,240 events a second, nothing waits longer than 1 s, "
            "no dead letters."),
        ),
        (
            status(queue(workers=(worker(),))), IDLE, "ok",
            "All is well: 1 worker listens, nothing waits, no dead letters.",
        ),
        (status(), None, "ok", "All is well: 2 workers listen, nothing waits, no dead letters."),
        (
            status(queue(5, 0.1), **dead(4112, 3)), MOVING, "attention",
            "4,112 dead letters of 3 causes; the queue moves.",
        ),
        (
            status(**dead(1, 1)), IDLE, "attention",
            "1 dead letter of 1 cause; nothing waits in the queue.",
        ),
        (
            status(**dead(200_000, 1000)), IDLE, "attention",
            "200,000 dead letters of 1,000+ causes; nothing waits in the queue.",
        ),
        (
            status(queue(12_400, 720, workers=())), None, "trouble",
            "No worker listens: 12,400 events wait, the oldest for 12 min.",
        ),
        (
            status(queue(1, None, workers=(SILENT,))), IDLE, "trouble",
            "No worker listens: 1 event waits.",
        ),
        (
            status(queue(7, 3, workers=(WAITS,))), IDLE, "trouble",
            "No worker applies events.",
        ),
        (
            status(queue(7, 3, workers=(WAITS, worker("two")))), MOVING, "attention",
            "1 worker is not ready.",
        ),
        (
            status(queue(workers=(worker(), SILENT))), IDLE, "attention",
            "1 worker is silent; nothing waits in the queue.",
        ),
        (
            status(queue(500, 300)), IDLE, "trouble",
            "The queue does not move: 500 events wait, the oldest for 5 min.",
        ),
        (
            status(queue(124_000, 300)), MOVING, "attention",
            "124,000 events wait, the oldest for 5 min.",
        ),
        (
            status(queue(9, 600, pause=PAUSE)), IDLE, "attention",
            "The queue is paused by user:ann: 9 events wait, the oldest for 10 min.",
        ),
        (
            status(queue(pause=Pause(None, None, None, None)), **dead(2, 2)), IDLE, "attention",
            ("The queue is paused by somebody outside of Signoff: nothing waits; "
            "2 dead letters of 2 causes."),
        ),
        (
            status(**outbox(12, 300)), IDLE, "trouble",
            "12 events in the outbox, the oldest for 5 min; nothing waits in the queue.",
        ),
        (status(**outbox(12, None)), IDLE, "ok", ("All is well: 2 workers listen, nothing waits, "
            "no dead letters.")),
        (
            status(**outbox(0, None, refused=3)), IDLE, "attention",
            "The queue refuses 3 events of the outbox; nothing waits in the queue.",
        ),
        (
            status(recent_deaths=75), IDLE, "attention",
            ("Workers died again and again with 75 events in hand in the last hour; nothing waits "
            "in the queue."),
        ),
        (
            status(operations_without_runner=1), IDLE, "attention",
            "1 operation waits for a runner; nothing waits in the queue.",
        ),
        (
            status(queue(missing_jobs=2, oversized=1), **dead(1, 1)), IDLE, "attention",
            "2 job ids without a job; 1 oversized job; and 1 more; nothing waits in the queue.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_the_worst_first(
    found: Status, rate: Rate | None, level: str, sentence: str
) -> None:
    """In plain words, with numbers; whether the queue moves where that is not the trouble."""
    told = condition(found, rate, NOW)
    assert (told.sentence, told.level) == (sentence, level)


def test_a_server_that_is_away_is_said_and_nothing_is_called_well() -> None:
    """What is not known is not taken for nothing."""
    no_redis = replace(status(), queue=None, away={"redis": "Redis at r failed: refused"})
    told = condition(no_redis, None, NOW)
    assert (told.level, told.sentence) == (Level.TROUBLE, "Redis cannot be read.")
    assert "Redis at r failed" in told.reasons[0].text

    no_postgres = Status(queue(3, 1), None, None, None, None, None, None, {"postgres": "away"})
    told = condition(no_postgres, MOVING, NOW)
    assert (told.level, told.sentence) == (
        Level.TROUBLE,
        "Postgres cannot be read; the queue moves.",
    )


def test_each_reason_leads_to_where_one_acts() -> None:
    """Dead letters to the causes, workers to theirs, a pause to its switch."""
    found = status(
        queue(9, 99, workers=(worker(), SILENT), pause=PAUSE), **dead(3, 1), recent_deaths=3,
        operations_without_runner=2,
    )  # fmt: skip
    paths = {one.key: one.path for one in condition(found, IDLE, NOW).reasons}
    assert paths == {
        "paused": "/ops/workers#queue",
        "silent": "/ops/workers",
        "deaths": "/ops/causes?kind=abandoned",
        "dead": "/ops/causes",
        "operations": "/ops/replays",
    }


def test_a_reader_of_the_feed_that_fails_or_is_late_is_a_reason() -> None:
    """As in the doctor's report."""
    fails = ReaderState("facts", None, None, NOW, "it raised KeyError", None)
    late = ReaderState("mirror", 10_000, NOW - timedelta(hours=1), NOW, None, None)
    fine = ReaderState("other", 0, None, NOW, None, None)
    told = condition(status(readers=(fails, late, fine)), IDLE, NOW)
    assert [one.key for one in told.reasons] == ["Reader facts", "Reader mirror"]
    assert told.sentence.startswith("Reader facts needs a look; reader mirror needs a look")


def test_a_second_database_that_is_away_is_no_trouble() -> None:
    """Events are applied all the same; where contexts are not kept, that is a reason too."""
    away = condition(status(away={"rapport": "it cannot be reached"}), IDLE, NOW)
    assert (away.level, [one.key for one in away.reasons]) == (Level.ATTENTION, ["away:rapport"])
    assert away.sentence.startswith("The second database cannot be read")
    for reach, words in (
        (Reach(NOW - timedelta(days=9000), True, None, None, None), "start `signoff rapport run`"),
        (Reach(NOW, True, 0.4, None, None), "computed anew, 40% of the customers so far"),
        (Reach(None, True, None, None, None), "never computed"),
        (Reach(NOW, True, None, "no room", None), "their reader fails: no room"),
    ):
        told = condition(status(contexts=reach), IDLE, NOW)
        assert [one.key for one in told.reasons] == ["Second database contexts"]
        assert words in told.reasons[0].text
    assert not condition(status(contexts=Reach(NOW, False, None, None, None)), IDLE, NOW).reasons


_WORKERS = st.lists(st.sampled_from([*TWO, SILENT, WAITS]), max_size=3).map(tuple)
_QUEUES = st.builds(
    queue,
    st.integers(0, 10**7),
    st.none() | st.floats(0, 1e6),
    _WORKERS,
    st.none() | st.just(PAUSE),
    missing_jobs=st.integers(0, 3),
)
_STATES = st.builds(
    status,
    _QUEUES,
    state=st.none() | st.just(status(**dead(5, 2)).state),
    readers=st.none() | st.just(()),
    away=st.sampled_from(
        [{}, {"redis": "x"}, {"postgres": "x"}, {"outbox": "x"}, {"rapport": "x"}]
    ),
)


@given(found=_STATES, rate=st.none() | st.sampled_from([MOVING, IDLE]))
def test_it_is_well_exactly_where_there_is_no_reason(found: Status, rate: Rate | None) -> None:
    """The level is that of the worst reason; the sentence is one sentence; keys are unique."""
    told = condition(found, rate, NOW)
    assert (told.level == Level.OK) == (not told.reasons) == told.sentence.startswith("All is")
    assert told.sentence.endswith(".")
    assert told.sentence[0].isupper() or told.sentence[0].isdigit()
    _ranked(told)


def _ranked(told: Condition) -> None:
    order = [Level.TROUBLE, Level.ATTENTION]
    levels = [order.index(one.level) for one in told.reasons]
    assert levels == sorted(levels)
    assert not told.reasons or told.level == told.reasons[0].level
    assert len({one.key for one in told.reasons}) == len(told.reasons)
