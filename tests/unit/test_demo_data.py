"""What the demo publishes and inserts besides its history."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

from signoff_cli.demo_steps import EXAMPLE
from signoff_ops.demo_data import example_until
from signoff_ops.demo_history import history
from signoff_ops.demo_reviews import WAITING, reviews

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_example_ends_on_the_day_that_is_asked_for() -> None:
    """Times of day, order and everything else stay as they are; lines that are wrong stay wrong."""
    given = files("signoff_cli").joinpath(EXAMPLE).read_bytes()
    moved = example_until(given, date(2030, 3, 1))
    days = {line[line.find(b'"occurred_at": "') :][16:26].decode() for line in moved.splitlines()}
    assert max(day for day in days if day[:2] == "20") == "2030-03-01"
    assert len(moved.splitlines()) == len(given.splitlines())
    first, same = json.loads(given.splitlines()[0]), json.loads(moved.splitlines()[0])
    assert first.pop("occurred_at")[10:] == same.pop("occurred_at")[10:]
    assert first == same
    (wrong,) = re.findall(rb'"occurred_at": "(.{10}) 12:00"', moved)
    assert wrong > b"2029-01-01"


def test_each_approval_of_the_history_decides_a_review() -> None:
    """It came in before, and has its event; some others were rejected, a few wait."""
    events = {event.event_id: event for event in history(NOW.date())}
    rows = list(reviews(list(events.values()), NOW))
    states = Counter(row["state"] for row in rows)
    assert states["approved"] == len(events)
    assert states["pending"] == WAITING
    assert 0.04 < states["rejected"] / len(events) < 0.08
    assert len({row["interaction_id"] for row in rows}) == len(rows)
    for row in rows:
        if row["state"] == "approved":
            event = events[row["event_id"]]
            assert (row["user_id"], row["interaction_id"]) == (event.user_id, event.interaction_id)
            assert row["decided_at"] == event.occurred_at
        if row["state"] != "pending":
            assert row["received_at"] < row["opened_at"] < row["decided_at"]
        assert row["received_at"] < NOW


def test_a_customer_has_one_name() -> None:
    """In each review of this customer."""
    rows = list(reviews(history(NOW.date()), NOW))
    names = {(row["user_id"], row["context"]["customer"]["name"]) for row in rows}
    assert len(names) == len({row["user_id"] for row in rows}) == 600
    assert len({name for _, name in names}) > 5


def test_reviews_wait_for_some_minutes() -> None:
    """So the desk is not red from the beginning."""
    waiting = [row for row in reviews(history(NOW.date()), NOW) if row["state"] == "pending"]
    assert all(NOW - row["received_at"] < timedelta(hours=2) for row in waiting)
