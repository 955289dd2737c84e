"""The law of dry runs: the sum over pages is the effect of one transaction, and of the replay."""

from typing import Any
from uuid import UUID

import pytest
from approvals import apply_events, approval, decision
from desk import servers_of, sql
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from letters import bury, chosen
from operations import ANN, DRY, after, run_all

from signoff_db.connection import connect_for_batches
from signoff_db.operations import batches
from signoff_db.selection import Selection
from signoff_ops.operations import (
    Operation,
    OperationAction,
    start_from,
    start_operation,
)
from signoff_schemas import AnyEvent

REPLAY = OperationAction.REPLAY
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


def start_anew(database_url: str) -> None:
    """Empty the tables."""
    sql(
        database_url,
        "SET session_replication_role = replica; TRUNCATE approvals, interactions, customers,"
        " dead_letters, operator_actions, operations, operation_letters, status_decisions CASCADE",
    )


def tried(database_url: str, started: Operation) -> Operation:
    """The operation when all is done."""
    run_all(database_url)
    return after(database_url, started)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(applied=st.lists(events(), max_size=6), letters=st.lists(events(), min_size=1, max_size=14))
def test_pages_add_up_to_what_a_replay_does(
    applied: list[AnyEvent], letters: list[AnyEvent], database_url: str
) -> None:
    """Whatever the letters have in common: by groups, in one transaction, and for real."""
    start_anew(database_url)
    servers = servers_of(database_url)
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, *applied)
        sql(database_url, "DELETE FROM dead_letters")
        bury(connection, *letters)
        assume(chosen(connection))
    whole = tried(database_url, start_operation(servers, Selection(), DRY, REPLAY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "PAGE", 1)
        paged = tried(database_url, start_from(servers, whole.id, DRY))
    real = tried(database_url, start_from(servers, whole.id, ANN, keep_going=True))

    assert paged.effect == whole.effect
    assert real.effect == whole.effect
    assert paged.tried + paged.left_out == real.tried + real.left_out == whole.letters
    assert whole.effect.exact
