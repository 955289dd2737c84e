"""Concurrent transactions on the same event or the same rows."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from approvals import approval, delivery
from letters import letters_in
from processes import DEADLINE
from rivals import await_blocked

from signoff_db.apply import apply, apply_in_transaction
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.replay import replay


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
