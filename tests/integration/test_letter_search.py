"""Dead letters by each condition, and by a text, in bounded time."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval, mapping
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.causes import CauseOrder, Group, groups, touched, trends
from signoff_db.connection import BatchConnection, connect
from signoff_db.dead_letters import choose, list_letters
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.letter_search import CutOffError, Listing, count_letters, find_letters
from signoff_db.pages import CursorError
from signoff_db.selection import Selection
from signoff_schemas import DeadLetterState, FailureKind

ALL = Selection()


@pytest.fixture
def reading(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection as pages use it, beside the one that writes."""
    with connect(database_url) as opened:
        yield opened


def find(
    connection: Connection[TupleRow],
    *,
    limit: int = 50,
    cursor: str | None = None,
    seconds: float = 60,
    search_seconds: float = 60,
    **conditions: Any,
) -> Listing:
    """Letters that fulfil some conditions."""
    return find_letters(
        connection,
        Selection(**conditions),
        limit=limit,
        cursor=cursor,
        seconds=seconds,
        search_seconds=search_seconds,
    )


def bury(connection: BatchConnection, *payloads: bytes) -> None:
    """Dead letters of payloads that are no events, the oldest first."""
    for payload in payloads:
        apply(connection, [Delivery.of_payload(str(uuid4()), payload)])


def fill(connection: Connection[TupleRow], letters: int, causes: int) -> None:
    """Many open letters, made in SQL."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint, user_id,"
        " first_failed_at) SELECT n::text, 'ltv_overflow', 'message ' || n,"
        " convert_to('payload ' || n, 'UTF8'), 'cause ' || n %% %(causes)s, 'user ' || n %% 7,"
        " now() - n * interval '1 second' FROM generate_series(1, %(letters)s) AS n",
        {"letters": letters, "causes": causes},
    )


def test_each_condition_selects_for_lists_counts_and_actions(
    connection: BatchConnection, reading: Connection[TupleRow]
) -> None:
    """The same letters are listed, counted and acted on."""
    first = approval(user_id=None)
    apply_events(connection, first)
    apply(connection, [Delivery.of_payload("a job", b"not JSON")])
    apply(
        connection,
        [Delivery.of_payload("other", to_json(mapping(interaction_id="x", user_id="ann")))],
    )
    by_condition: dict[str, tuple[Any, int]] = {
        "event_id": (first.event_id, 1),
        "job_id": ("a job", 1),
        "event_type": ("approval", 2),
        "interaction_id": (first.interaction_id, 1),
        "user_id": ("ann", 1),
        "text": ("not json", 1),
        "kinds": ((FailureKind.INVALID_PAYLOAD,), 2),
        "up_to_id": (2, 2),
    }
    for name, (value, expected) in by_condition.items():
        selection = Selection(**{name: value})
        listed = [one.id for one in find(reading, **{name: value}).letters]
        assert len(listed) == expected, name
        assert sorted(listed) == choose(reading, selection), name
        counted = count_letters(reading, selection, seconds=60)
        assert counted is not None
        assert (counted.number, counted.capped) == (expected, False), name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("IS NOT JSON", True),  # the message, in any case
        ("ümläut", True),  # the payload, as UTF-8
        ("100%", True),
        ("100_", False),  # nothing is a pattern
        ("\\", False),
        ("UNIQUE", False),  # the payload, byte for byte
        ("unique", True),
    ],
)
def test_a_text_is_looked_for_literally(
    connection: BatchConnection, reading: Connection[TupleRow], text: str, found: bool
) -> None:
    """Bytes that are no text beside it do no harm."""
    bury(connection, "{ unique ümläut 100%".encode() + b"\xff\x00", b"\xfe")
    assert len(find(reading, text=text).letters) == (2 if text == "IS NOT JSON" else found)


def test_a_search_goes_on_where_the_time_was_over(reading: Connection[TupleRow]) -> None:
    """It says how many letters it looked at; following it gives each letter once."""
    fill(reading, 9000, 3)
    first = find(reading, text="payload 77", limit=200, search_seconds=0)
    assert (first.looked_at, first.complete) == (4000, False)
    found, page = list(first.letters), first
    while page.next:
        page = find(reading, text="payload 77", limit=200, search_seconds=0, cursor=page.next)
        found += page.letters
    assert (page.looked_at, page.complete) == (1000, True)
    assert [one.id for one in found] == sorted({one.id for one in found}, reverse=True)
    assert len(found) == 1 + 10 + 100
    assert [one.id for one in find(reading, text="payload 77", limit=200).letters] == [
        one.id for one in found
    ]


def test_a_page_of_a_search_is_full_before_it_ends(reading: Connection[TupleRow]) -> None:
    """Its cursor is that of the list."""
    fill(reading, 100, 3)
    page = find(reading, text="payload", limit=10)
    assert (len(page.letters), page.complete) == (10, True)
    rest = list_letters(reading, ALL, limit=100, cursor=page.next)
    assert (len(rest.items), rest.next) == (90, None)


def test_what_takes_too_long_is_told(reading: Connection[TupleRow]) -> None:
    """Neither an empty list nor a number is shown for what was not looked at."""
    fill(reading, 1, 1)
    for statement in (
        "CREATE FUNCTION pause() RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(1) IS NULL'",
        "ALTER TABLE dead_letters RENAME TO letters",
        "CREATE VIEW dead_letters AS SELECT * FROM letters WHERE pause()",
    ):
        reading.execute(statement)
    with pytest.raises(CutOffError, match="cut off; choose fewer"):
        find(reading, seconds=0.05)
    assert count_letters(reading, ALL, seconds=0.05) is None
    assert reading.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_counts_are_capped(reading: Connection[TupleRow]) -> None:
    """Ten thousand, and more."""
    fill(reading, 10_001, 1)
    counted = count_letters(reading, ALL, seconds=60)
    assert counted is not None
    assert (counted.number, counted.capped) == (10_000, True)


@pytest.mark.parametrize("order", CauseOrder)
def test_causes_come_in_pages(reading: Connection[TupleRow], order: CauseOrder) -> None:
    """Each cause once, in order; the totals are those of all causes."""
    fill(reading, 1000, 70)
    found: list[Group] = []
    cursor = None
    while True:
        page = groups(reading, ALL, order=order, limit=30, cursor=cursor)
        assert (page.causes, page.letters) == (70, 1000)
        found += page.groups
        if page.next is None:
            break
        cursor = page.next
    assert len({one.fingerprint for one in found}) == 70
    rank = (lambda one: one.count) if order is CauseOrder.SIZE else lambda one: one.first_failed_at
    assert found == sorted(found, key=rank, reverse=True)
    other = next(one for one in CauseOrder if one is not order)
    with pytest.raises(CursorError):
        groups(reading, ALL, order=other, cursor=cursor)


def test_a_cause_has_its_trend_and_its_customers(reading: Connection[TupleRow]) -> None:
    """All its letters are in the chart; of many letters, some customers may not be counted."""
    fill(reading, 1000, 2)
    shown = groups(reading, ALL).groups
    (now,) = reading.execute("SELECT now()").fetchone() or ()
    grew = trends(reading, shown, now, parts=10)
    assert [sum(grew[one.fingerprint].counts) for one in shown] == [500, 500]
    assert all(all(grew[one.fingerprint].counts) for one in shown)
    fingerprint = shown[0].fingerprint
    every = touched(reading, [fingerprint], most=1000)[fingerprint]
    assert (every.customers, every.complete, every.nameless) == (7, True, 0)
    assert not touched(reading, [fingerprint], most=3)[fingerprint].complete


def test_a_cause_of_one_moment_has_a_trend(connection: BatchConnection) -> None:
    """Also where all its letters came just now, or a clock was set back."""
    apply_events(connection, approval(user_id=None), approval(user_id=None))
    shown = groups(connection, ALL).groups
    (now,) = connection.execute("SELECT now() - interval '1 hour'").fetchone() or ()
    assert sum(trends(connection, shown, now, parts=4)[shown[0].fingerprint].counts) == 2


def test_settled_letters_are_found_too(
    connection: BatchConnection, reading: Connection[TupleRow]
) -> None:
    """By a text, in the states that are asked for."""
    bury(connection, b"{ old", b"{ new")
    discard(connection, [1], actor="op", reason="r")
    assert [one.id for one in find(reading, text="{").letters] == [2]
    every = find(reading, text="{", states=tuple(DeadLetterState))
    assert [one.id for one in every.letters] == [2, 1]
    assert isinstance(UUID(every.letters[0].job_id), UUID)
