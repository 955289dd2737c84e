"""A runner works on operations: what they change, and what a dry run tells beforehand."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from approvals import apply_events, approval, balance, decision
from blocking import await_blocked
from desk import servers_of, sql
from letters import bury, chosen, letters_in
from operations import ANN, DRY, after, run_all
from processes import DEADLINE, eventually

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection
from signoff_db.discard import discard
from signoff_db.operations import running
from signoff_db.operations.table import has_runner
from signoff_db.selection import Selection
from signoff_ops.operating import Operator
from signoff_ops.operation_run import Runner
from signoff_ops.operation_text import sentence
from signoff_ops.operations import (
    RUNNER_AWAY_AFTER,
    Holders,
    OperationAction,
    OperationState,
    cancel_operation,
    runner_note,
    start_from,
    start_operation,
)
from signoff_ops.servers import Servers
from signoff_schemas import DeadLetterState

REPLAY, DISCARD = OperationAction.REPLAY, OperationAction.DISCARD
ALL = Selection()


@pytest.fixture
def servers(database_url: str) -> Servers:
    """Connections as a command opens them."""
    return servers_of(database_url)


def test_a_dry_run_tells_what_a_replay_does_then(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """Counts, amounts, statuses and causes are those of the replay; nothing changed before."""
    buyer = approval(user_id="ann", customer_status="CUSTOMER", ltv_amount="100")
    more = approval(1, user_id="ann", interaction_id=buyer.interaction_id, ltv_amount="50")
    other = approval(user_id="bob", customer_status="CUSTOMER", ltv_amount="7.50")
    apply_events(connection, buyer)
    unknown = approval(user_id=None)
    bury(connection, more, other, unknown, decision(9, user_id="ann", customer_status="CHURNED"))

    dry = start_operation(servers, ALL, DRY, REPLAY)
    run_all(database_url)
    told = after(database_url, dry)
    assert len(letters_in(connection)) == 4

    real = start_from(servers, dry.id, ANN)
    run_all(database_url)
    done = after(database_url, real)

    assert told.state is done.state is OperationState.DONE
    assert (told.letters, told.tried, told.left_out) == (4, 4, 0)
    assert told.effect == done.effect
    assert done.effect.counts == {"applied": 3, "unknown_interaction": 1}
    assert (done.effect.ltv_before, done.effect.ltv_after) == (Decimal(100), Decimal("157.50"))
    assert done.effect.statuses == {
        "CUSTOMER": Holders(2, 2),
        "CHURNED": Holders(0, 1),
    }
    assert [(cause.count, cause.kind) for cause in done.effect.causes] == [
        (1, "unknown_interaction")
    ]
    assert told.results == done.results
    assert len(letters_in(connection)) == 1
    assert balance(connection, buyer.interaction_id) == ("CUSTOMER", "150.00")
    assert not audit(connection).differences


@pytest.mark.parametrize("operator", [DRY, ANN], ids=["dry run", "replay"])
def test_an_operation_goes_on_after_tens_of_thousands_of_letters(
    connection: BatchConnection, servers: Servers, database_url: str, operator: Operator
) -> None:
    """Places are added as integers: a small one is sent to Postgres as a smallint."""
    begun = 32_760
    bury(connection, *(approval(n) for n in range(12)))
    started = start_operation(servers, ALL, operator, REPLAY)
    connection.execute("UPDATE operation_letters SET place = place + %s", [begun])
    connection.execute("UPDATE operations SET place = %s, letters = letters + %s", [begun, begun])
    run_all(database_url)
    ended = after(database_url, started)
    assert (ended.state, ended.tried, ended.message) == (OperationState.DONE, 12, None)


def test_letters_that_others_settled_are_left_out(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """A letter that is settled before its turn is counted as left out."""
    bury(connection, *(approval() for _ in range(30)))
    letters = chosen(connection)
    started = start_operation(servers, ALL, ANN, REPLAY)
    discard(connection, letters[:12], actor="op", reason="r")

    run_all(database_url)

    done = after(database_url, started)
    assert (done.state, done.tried, done.left_out) == (OperationState.DONE, 18, 12)
    assert done.effect.counts == {"applied": 18}


def test_a_discard_is_recorded_with_its_reason(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """All letters of the set are discarded; a dry run only counts them."""
    bury(connection, *(approval() for _ in range(5)))
    why = Operator("ann", "sent by mistake", dry_run=True)
    dry = start_operation(servers, ALL, why, DISCARD)
    run_all(database_url)
    assert after(database_url, dry).effect.counts == {"discarded": 5}
    assert len(letters_in(connection)) == 5

    real = start_from(servers, dry.id, Operator("ann", "sent by mistake"))
    run_all(database_url)

    assert after(database_url, real).effect.counts == {"discarded": 5}
    assert len(letters_in(connection, DeadLetterState.DISCARDED)) == 5
    assert sql(
        database_url,
        "SELECT actor, action, reason, cardinality(dead_letter_ids) FROM operator_actions",
    ) == [("ann", "discard", "sent by mistake", 5)]


def test_a_replay_stops_when_one_cause_recurs(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """It stops before it has tried all, says by which cause, and can be told to keep going."""
    bury(connection, *(approval(user_id=None) for _ in range(70)))
    halted = start_operation(servers, ALL, ANN, REPLAY)
    run_all(database_url)
    told = after(database_url, halted)
    assert (told.state, told.tried) == (OperationState.STOPPED, 10)
    assert told.stopped_by == told.effect.causes[0].fingerprint

    going = start_from(servers, halted.id, ANN, keep_going=True)
    run_all(database_url)
    done = after(database_url, going)
    assert (done.state, done.tried) == (OperationState.DONE, 70)
    assert done.effect.counts == {"unknown_interaction": 70}


def test_a_cancelled_operation_changes_nothing_more(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """If it is cancelled while a runner has it, the batch in hand is rolled back."""
    bury(connection, *(approval() for _ in range(30)))
    started = start_operation(servers, ALL, ANN, REPLAY)
    runner = Runner(database_url)
    with connection.transaction():
        connection.execute("LOCK TABLE interactions IN SHARE MODE")
        turn = threading.Thread(target=runner.turn, args=[threading.Event()])
        turn.start()
        await_blocked(database_url)
        cancelled = cancel_operation(servers, started.id, "bob")
    turn.join()
    runner.close()

    assert cancelled.state is OperationState.CANCELLED
    assert after(database_url, started) == cancelled
    assert (cancelled.tried, len(letters_in(connection))) == (0, 30)


def test_letters_that_stay_locked_are_not_known(
    connection: BatchConnection,
    servers: Servers,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dry run waits only a moment for rows of others, and says of how many it knows nothing."""
    monkeypatch.setattr(running, "_PAGE_SECONDS", 0.0)
    known = approval()
    apply_events(connection, known)
    bury(connection, approval(1, interaction_id=known.interaction_id), approval(user_id="other"))
    dry = start_operation(servers, ALL, DRY, REPLAY)
    with connection.transaction():
        connection.execute("SELECT FROM interactions FOR UPDATE")
        run_all(database_url)
    told = after(database_url, dry)
    assert (told.state, told.effect.locked, told.tried, told.left) == ("done", 2, 0, 0)
    assert "the result is not known" in sentence(told)


def test_a_refused_event_among_others_is_counted_once(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """Its batch is applied in parts; the numbers are right, and those of a dry run too."""
    connection.execute("ALTER TABLE interactions ADD CHECK (reviewer_notes <> 'bad')")
    known = approval(ltv_amount="5")
    apply_events(connection, known)
    more = [
        approval(n, interaction_id=known.interaction_id, customer_status="CUSTOMER", ltv_amount="1")
        for n in (1, 2, 3, 4)
    ]
    bury(connection, *more[:2], approval(5, reviewer_notes="bad", user_id="eve"), *more[2:])
    dry = start_operation(servers, ALL, DRY, REPLAY)
    run_all(database_url)
    real = start_from(servers, dry.id, ANN)
    run_all(database_url)
    told, done = after(database_url, dry), after(database_url, real)
    assert told.effect == done.effect
    assert (done.effect.resolved, done.effect.failed) == (4, 1)
    assert (done.effect.ltv_before, done.effect.ltv_after) == (Decimal(5), Decimal(9))
    assert done.effect.statuses == {"PROSPECT": Holders(1, 0), "CUSTOMER": Holders(0, 1)}
    assert (done.tried, done.left) == (5, 0)


def test_two_operations_take_turns(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """An operation with a rate does not keep others waiting."""
    bury(connection, *(approval() for _ in range(6)))
    slow = start_operation(servers, ALL, ANN, REPLAY, rate=1.0)
    quick = start_operation(servers, ALL, DRY, REPLAY)

    run_all(database_url)

    assert after(database_url, slow).tried == 1
    assert after(database_url, slow).state is OperationState.RUNNING
    assert after(database_url, quick).state is OperationState.DONE


def test_a_runner_that_waits_for_a_lock_is_not_called_away(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """It notes nothing meanwhile, but it is connected."""
    bury(connection, approval())
    started = start_operation(servers, ALL, ANN, REPLAY)
    runner, stop = Runner(database_url, lease=timedelta(0), poll=0.0), threading.Event()
    long_ago = "UPDATE operation_runners SET seen_at = now() - interval '10 minutes'"
    with ThreadPoolExecutor(max_workers=1) as pool:
        with connection.transaction():
            connection.execute("SELECT FROM dead_letters FOR UPDATE")
            working = pool.submit(runner.turn, stop)
            await_blocked(database_url)
            sql(database_url, long_ago)
            waits = after(database_url, started)
            assert not waits.held
            assert runner_note(servers, waits) is None
        assert working.result(DEADLINE)
    runner.close()
    eventually(lambda: not has_runner(connection, RUNNER_AWAY_AFTER), what="it is gone")
