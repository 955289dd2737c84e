"""The ledger and the dead letters account for an event of the outbox only with the same content."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from approvals import approval, delivery, mapping
from letters import chosen
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.edit import edit
from signoff_db.failure import Failure
from signoff_db.prune import prune as prune_letters
from signoff_producer import Producer, outbox
from signoff_queue.reader import QueueReader
from signoff_relay.pruning import Pruned, prune
from signoff_relay.reconciling import Reconciled, Reconciler
from signoff_relay.table import OutboxTable
from signoff_schemas import ApprovalEvent, FailureKind
from signoff_schemas.keys import JOB_PREFIX

GIVEN_UP = Failure(FailureKind.ABANDONED, "gave up", "gave up")


@pytest.fixture
def table(connection: BatchConnection) -> OutboxTable:
    """An outbox, in Signoff's own database."""
    connection.execute(outbox.SCHEMA)
    return OutboxTable(connection)


def relayed(table: OutboxTable, event: bytes) -> None:
    """A relay published this event, and then Redis lost it."""
    table.connection.execute(
        "INSERT INTO signoff_outbox (event, published_at) VALUES (%s, now())", [event.decode()]
    )


def reconcile(table: OutboxTable, client: redis.Redis) -> Reconciled:
    """Publish again what is lost."""
    reconciler = Reconciler(table, QueueReader(client, "approvals"), table.connection)
    reconciler.run(Producer(connection=client))
    return reconciler.done


def dies(connection: BatchConnection, dead: Delivery, *, discarded: bool) -> None:
    """A delivery becomes a dead letter, which an operator discards."""
    apply(connection, [dead])
    if discarded:
        discard(connection, chosen(connection), actor="op", reason="r")


def bad_copy(event: ApprovalEvent) -> Delivery:
    """An invalid copy of the event."""
    broken = mapping(event_id=event.event_id, quality_score=9)
    return Delivery.of_payload(str(event.event_id), to_json(broken))


def other_copy(event: ApprovalEvent) -> Delivery:
    """Another valid event under the same id."""
    return delivery(approval(event_id=event.event_id))._replace(failure=GIVEN_UP)


@pytest.mark.parametrize("copy", [bad_copy, other_copy])
@pytest.mark.parametrize("discarded", [True, False], ids=["discarded", "open"])
def test_a_letter_of_other_content_accounts_for_nothing(
    table: OutboxTable,
    connection: BatchConnection,
    client: redis.Redis,
    copy: Callable[[ApprovalEvent], Delivery],
    *,
    discarded: bool,
) -> None:
    """An event that Redis lost is published again, and its row is kept."""
    event = approval()
    dies(connection, copy(event), discarded=discarded)
    relayed(table, event.canonical_json())

    assert prune(table, connection, timedelta(0)) == Pruned(0, kept=1)
    done = reconcile(table, client)

    assert (done.settled, done.lost, done.published) == (0, 1, 1)
    assert client.exists(f"{JOB_PREFIX}{event.event_id}")


def test_a_letter_of_the_same_content_accounts_for_it(
    table: OutboxTable, connection: BatchConnection, client: redis.Redis
) -> None:
    """In any JSON form, and after the letter was pruned; while it is open, the row is kept."""
    event = approval(ltv_amount="2.50")
    other_spelling = event.canonical_json().replace(b'"2.50"', b"2.5")
    assert other_spelling != event.canonical_json()
    dies(connection, delivery(event)._replace(failure=GIVEN_UP), discarded=False)
    relayed(table, other_spelling)

    assert reconcile(table, client).settled == 1
    assert prune(table, connection, timedelta(0)) == Pruned(0, kept=1)
    letters = chosen(connection)
    discard(connection, letters, actor="op", reason="r")
    connection.execute("UPDATE dead_letters SET resolved_at = '2020-01-01Z'")
    before = event.occurred_at
    assert prune_letters(connection, letters, before, actor="op", reason="r").discarded == 1

    assert reconcile(table, client).settled == 1
    assert prune(table, connection, timedelta(0)) == Pruned(1, kept=0)


@pytest.mark.parametrize("forgotten", [False, True])
def test_an_event_that_is_not_valid_is_accounted_for_by_its_bytes(
    table: OutboxTable, connection: BatchConnection, client: redis.Redis, *, forgotten: bool
) -> None:
    """Otherwise each reconcile would publish it again, and it would become a letter again."""
    broken = to_json(mapping(quality_score=9))
    dies(connection, Delivery.of_payload("j", broken), discarded=True)
    if forgotten:
        connection.execute("UPDATE dead_letters SET resolved_at = '2020-01-01Z'")
        (letter,) = connection.execute("SELECT id FROM dead_letters").fetchall()
        prune_letters(connection, letter, approval().occurred_at, actor="op", reason="r")
    relayed(table, broken)

    assert reconcile(table, client).settled == 1
    assert prune(table, connection, timedelta(0)) == Pruned(1, kept=0)


def test_an_edited_event_stays_accounted_for_when_its_letter_is_pruned(
    table: OutboxTable, connection: BatchConnection, client: redis.Redis
) -> None:
    """The ledger holds the edited event under its id; the outbox holds the original."""
    event = approval()
    dies(connection, delivery(event)._replace(failure=GIVEN_UP), discarded=False)
    edited = approval(event_id=event.event_id, quality_score=1).canonical_json()
    (letter,) = chosen(connection)
    assert edit(connection, letter, edited, actor="op", reason="r").result == "applied"
    connection.execute("UPDATE dead_letters SET resolved_at = '2020-01-01Z'")
    done = prune_letters(connection, [letter], event.occurred_at, actor="op", reason="r")
    assert done.resolved == 1
    relayed(table, event.canonical_json())

    assert reconcile(table, client).settled == 1
    assert prune(table, connection, timedelta(0)) == Pruned(1, kept=0)
