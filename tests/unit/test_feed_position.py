"""Positions of the feed are text that comes from outside."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_db.feed_position import MAX_POSITION_LENGTH, InvalidPositionError, Position, Snapshot

NUMBERS = st.integers(1, 2**62)
SNAPSHOTS = st.lists(NUMBERS, min_size=1, max_size=40, unique=True).map(
    lambda numbers: Snapshot(max(numbers), tuple(sorted(numbers)[:-1]))
)
FEED = UUID("5063bf97-af99-4acc-bf40-040003e446cd")
EVENT = UUID("e583a78e-28a0-4a5c-8dcd-c4db9edf148b")
untimed = settings(deadline=None)
GOOD = f"1.{FEED.hex}.0.700.760-2-5.765.{EVENT}"


@untimed
@given(st.integers(0, 10**8), SNAPSHOTS, SNAPSHOTS, NUMBERS, st.uuids())
def test_a_position_reads_as_what_it_was(
    detached: int, done: Snapshot, target: Snapshot, last_in: int, last_event: UUID
) -> None:
    """In each of the states that a reader may be in."""
    feed = FEED
    for position in (
        Position(feed, detached),
        Position(feed, detached, last_event=last_event),
        Position(feed, detached, done),
        Position(feed, detached, done, None, last_in, last_event),
        Position(feed, detached, done, target, last_in, last_event),
    ):
        assert Position.parse(str(position)) == position


@untimed
@given(SNAPSHOTS)
def test_a_snapshot_reads_as_postgres_writes_it(snapshot: Snapshot) -> None:
    """Its text is that of the type pg_snapshot."""
    assert Snapshot.of_postgres(str(snapshot)) == snapshot
    assert str(snapshot).split(":")[0] == str(snapshot.xmin)


def test_a_position_is_short() -> None:
    """Numbers of transactions grow large; the differences between them do not."""
    running = tuple(range(10**15, 10**15 + 200, 2))
    position = Position(FEED, 0, Snapshot(10**15 + 200, running))
    assert len(str(position)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "null",
        GOOD + " ",
        GOOD + "\n",
        GOOD[:-1],
        GOOD.replace("1.", "2.", 1),
        GOOD.replace("700", "0"),
        GOOD.replace("700", "700-0"),
        GOOD.replace("700", "7\u0660\u0660"),
        GOOD.replace("700", "9" * 20),
        GOOD.replace("700", "-".join(["9" * 18] * 20)),
        GOOD.replace("765", "0"),
        GOOD.replace("765", ""),
        GOOD.replace("765", "9" * 20),
        GOOD.replace("700", "-".join(["1"] * MAX_POSITION_LENGTH)),
        f"1.{FEED.hex}.0..760.765.{EVENT}",
        f"1.{FEED.hex}.0...765.{EVENT}",
        f"1.{FEED.hex}.0.700..765.",
        f"1.{FEED.hex}.-1.700...",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """With a sentence, however it is made; nothing of it reaches a statement."""
    with pytest.raises(InvalidPositionError, match="begin without one"):
        Position.parse(text)


@untimed
@given(st.text(max_size=200))
def test_no_text_is_an_error_of_another_kind(text: str) -> None:
    """Whatever comes is a position or refused."""
    try:
        Position.parse(text)
    except InvalidPositionError:
        return
