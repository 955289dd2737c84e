"""Refused events of the outbox become dead letters: exactly once, whatever fails in between."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from approvals import mapping
from desk import sql

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, Job
from signoff_ops.event_history import event_history
from signoff_ops.operating import Operator, discard
from signoff_ops.outbox import NothingRefusedError, create_outbox, prune_outbox
from signoff_ops.outbox_letters import Moved, dead_letter_refused
from signoff_ops.reconcile import reconcile
from signoff_ops.refused import Now, refused_now
from signoff_ops.servers import DirectServers
from signoff_producer import Producer
from signoff_relay.lane import Lane
from signoff_relay.table import OutboxTable, Place
from signoff_schemas import ApprovalEvent, Kind, Settings, StatusDecision, encode_job

ANN = Operator("user:ann", "nobody corrects them")


class CrashError(Exception):
    """The process ends here."""


class CrashingServers(DirectServers):
    """Ends before the outbox's transaction is committed."""

    @contextmanager
    def outbox(self) -> Iterator[OutboxTable | None]:
        """An outbox whose rows cannot be marked."""
        with super().outbox() as table:
            assert table
            table.mark_handled = crash  # type: ignore[method-assign]
            yield table


def crash(addresses: Sequence[str]) -> None:
    """Instead of marking."""
    raise CrashError(addresses)


@pytest.fixture
def servers(redis_url: str, database_url: str, empty_database_url: str) -> DirectServers:
    """With the outbox in another database than the ledger."""
    create_outbox(empty_database_url)
    return DirectServers(
        Settings.load(redis_url=redis_url, database_url=database_url, outbox_url=empty_database_url)
    )


def relayed(servers: DirectServers, *events: dict[str, Any]) -> list[UUID]:
    """Write events as a careless upstream does, and let a relay take them."""
    url = servers.settings.outbox
    for event in events:
        sql(url, "INSERT INTO signoff_outbox (event) VALUES (%s)", json.dumps(event, default=str))
    relay(servers)
    return [UUID(str(event["event_id"])) for event in events]


def relay(servers: DirectServers) -> None:
    """Let a relay take what waits."""
    with redis.Redis.from_url(servers.settings.require("redis_url")) as client:
        lane = Lane(servers.settings.outbox, Producer(connection=client), most=100)
        while lane.move():
            pass
        lane.drop()


def letters(servers: DirectServers) -> list[tuple[Any, ...]]:
    """All dead letters."""
    return sql(
        servers.settings.require("database_url"),
        "SELECT event_id, state, kind, attempts FROM signoff.dead_letters ORDER BY id",
    )


def broken(**fields: Any) -> dict[str, Any]:
    """An event that the queue refuses."""
    return mapping() | {"quality_score": 9} | fields


def content(servers: DirectServers) -> list[tuple[Any, ...]]:
    """What the letters say of their events."""
    return sql(
        servers.settings.require("database_url"),
        "SELECT event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id,"
        " user_id, event_type, attempts, content_hash FROM signoff.dead_letters",
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (lambda: mapping() | {"quality_score": 9}, ApprovalEvent),
        (lambda: {"event_id": uuid4(), "event_type": "status_decision"}, StatusDecision),
        (lambda: {"event_id": uuid4(), "user_id": "a\u202e", "quality_score": []}, ApprovalEvent),
    ],
)
def test_a_refused_event_becomes_the_letter_that_a_worker_writes(
    servers: DirectServers,
    connection: BatchConnection,
    event: Callable[[], dict[str, Any]],
    kind: Kind,
) -> None:
    """With its kind, errors, cause, ids and bytes; the row is done with, which is told."""
    (event_id,) = relayed(servers, event())
    assert dead_letter_refused(servers, [event_id], ANN) == Moved(moved=1)
    moved = content(servers)
    ((held, published, refused),) = sql(
        servers.settings.outbox, "SELECT event, published_at, refused FROM signoff_outbox"
    )
    assert published
    assert refused is None
    texts = [entry.text for entry in event_history(servers, str(event_id)).entries]
    assert any("moved from the outbox to dead letter" in text for text in texts)
    assert "published by a relay" not in texts

    sql(servers.settings.require("database_url"), "DELETE FROM signoff.dead_letters")
    job = Job(str(event_id), encode_job(held.encode(), kind))
    apply(connection, [Delivery.of_job(job)])
    assert content(servers) == moved


def test_what_is_valid_now_is_not_moved(servers: DirectServers) -> None:
    """Nor what is too large to be kept whole; of all, the others are moved."""
    url = servers.settings.outbox
    mended, _ = relayed(servers, broken(), broken())
    (large,) = relayed(servers, broken(reviewer_notes="x" * 300_000))
    text = json.dumps(mapping() | {"event_id": str(mended)}, default=str)
    sql(url, "UPDATE signoff_outbox SET event = %s WHERE event_id = %s", text, mended)
    assert dead_letter_refused(servers, None, ANN) == Moved(moved=1, valid=1, too_large=1)
    rows = sql(url, "SELECT event_id FROM signoff_outbox WHERE refused IS NOT NULL")
    assert {row[0] for row in rows} == {mended, large}


@pytest.mark.parametrize("settled", [False, True])
def test_a_crash_between_the_letter_and_the_mark_neither_loses_nor_doubles(
    servers: DirectServers, *, settled: bool
) -> None:
    """Also where the letter was discarded before the next try."""
    (event,) = relayed(servers, broken())
    with pytest.raises(CrashError):
        dead_letter_refused(CrashingServers(servers.settings), None, ANN)
    assert letters(servers) == [(event, "dead", "invalid_payload", 1)]
    if settled:
        discard(servers, [1], ANN)
    assert dead_letter_refused(servers, None, ANN) == Moved(moved=1)
    state = "discarded" if settled else "dead"
    assert letters(servers) == [(event, state, "invalid_payload", 1)]
    with pytest.raises(NothingRefusedError):
        dead_letter_refused(servers, None, ANN)


def test_a_ledger_that_is_away_leaves_the_rows_as_they_are(servers: DirectServers) -> None:
    """The letter comes first: without it nothing is marked."""
    relayed(servers, broken())
    url = servers.settings.require("database_url")
    sql(url, "ALTER TABLE signoff.dead_letters RENAME TO away")
    with pytest.raises(Exception, match="dead_letters"):
        dead_letter_refused(servers, None, ANN)
    sql(url, "ALTER TABLE signoff.away RENAME TO dead_letters")
    refused = "SELECT count(*) FROM signoff_outbox WHERE refused IS NOT NULL"
    assert sql(servers.settings.outbox, refused) == [(1,)]
    assert letters(servers) == []


def test_reconcile_and_prune_account_for_what_was_moved(servers: DirectServers) -> None:
    """It is not lost, and it is pruned once its letter is settled."""
    relayed(servers, *(broken() for _ in range(3)))
    dead_letter_refused(servers, None, ANN)
    done = reconcile(servers).done
    assert (done.settled, done.lost) == (3, 0)
    pruned, _ = prune_outbox(servers, timedelta(0))
    assert (pruned.pruned, pruned.kept) == (0, 3)
    discard(servers, [row[0] for row in _ids(servers)], ANN)
    pruned, _ = prune_outbox(servers, timedelta(0))
    assert (pruned.pruned, pruned.kept) == (3, 0)


def _ids(servers: DirectServers) -> list[tuple[Any, ...]]:
    return sql(servers.settings.require("database_url"), "SELECT id FROM signoff.dead_letters")


def test_more_than_a_batch_is_moved(servers: DirectServers) -> None:
    """In batches; the valid ones in between are passed by."""
    with psycopg.connect(servers.settings.outbox) as connection:
        connection.execute(
            "INSERT INTO signoff_outbox (event, refused) SELECT"
            " jsonb_build_object('event_id', gen_random_uuid()), 'r' FROM generate_series(1, 250)"
        )
    assert dead_letter_refused(servers, None, ANN) == Moved(moved=250)
    assert len(letters(servers)) == 250


def as_text(event: dict[str, Any]) -> str:
    """As an upstream writes it."""
    return json.dumps(event, default=str)


def test_what_is_too_large_for_an_event_is_refused_unread(
    servers: DirectServers, database_url: str, client: redis.Redis
) -> None:
    """An upstream may write a text of any size: it stays in the database, and delays no other."""
    url = servers.settings.outbox
    large = as_text(mapping(reviewer_notes="n" * 5_000_000))
    for event in (as_text(mapping()), large, as_text(mapping())):
        sql(url, "INSERT INTO signoff_outbox (event) VALUES (%s)", event)
    large_id = UUID(json.loads(large)["event_id"])

    with Producer(connection=client) as producer, servers.outbox() as table:
        assert table
        assert [one.event is None for one in table.claim(10, Place())] == [False, True, False]
        table.connection.rollback()
        lane = Lane(url, producer, most=10)
        assert lane.move() == 3
        lane.drop()
        assert client.llen("rq:queue:approvals") == 2

        (entry,) = table.refused(10)
        assert (entry.event_id, entry.event, entry.bytes) == (large_id, None, len(large))
        assert str(entry.refused).startswith("an event's JSON may take at most 262144 bytes")
        assert [one.event is None for page in table.pages() for one in page].count(True) == 1
        (shown,) = table.refused_page(None, limit=10).items
        assert (shown.whole, len(shown.event)) == (None, 2000)
        assert refused_now(shown).now is Now.INVALID

    # A letter of no bytes accounts for an event without any, not for one that was not read.
    sql(
        database_url,
        "INSERT INTO dead_letters (job_id, event_id, kind, message, payload, fingerprint, attempts)"
        " VALUES ('j', %s, 'invalid_payload', 'm', '', 'f', 1)",
        large_id,
    )
    client.flushall()
    found = reconcile(servers, dry_run=True).done
    assert (found.looked_at, found.lost) == (3, 3)
    assert "may take at most 262144 bytes" in str(event_history(servers, str(large_id)))
