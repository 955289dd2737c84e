"""A ledger in partitions: old partitions are detached, and the tables stay exact."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, delivery
from blocking import await_blocked
from letters import letters_in
from processes import DEADLINE
from reference import fold, read

from signoff_db.apply import apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.ledger_partitions import (
    LedgerPartitionError,
    add_partition,
    detach_oldest,
    partition_ledger,
    partitions,
)
from signoff_schemas import ApprovalEvent

START = datetime(2025, 1, 1, tzinfo=UTC)
STATUSES = ("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER", "CUSTOMER", "CHURNED", None)


def day(number: float) -> datetime:
    """The day with this number, from the start on."""
    return START + timedelta(days=number)


def some_events(count: int, first: float, last: float, *, seed: int) -> list[ApprovalEvent]:
    """Events between two days, on thirty interactions of seven users, in any order."""
    chance = random.Random(seed)
    return [
        approval(
            occurred_at=day(chance.uniform(first, last)),
            interaction_id=f"00000000-0000-4000-8000-{chance.randrange(30):012}",
            user_id=None,
            customer_status=chance.choice(STATUSES),
            ltv_amount=chance.choice([None, "1.10", "20", "0"]),
            reviewer_notes=chance.choice([None, "good"]),
        )
        for _ in range(count)
    ]


def owned(events: list[ApprovalEvent]) -> list[ApprovalEvent]:
    """The same events, with one user for each interaction."""
    return [e.model_copy(update={"user_id": f"user-{e.interaction_id.int % 7}"}) for e in events]


@pytest.fixture
def partitioned(connection: BatchConnection) -> BatchConnection:
    """An empty ledger in three partitions of ten days."""
    partition_ledger(connection, day(10))
    for end in (20, 30):
        add_partition(connection, day(end))
    return connection


def assert_exact(connection: BatchConnection, events: list[ApprovalEvent]) -> None:
    """Check that the tables are the fold of all events ever applied, and that the audit agrees."""
    assert read(connection) == fold(events)
    assert audit(connection).differences == ()


@pytest.mark.parametrize("seed", range(5))
def test_the_state_stays_the_fold_of_all_events_when_partitions_are_detached(
    partitioned: BatchConnection, seed: int
) -> None:
    """Before, between and after detaching; also with late events, if they fit in a partition."""
    events = owned(some_events(60, 0, 25, seed=seed))
    apply_events(partitioned, *events)
    assert_exact(partitioned, events)
    assert detach_oldest(partitioned) == "approvals_first"
    assert_exact(partitioned, events)
    later = owned(some_events(40, 10, 30, seed=100 + seed))
    apply_events(partitioned, *later)
    assert_exact(partitioned, events + later)
    detach_oldest(partitioned)
    last = owned(some_events(20, 20, 30, seed=200 + seed))
    apply_events(partitioned, *last)
    assert_exact(partitioned, events + later + last)


def test_a_ledger_with_events_becomes_the_first_partition(connection: BatchConnection) -> None:
    """An existing installation keeps all its events."""
    events = owned(some_events(50, 0, 9, seed=7))
    apply_events(connection, *events)
    transitions = connection.execute("SELECT count(*) FROM status_transitions").fetchone()
    partition_ledger(connection, day(10))
    add_partition(connection, day(20))
    assert connection.execute("SELECT count(*) FROM status_transitions").fetchone() == transitions
    assert set(apply_events(connection, *events)) == {"duplicate"}
    with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
        connection.execute("DELETE FROM approvals")
    detach_oldest(connection)
    assert_exact(connection, events)


def test_an_event_before_the_oldest_partition_becomes_a_dead_letter(
    partitioned: BatchConnection,
) -> None:
    """New or a duplicate: it changes nothing and is accounted for."""
    seen, other = owned(some_events(2, 0, 9, seed=1))
    recent = approval(occurred_at=day(15))
    apply_events(partitioned, seen)
    detach_oldest(partitioned)
    results = apply_events(partitioned, seen, other, recent)
    assert results == ["refused_by_database", "refused_by_database", "applied"]
    assert partitioned.refuses_events, "rejected rows were found in one call, not by halving"
    assert_exact(partitioned, [seen, recent])
    letters = letters_in(partitioned)
    assert {letter.event_id for letter in letters} == {seen.event_id, other.event_id}


def test_one_event_id_under_two_instants_is_a_conflict(partitioned: BatchConnection) -> None:
    """Also if they are in different partitions."""
    first = approval(occurred_at=day(5))
    second = approval(event_id=first.event_id, occurred_at=day(15))
    assert apply_events(partitioned, first) == ["applied"]
    assert apply_events(partitioned, second) == ["event_conflict"]


def test_concurrent_events_of_one_id_with_two_instants_take_effect_once(
    partitioned: BatchConnection, database_url: str
) -> None:
    """Two workers do not see each other's event yet; the slower one finds the conflict."""
    first = approval(occurred_at=day(5), interaction_id=uuid4())
    second = approval(event_id=first.event_id, occurred_at=day(15), interaction_id=uuid4())
    results: list[str] = []

    def meet() -> None:
        with connect_for_batches(database_url, application="other") as other:
            results.extend(apply_events(other, second))

    with partitioned.transaction():
        apply_in_transaction(partitioned, [delivery(first)])
        slower = threading.Thread(target=meet)
        slower.start()
        _until_somebody_waits(partitioned)
    slower.join()
    assert results == ["event_conflict"]
    assert_exact(partitioned, [first])


def _until_somebody_waits(connection: BatchConnection) -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks"
        " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    while connection.execute(waiting).fetchone() == (0,):
        pass


def test_a_partition_that_is_still_written_to_is_not_detached(
    partitioned: BatchConnection,
) -> None:
    """Neither the last one, nor one that ends in the future."""
    detach_oldest(partitioned)
    detach_oldest(partitioned)
    with pytest.raises(LedgerPartitionError, match="00:00:00 UTC and is still written to"):
        detach_oldest(partitioned)


def test_only_the_partition_that_was_confirmed_is_detached(partitioned: BatchConnection) -> None:
    """If two operators confirm the same one, the second detaches nothing."""
    events = owned(some_events(30, 0, 25, seed=3))
    apply_events(partitioned, *events)
    assert detach_oldest(partitioned, confirmed="approvals_first") == "approvals_first"
    left = partitions(partitioned)
    with pytest.raises(LedgerPartitionError, match="approvals_first is not the oldest"):
        detach_oldest(partitioned, confirmed="approvals_first")
    assert partitions(partitioned) == left
    assert_exact(partitioned, events)


def test_detaching_waits_for_a_running_batch(
    partitioned: BatchConnection, database_url: str
) -> None:
    """At any step of the batch, they do not deadlock."""
    batches = [owned(some_events(20, first, 25, seed=3)) for first in (0, 20)]
    detached: list[str] = []

    def detach_beside() -> None:
        with connect(database_url) as other:
            detached.append(detach_oldest(other))

    for taken in batches:
        beside = threading.Thread(target=detach_beside)
        with partitioned.transaction():
            partitioned.execute("SELECT FROM approvals")
            if detached:
                apply_in_transaction(partitioned, [delivery(approval(occurred_at=day(15)))])
            beside.start()
            _until_somebody_waits(partitioned)
            apply_in_transaction(partitioned, [delivery(event) for event in taken])
        beside.join()
    assert detached == ["approvals_first", "approvals_from_2025_01_11_00"]
    assert audit(partitioned).differences == ()


def test_workers_and_detaching_do_not_deadlock(
    partitioned: BatchConnection, database_url: str
) -> None:
    """Raced batches lock interactions while partitions are detached."""
    over = threading.Event()

    def work(seed: int) -> None:
        with connect_for_batches(database_url, application="worker") as worker:
            while not over.is_set():
                apply_events(worker, *owned(some_events(20, 25, 30, seed=seed)))
                seed += 10

    workers = [threading.Thread(target=work, args=[seed]) for seed in range(3)]
    for worker in workers:
        worker.start()
    detach_oldest(partitioned)
    detach_oldest(partitioned)
    over.set()
    for worker in workers:
        worker.join()
    assert audit(partitioned).differences == ()


def test_a_batch_locks_the_ledger_before_its_interactions(
    partitioned: BatchConnection, database_url: str
) -> None:
    """Whoever detaches does so too: had the batch an interaction already, both would wait."""
    event = approval(user_id="ann", occurred_at=day(12))
    partitioned.execute(
        "INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [event.interaction_id]
    )

    def settle() -> list[str]:
        with partitioned.transaction():
            return [str(o.result) for o in apply_in_transaction(partitioned, [delivery(event)])]

    with connect(database_url) as detacher, ThreadPoolExecutor() as threads:
        with detacher.transaction():
            detacher.execute("LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE")
            applying = threads.submit(settle)
            await_blocked(database_url)
            free = "SELECT FROM interactions WHERE id = %s FOR UPDATE SKIP LOCKED"
            assert detacher.execute(free, [event.interaction_id]).rowcount == 1
        assert applying.result(DEADLINE) == ["applied"]


def test_errors_of_partitions_are_sentences(connection: BatchConnection) -> None:
    """They say what to do instead."""
    with pytest.raises(LedgerPartitionError, match="signoff ledger partition"):
        add_partition(connection, day(10))
    apply_events(connection, approval(occurred_at=day(12)))
    with pytest.raises(LedgerPartitionError, match="holds events that occurred at 2025-01-11"):
        partition_ledger(connection, day(10))
    partition_ledger(connection, day(20))
    with pytest.raises(LedgerPartitionError, match="in partitions already"):
        partition_ledger(connection, day(30))
    with pytest.raises(LedgerPartitionError, match="ends at 2025-01-21"):
        add_partition(connection, day(20))
    assert [one.until for one in partitions(connection)] == [day(20)]


def test_partitions_may_begin_in_the_same_hour(connection: BatchConnection) -> None:
    """One that does not begin with an hour is named by its exact beginning."""
    minutes = [timedelta(minutes=n) for n in (10, 20, 30, 60)]
    partition_ledger(connection, day(20) + minutes[0])
    names = [add_partition(connection, day(20) + end) for end in (*minutes[1:], timedelta(days=1))]
    assert names == [
        "approvals_from_2025_01_21_00_10_00_000000",
        "approvals_from_2025_01_21_00_20_00_000000",
        "approvals_from_2025_01_21_00_30_00_000000",
        "approvals_from_2025_01_21_01",
    ]


def test_no_part_of_the_ledger_can_be_emptied(partitioned: BatchConnection) -> None:
    """Neither the ledger nor a partition can be truncated."""
    for table in ("approvals", "approvals_first", "approvals_from_2025_01_11_00"):
        with pytest.raises(psycopg.errors.RaiseException, match="TRUNCATE refused"):
            partitioned.execute(f"TRUNCATE {table}")


def test_grants_on_the_ledger_are_kept(connection: BatchConnection) -> None:
    """They are moved to the partitioned table."""
    role = f"worker_{uuid4().hex}"
    connection.execute(f"CREATE ROLE {role}")
    connection.execute(f"GRANT SELECT, INSERT ON approvals TO {role}")
    partition_ledger(connection, day(10))
    held = "SELECT has_table_privilege(%s, 'approvals', 'SELECT, INSERT')"
    assert connection.execute(held, [role]).fetchone() == (True,)
    connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
