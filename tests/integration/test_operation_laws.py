"""The law of dry runs: the sum over pages is the effect of one transaction, and of the replay."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from approvals import apply_events, approval, decision
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from letters import bury, chosen
from parallel import forget_events

from signoff_db.batches import never
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.operations import batches, starting, table
from signoff_db.operations import lease as leases
from signoff_db.operations.effect import Effect
from signoff_db.operations.lease import End, claim
from signoff_db.operations.operation import Operation, OperationAction, OperationState
from signoff_db.operations.running import run
from signoff_db.operations.starting import Wanted
from signoff_db.selection import Selection
from signoff_schemas import AnyEvent, Verdict

DRY = Wanted(OperationAction.REPLAY, "ann", None, dry_run=True)
REAL = Wanted(OperationAction.REPLAY, "ann", None, dry_run=False, keep_going=True)
USERS = ["ann", "bob", "eve"]
STATUSES = ["PROSPECT", "CUSTOMER", "CHURNED", None]
AMOUNTS = ["0", "12.50", "9990", None]


def ids(number: int, of: int) -> st.SearchStrategy[UUID]:
    """One of a few ids."""
    return st.integers(1, number).map(lambda one: UUID(int=of * 1000 + one, version=4))


@st.composite
def events(draw: st.DrawFn) -> AnyEvent:
    """An event that may collide with others: by customer, by interaction, by its own id."""
    at = draw(st.integers(0, 30))
    common: dict[str, Any] = {"event_id": draw(ids(12, 7))}
    if draw(st.integers(0, 4)) == 0:
        status = draw(st.sampled_from(STATUSES[:3]))
        return decision(at, user_id=draw(st.sampled_from(USERS)), customer_status=status, **common)
    return approval(
        at,
        interaction_id=draw(ids(5, 8)),
        user_id=draw(st.sampled_from([*USERS, None])),
        customer_status=draw(st.sampled_from(STATUSES)),
        ltv_amount=draw(st.sampled_from(AMOUNTS)),
        **common,
    )


def forget_all(connection: BatchConnection) -> None:
    """Empty the tables."""
    forget_events(connection)
    connection.execute(
        "SET session_replication_role = replica;"
        " DELETE FROM operation_letters; DELETE FROM operations; DELETE FROM operator_actions;"
        " SET session_replication_role = origin"
    )


@pytest.fixture
def reading(database_url: str) -> Iterator[BatchConnection]:
    """The second connection of a runner."""
    with connect_for_batches(database_url, application="reading") as opened:
        yield opened


def ended(connection: BatchConnection, reading: BatchConnection, started: int) -> Operation:
    """The operation when a runner has worked on it, without rests."""
    claimed = claim(connection)
    assert claimed
    assert claimed.id == started
    end = run(connection, claimed, reading=reading, should_stop=never, rest=lambda _: None)
    assert end == End(OperationState.DONE)
    leases.end(connection, claimed, end)
    found = table.read(connection, started)
    assert found
    return found


def promised(effect: Effect) -> Effect:
    """What pages promise of it: which of the applied events are late depends on their order."""
    counts = Counter(effect.counts)
    counts[str(Verdict.APPLIED)] += counts.pop(str(Verdict.LATE), 0)
    return replace(effect, counts=dict(+counts))


# The same examples each time: longer chains of conflicts stay apart (choose.sql).
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(applied=st.lists(events(), max_size=6), letters=st.lists(events(), min_size=1, max_size=14))
def test_pages_add_up_to_what_a_replay_does(
    connection: BatchConnection,
    reading: BatchConnection,
    applied: list[AnyEvent],
    letters: list[AnyEvent],
) -> None:
    """Whatever the letters have in common: by groups, in one transaction, and for real."""
    forget_all(connection)
    if applied:
        apply_events(connection, *applied)
    connection.execute("DELETE FROM dead_letters")
    bury(connection, *letters)
    assume(chosen(connection))
    whole = ended(connection, reading, starting.start(connection, Selection(), DRY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "PAGE", 1)
        paged = ended(connection, reading, starting.start_from(connection, whole.id, DRY))
    real = ended(connection, reading, starting.start_from(connection, whole.id, REAL))

    assert promised(paged.effect) == promised(real.effect) == promised(whole.effect)
    assert paged.tried + paged.left_out == real.tried + real.left_out == whole.letters
    assert whole.effect.exact
