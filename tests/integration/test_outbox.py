"""Add to the outbox on every kind of connection that an upstream may have."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from approvals import approval, mapping
from blocking import await_blocked
from upstreams import WAYS, psycopg_connection

from signoff_producer import InvalidEvent, outbox
from signoff_schemas import ApprovalEvent, content_hash


@pytest.fixture
def url(empty_database_url: str) -> str:
    """An upstream's database, which has an outbox and no tables of Signoff."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(outbox.SCHEMA.encode())
    return empty_database_url


@pytest.fixture
def earlier(url: str) -> str:
    """A database with an outbox of an earlier release, without the column validated_hash."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    return url


def held(url: str) -> dict[UUID, str]:
    """The events in the outbox."""
    with psycopg.connect(url) as connection:
        return dict(connection.execute("SELECT event_id, event FROM signoff_outbox").fetchall())


each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@each_way
def test_an_event_is_committed_with_its_transaction_or_not_at_all(
    url: str, way: Callable[..., None]
) -> None:
    """After a commit the outbox holds the canonical events; after a rollback it holds nothing."""
    events = [approval(n, final_bubbles=["50 % off: \U0001f389 it's :yours"]) for n in range(2)]

    way(url, events, commit=False)
    assert held(url) == {}

    way(url, events, commit=True)
    assert held(url) == {event.event_id: event.canonical_json().decode() for event in events}


@each_way
def test_the_same_event_twice_is_one_and_other_content_is_a_conflict(
    url: str, way: Callable[..., None]
) -> None:
    """Adding again changes nothing; other content under the id is refused, with the id."""
    event = approval(ltv_amount="250.00")
    way(url, [event, {**mapping_of(event), "ltv_amount": 250}], commit=True)
    other = {**mapping_of(event), "ltv_amount": 251}

    with pytest.raises(outbox.OutboxConflict, match=str(event.event_id)):
        way(url, [other], commit=True)

    assert held(url) == {event.event_id: event.canonical_json().decode()}


def mapping_of(event: ApprovalEvent) -> dict[str, Any]:
    """The event as a mapping."""
    return event.model_dump(mode="json", exclude_defaults=True)


@each_way
def test_an_event_is_noted_as_validated(url: str, way: Callable[..., None]) -> None:
    """The hash of its text is in its row, with every driver."""
    event = approval()
    way(url, [event], commit=True)
    assert noted(url) == {event.event_id: content_hash(event.canonical_json())}


def noted(url: str) -> dict[UUID, bytes | None]:
    """The hash of each event."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT event_id, validated_hash FROM signoff_outbox").fetchall()
    return dict(rows)


def test_adding_an_event_that_exists_marks_it_as_validated(url: str) -> None:
    """A row with the same text, written without `add` before, gets the hash."""
    event = approval()
    with psycopg.connect(url) as connection:
        insert = "INSERT INTO signoff_outbox (event) VALUES (%s)"
        connection.execute(insert, [event.canonical_json().decode()])
        connection.commit()
        assert noted(url) == {event.event_id: None}
        outbox.add(connection, event)
    assert noted(url) == {event.event_id: content_hash(event.canonical_json())}


def test_an_invalid_event_is_refused_before_anything_is_written(url: str) -> None:
    """The event is validated first; the transaction can go on."""
    event = approval()
    with psycopg.connect(url) as connection:
        with pytest.raises(InvalidEvent, match="quality_score"):
            outbox.add(connection, mapping(quality_score=6))
        outbox.add(connection, event)
    assert list(held(url)) == [event.event_id]


def test_a_conflict_leaves_the_transaction_usable(url: str) -> None:
    """The upstream decides whether to commit its business change."""
    event, another = approval(), approval()
    with psycopg.connect(url) as connection:
        outbox.add(connection, event)
        with pytest.raises(outbox.OutboxConflict):
            outbox.add(connection, {**mapping_of(event), "quality_score": 1})
        outbox.add(connection, another)
    assert held(url).keys() == {event.event_id, another.event_id}


def test_two_transactions_that_add_one_event_wait_for_each_other(url: str) -> None:
    """If the first is rolled back, the second adds its event."""
    event = approval()
    other = {**mapping_of(event), "quality_score": 1}
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        outbox.add(first, event)
        adding = threading.Thread(target=outbox.add, args=(second, other))
        adding.start()
        await_blocked(url)
        first.rollback()
        adding.join()
        second.commit()
    assert held(url) == {event.event_id: ApprovalEvent.parse(other).canonical_json().decode()}


@each_way
def test_an_outbox_of_an_earlier_release_is_named(earlier: str, way: Callable[..., None]) -> None:
    """With every driver the error says which table to bring up to date, and how."""
    with pytest.raises(outbox.OutboxSchemaError, match=r"signoff_outbox.*`signoff outbox create`"):
        way(earlier, [approval()], commit=True)
    assert held(earlier) == {}


@each_way
def test_a_missing_outbox_is_named(empty_database_url: str, way: Callable[..., None]) -> None:
    """With every driver the error says how to create the table."""
    with pytest.raises(outbox.OutboxSchemaError, match=r"signoff_outbox.*`signoff outbox create`"):
        way(empty_database_url, [approval()], commit=True)


def test_other_errors_of_the_database_are_the_drivers(url: str) -> None:
    """The upstream handles the errors of its own database."""
    with psycopg.connect(url) as connection:
        connection.read_only = True
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            outbox.add(connection, approval())


def test_the_schema_brings_an_earlier_outbox_up_to_date(earlier: str) -> None:
    """Rows are not rewritten and have no hash; new rows have one."""
    old, new = approval(), approval()
    place = "SELECT pg_relation_filenode('signoff_outbox'), (SELECT max(ctid) FROM signoff_outbox)"
    with psycopg.connect(earlier, autocommit=True) as connection:
        insert = "INSERT INTO signoff_outbox (event) VALUES (%s)"
        connection.execute(insert, [old.canonical_json().decode()])
        before = connection.execute(place).fetchone()
        connection.execute(outbox.SCHEMA.encode())
        assert connection.execute(place).fetchone() == before
        outbox.add(connection, new)
    assert noted(earlier) == {old.event_id: None, new.event_id: content_hash(new.canonical_json())}


def test_an_earlier_release_adds_to_an_outbox_of_this_one(url: str) -> None:
    """The table may be brought up to date first: the earlier statement still works."""
    event = approval()
    statement = (
        "INSERT INTO signoff_outbox AS held (event) VALUES (%s)"
        " ON CONFLICT (event_id) DO UPDATE SET event = excluded.event"
        " WHERE held.event = excluded.event RETURNING event_id"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for text in (event.canonical_json().decode(),) * 2:
            assert connection.execute(statement, [text]).fetchone() == (event.event_id,)
        assert noted(url) == {event.event_id: None}


@pytest.mark.parametrize("connection", [None, "postgresql://localhost/shop", object()])
def test_an_argument_that_is_not_a_connection_is_named(connection: object) -> None:
    """A URL, for example, is not a connection."""
    with pytest.raises(TypeError, match=type(connection).__name__):
        outbox.add(connection, approval())


def test_the_schema_may_be_run_again(url: str) -> None:
    """An upstream's migrations may run it twice; rows and a disabled trigger are not changed."""
    psycopg_connection(url, [approval()], commit=True)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify")
        connection.execute(outbox.SCHEMA.encode())
        enabled = connection.execute(
            "SELECT tgenabled FROM pg_trigger WHERE tgname = 'signoff_outbox_notify'"
        ).fetchone()
    assert (len(held(url)), enabled) == (1, ("D",))


def test_any_language_adds_an_event_with_an_insert(url: str) -> None:
    """The id is generated from the event; the table refuses text that is not JSON or has no id."""
    event = approval()
    with psycopg.connect(url, autocommit=True) as connection:
        insert = "INSERT INTO signoff_outbox (event) VALUES (%s)"
        connection.execute(insert, [event.model_dump_json()])
        for wrong in ("{", "{}"):
            with pytest.raises(psycopg.Error):
                connection.execute(insert, [wrong])
    assert list(held(url)) == [event.event_id]
