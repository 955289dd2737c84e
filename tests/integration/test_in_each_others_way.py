"""Concurrent transactions on the same event or the same rows."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from approvals import TEN, apply_events, approval, customer, decision, delivery
from blocking import await_blocked, await_blocked_or_done
from letters import letters_in
from processes import DEADLINE
from reference import fold, read

from signoff_db.apply import apply, apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.failure import Failure
from signoff_db.ledger_partitions import partition_ledger
from signoff_db.replay import replay
from signoff_schemas import AnyEvent, FailureKind


@pytest.mark.parametrize("neighbours", [0, 3])
def test_two_events_of_one_id_at_the_same_time_are_a_conflict(
    connection: BatchConnection, database_url: str, neighbours: int
) -> None:
    """The ledger takes one; the other is tried again, and is not `refused_by_database`."""
    first = approval()
    second = approval(event_id=first.event_id, quality_score=1)
    others = [delivery(approval()) for _ in range(neighbours)]

    with connect_for_batches(database_url, application="rival") as rival, ThreadPoolExecutor() as t:
        with rival.transaction():
            apply_in_transaction(rival, [delivery(first)])
            applying = t.submit(apply, connection, [*others, delivery(second)])
            await_blocked(database_url)
        outcomes = applying.result(DEADLINE)

    assert [outcome.result for outcome in outcomes] == ["applied"] * neighbours + ["event_conflict"]
    (letter,) = letters_in(connection)
    assert (letter.kind, letter.event_id) == ("event_conflict", first.event_id)


@pytest.mark.parametrize(
    ("second", "result"),
    [
        (decision(0, event_id=UUID(int=7)), "duplicate"),
        (decision(0, event_id=UUID(int=7), reason="another"), "event_conflict"),
        (approval(0, event_id=UUID(int=7), user_id="user-2"), "event_conflict"),
    ],
    ids=["same", "other content", "other kind"],
)
def test_a_decision_that_two_workers_apply_is_not_refused_by_a_ledger_in_partitions(
    connection: BatchConnection, database_url: str, second: AnyEvent, result: str
) -> None:
    """The primary key of a partition has a name of its own, unlike that of the whole ledger."""
    partition_ledger(connection, TEN + timedelta(days=1))
    first = delivery(decision(0, event_id=UUID(int=7)))
    with connect_for_batches(database_url, application="rival") as rival, ThreadPoolExecutor() as t:
        with rival.transaction():
            apply_in_transaction(rival, [first])
            applying = t.submit(apply, connection, [delivery(second)])
            await_blocked(database_url)
        outcomes = applying.result(DEADLINE)
    assert [outcome.result for outcome in outcomes] == [result]
    assert audit(connection).differing == 0


def test_interactions_are_locked_in_the_order_of_their_ids(
    connection: BatchConnection, database_url: str
) -> None:
    """In any order of events and of rows on disk, so that batches do not deadlock."""
    low, high = UUID(int=1), UUID(int=2)
    for interaction in (high, low):
        connection.execute("INSERT INTO interactions (id, user_id) VALUES (%s, 'u')", [interaction])
    events = [delivery(approval(interaction_id=one, user_id="u")) for one in (high, low)]
    # Rows are then read as they lie on disk, where the higher id comes first.
    connection.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")

    def settle() -> list[str]:
        with connection.transaction():
            return [str(o.result) for o in apply_in_transaction(connection, events)]

    with connect(database_url) as rival, ThreadPoolExecutor() as threads:
        with rival.transaction():
            rival.execute("SELECT FROM interactions WHERE id = %s FOR UPDATE", [low])
            applying = threads.submit(settle)
            await_blocked(database_url)
            free = "SELECT FROM interactions WHERE id = %s FOR UPDATE SKIP LOCKED"
            assert rival.execute(free, [high]).rowcount == 1, "the higher id was locked first"
        assert applying.result(DEADLINE) == ["applied", "applied"]


def test_letters_are_locked_in_the_order_of_their_ids(
    connection: BatchConnection, database_url: str
) -> None:
    """In any order on disk, so that two operators do not deadlock."""
    apply(connection, [delivery(approval(user_id=None)) for _ in range(2)])
    first, second = sorted(letter.id for letter in letters_in(connection))
    connection.execute("UPDATE dead_letters SET message = 'moved' WHERE id = %s", [first])
    # Letters are then read as they lie on disk, where the first now comes last.
    connection.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")

    with connect(database_url) as rival, ThreadPoolExecutor() as threads:
        with rival.transaction():
            rival.execute("SELECT FROM dead_letters WHERE id = %s FOR UPDATE", [first])
            replaying = threads.submit(replay, connection, [second, first], actor="ann")
            await_blocked(database_url)
            free = "SELECT FROM dead_letters WHERE id = %s FOR UPDATE SKIP LOCKED"
            assert rival.execute(free, [second]).rowcount == 1, "the second letter was locked first"
        assert replaying.result(DEADLINE).counts == {"unknown_interaction": 2}


def apply_beside(
    database_url: str, connection: BatchConnection, first: AnyEvent, second: AnyEvent
) -> str:
    """Apply the second event while the first one is not committed yet; returns its result."""
    with connect_for_batches(database_url, application="rival") as rival, ThreadPoolExecutor() as t:
        with rival.transaction():
            apply_in_transaction(rival, [delivery(first)])
            applying: Future[list[str]] = t.submit(apply_events, connection, second)
            await_blocked_or_done(database_url, applying)
        (result,) = applying.result(DEADLINE)
    return result


def test_a_decision_counts_although_its_ground_was_not_committed_yet(
    connection: BatchConnection, database_url: str
) -> None:
    """It waits for the approval that it rests on, also where that gives no status and no amount."""
    earlier = approval(0, customer_status="CUSTOMER")
    ground = approval(1, interaction_id=earlier.interaction_id)
    rule = decision(2, rests_on=ground.event_id)
    apply_events(connection, earlier)

    assert apply_beside(database_url, connection, ground, rule) == "applied"

    assert customer(connection, "user-1") == ("CHURNED", "0.00")
    assert read(connection) == fold([earlier, ground, rule])


def test_an_approval_counts_for_a_decision_that_was_not_committed_yet(
    connection: BatchConnection, database_url: str
) -> None:
    """The approval waits for the customer's first decision, and then decides about it."""
    earlier = approval(0, customer_status="CUSTOMER")
    ground = approval(1, interaction_id=earlier.interaction_id)
    rule = decision(2, rests_on=ground.event_id)
    apply_events(connection, earlier)

    assert apply_beside(database_url, connection, rule, ground) == "applied"

    assert customer(connection, "user-1") == ("CHURNED", "0.00")
    assert read(connection) == fold([earlier, ground, rule])


@pytest.mark.parametrize("given", [{"customer_status": "CUSTOMER"}, {"ltv_amount": "5"}])
@pytest.mark.parametrize("decision_first", [True, False])
def test_an_approval_between_voids_a_decision_that_is_applied_at_the_same_time(
    connection: BatchConnection, database_url: str, given: dict[str, Any], *, decision_first: bool
) -> None:
    """On an interaction that is new, whichever of the two is committed first."""
    ground = approval(0, customer_status="LEAD_QUALIFIED")
    between = approval(1, **given)
    rule = decision(2, rests_on=ground.event_id)
    apply_events(connection, ground)
    first, second = (rule, between) if decision_first else (between, rule)

    apply_beside(database_url, connection, first, second)

    assert read(connection) == fold([ground, between, rule])
    assert read(connection).void == {rule.event_id}


def test_two_decisions_of_a_new_customer_wait_for_each_other(
    connection: BatchConnection, database_url: str
) -> None:
    """The customer's row is made by one of them; the other rests on it."""
    first = decision(0)
    second = decision(1, rests_on=first.event_id, customer_status="PROSPECT")

    assert apply_beside(database_url, connection, first, second) == "applied"

    assert read(connection) == fold([first, second])


def test_a_decision_that_two_workers_have_takes_effect_once(
    connection: BatchConnection, database_url: str
) -> None:
    """The second learns that it is a duplicate; it becomes no dead letter."""
    event = decision(0)

    assert apply_beside(database_url, connection, event, event) == "duplicate"

    assert letters_in(connection) == []


def test_customers_of_decisions_are_locked_in_the_order_of_their_ids(
    connection: BatchConnection, database_url: str
) -> None:
    """In any order of the decisions, so that batches do not deadlock."""
    apply_events(connection, decision(0, user_id="high"), decision(0, user_id="a low"))
    events = [decision(1, user_id="high"), decision(1, user_id="a low")]

    with connect(database_url) as rival, ThreadPoolExecutor() as threads:
        with rival.transaction():
            rival.execute("SELECT FROM customers WHERE user_id = 'a low' FOR UPDATE")
            applying = threads.submit(apply_events, connection, *events)
            await_blocked(database_url)
            free = "SELECT FROM customers WHERE user_id = 'high' FOR UPDATE SKIP LOCKED"
            assert rival.execute(free).rowcount == 1, "the higher id was locked first"
        assert applying.result(DEADLINE) == ["applied", "applied"]


def test_a_replay_of_both_kinds_survives_a_deadlock(
    connection: BatchConnection, database_url: str
) -> None:
    """One transaction locks the customers of approvals, then those of decisions; it tries again."""
    abandoned = Failure(FailureKind.ABANDONED, "gave up", "gave up")
    ground = approval(0, user_id="bob", customer_status="CUSTOMER")
    events: list[AnyEvent] = [ground, decision(1, user_id="ann")]
    apply(connection, [delivery(event)._replace(failure=abandoned) for event in events])
    letters = [letter.id for letter in letters_in(connection)]
    # Postgres looks for a deadlock once a session has waited for this long: the replay is the one.
    connection.execute("SET deadlock_timeout = '5s'")

    with connect_for_batches(database_url, application="rival") as rival, ThreadPoolExecutor() as t:
        rival.execute("SET deadlock_timeout = '1h'")
        with rival.transaction():
            apply_in_transaction(rival, [delivery(approval(2, user_id="ann"))])
            replaying = t.submit(replay, connection, letters, actor="ann")
            await_blocked(database_url)
            apply_in_transaction(rival, [delivery(decision(3, user_id="bob"))])
        assert replaying.result(DEADLINE).counts == {"applied": 2}

    assert letters_in(connection) == []
    assert audit(connection).differing == 0


def test_a_mixed_batch_holds_no_customer_of_its_approvals_while_its_decisions_wait(
    connection: BatchConnection, database_url: str
) -> None:
    """Each kind is a transaction of its own, so that two mixed batches do not deadlock."""
    apply_events(connection, decision(0, user_id="ann"), decision(0, user_id="bob"))
    batch: list[AnyEvent] = [approval(1, user_id="bob"), decision(1, user_id="ann")]

    with connect(database_url) as rival, ThreadPoolExecutor() as threads:
        with rival.transaction():
            rival.execute("SELECT FROM customers WHERE user_id = 'ann' FOR UPDATE")
            applying = threads.submit(apply_events, connection, *batch)
            await_blocked(database_url)
            free = "SELECT FROM customers WHERE user_id = 'bob' FOR UPDATE SKIP LOCKED"
            assert rival.execute(free).rowcount == 1, "the approval is not committed yet"
        assert applying.result(DEADLINE) == ["applied", "applied"]
