"""What status decisions make of a customer, in Postgres."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval, customer, decision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parallel import apply_in_lanes, forget_events, in_parallel
from reference import fold, read

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent


def verdict(connection: BatchConnection, event: AnyEvent) -> bool:
    """Whether the decision is void now."""
    row = connection.execute(
        "SELECT void FROM status_decisions WHERE event_id = %s", [event.event_id]
    ).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_decision_sets_the_status_of_the_customer_alone(connection: BatchConnection) -> None:
    """The customer's status is the decision's; interactions and money stay as they are."""
    apply_events(connection, approval(0, customer_status="CUSTOMER", ltv_amount="100"))
    assert apply_events(connection, decision(1, customer_status="CHURNED")) == ["applied"]
    assert customer(connection, "user-1") == ("CHURNED", "100.00")
    rows = connection.execute("SELECT customer_status, ltv_usd::text FROM interactions").fetchall()
    assert rows == [("CUSTOMER", "100.00")]
    assert audit(connection).differing == 0


def test_a_decision_takes_its_own_place_in_the_order(connection: BatchConnection) -> None:
    """A decision that occurred before the event that holds the status is late."""
    apply_events(connection, approval(5, customer_status="CUSTOMER"))
    assert apply_events(connection, decision(1)) == ["late"]
    assert customer(connection, "user-1") == ("CUSTOMER", "0.00")
    assert apply_events(connection, approval(3, customer_status="LEAD_QUALIFIED")) == ["applied"]
    assert customer(connection, "user-1") == ("CUSTOMER", "0.00")
    assert audit(connection).differing == 0


def test_a_decision_is_applied_once(connection: BatchConnection) -> None:
    """The same decision again is a duplicate; other content under its id is a conflict."""
    first = decision(0)
    other = first.model_copy(update={"reason": "another reason"})
    assert apply_events(connection, first, first) == ["applied", "duplicate"]
    assert apply_events(connection, first, other) == ["duplicate", "event_conflict"]
    same_id = approval(0, event_id=first.event_id)
    assert apply_events(connection, same_id) == ["event_conflict"]
    assert audit(connection).differing == 0


def test_a_decision_under_the_id_of_an_approval_is_a_conflict(connection: BatchConnection) -> None:
    """An event_id belongs to one event, whatever its kind, also within a batch."""
    event = approval(0)
    assert apply_events(connection, event, decision(0, event_id=event.event_id)) == [
        "applied",
        "event_conflict",
    ]


def test_a_decision_creates_a_customer_that_is_not_known_yet(connection: BatchConnection) -> None:
    """The customer's first approval may arrive later."""
    assert apply_events(connection, decision(1, customer_status="LEAD_QUALIFIED")) == ["applied"]
    assert customer(connection, "user-1") == ("LEAD_QUALIFIED", "0.00")
    apply_events(connection, approval(0, customer_status="PROSPECT", ltv_amount="5"))
    assert customer(connection, "user-1") == ("LEAD_QUALIFIED", "5.00")
    assert audit(connection).differing == 0


@pytest.mark.parametrize("given", [{"customer_status": "CUSTOMER"}, {"ltv_amount": "0"}])
def test_an_event_between_voids_a_decision_whenever_it_arrives(
    connection: BatchConnection, given: dict[str, Any]
) -> None:
    """A status or an amount after the decision's ground, before the decision, makes it void."""
    ground = approval(0, customer_status="CUSTOMER", ltv_amount="10")
    rule = decision(10, decided_by="rule:churn-silence@3", rests_on=ground.event_id)
    between = approval(5, interaction_id=ground.interaction_id, **given)
    apply_events(connection, ground)
    assert apply_events(connection, rule) == ["applied"]
    assert customer(connection, "user-1") == ("CHURNED", "10.00")
    apply_events(connection, between)
    assert verdict(connection, rule)
    assert customer(connection, "user-1") == ("CUSTOMER", "10.00")
    assert audit(connection).differing == 0


def test_an_event_between_that_gives_nothing_changes_nothing(connection: BatchConnection) -> None:
    """Only an event that gave a status or an amount stands in the way."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(10, rests_on=ground.event_id)
    apply_events(connection, ground, rule)
    apply_events(connection, approval(5, interaction_id=ground.interaction_id))
    apply_events(connection, approval(6))
    assert not verdict(connection, rule)
    assert customer(connection, "user-1") == ("CHURNED", "0.00")


def test_a_decision_waits_for_the_event_that_it_rests_on(connection: BatchConnection) -> None:
    """It is void until that event has arrived, also where that event gives nothing."""
    earlier = approval(-1, customer_status="CUSTOMER")
    ground = approval(0, interaction_id=earlier.interaction_id)
    rule = decision(10, rests_on=ground.event_id)
    apply_events(connection, earlier)
    assert apply_events(connection, rule) == ["void"]
    assert customer(connection, "user-1") == ("CUSTOMER", "0.00")
    apply_events(connection, ground)
    assert not verdict(connection, rule)
    assert customer(connection, "user-1") == ("CHURNED", "0.00")
    assert audit(connection).differing == 0


def test_a_decision_does_not_rest_on_an_event_of_another_customer(
    connection: BatchConnection,
) -> None:
    """It is void, and so is one that rests on an event that occurred after it."""
    other = approval(0, user_id="user-2")
    later = approval(20)
    apply_events(connection, other, later)
    for ground in (other, later):
        assert apply_events(connection, decision(10, rests_on=ground.event_id)) == ["void"]
    assert customer(connection, "user-1") == ("PROSPECT", "0.00")


def test_a_void_decision_has_no_effect_on_other_decisions(connection: BatchConnection) -> None:
    """A decision that becomes void lets a later one count that it had voided."""
    ground = approval(0, customer_status="CUSTOMER")
    first = decision(10, rests_on=ground.event_id, customer_status="CHURNED")
    second = decision(20, rests_on=ground.event_id, customer_status="LEAD_EXHAUSTED")
    assert apply_events(connection, ground, first, second) == ["applied", "applied", "void"]
    third = decision(30, rests_on=first.event_id, customer_status="PROSPECT")
    assert apply_events(connection, third) == ["applied"]
    late = approval(5, interaction_id=ground.interaction_id, ltv_amount="1")
    apply_events(connection, late)
    assert [verdict(connection, one) for one in (first, second, third)] == [True, True, False]
    assert customer(connection, "user-1") == ("PROSPECT", "1.00")
    assert audit(connection).differing == 0


def test_transitions_tell_who_decided(connection: BatchConnection) -> None:
    """A decision is a step of the customer's way through the funnel; a void one is none."""
    ground = approval(0, customer_status="CUSTOMER", reviewer_id="bob")
    apply_events(connection, ground, decision(10, rests_on=ground.event_id))
    apply_events(connection, decision(20, rests_on=uuid4(), customer_status="PROSPECT"))
    rows = connection.execute(
        "SELECT from_status, to_status, interaction_id, on_path, decided_by"
        " FROM status_transitions ORDER BY occurred_at"
    ).fetchall()
    assert rows == [
        ("PROSPECT", "CUSTOMER", ground.interaction_id, False, "reviewer:bob"),
        ("CUSTOMER", "CHURNED", None, True, "user:ann"),
    ]


def test_the_first_step_of_a_customer_with_decisions_starts_at_the_opening_status(
    connection: BatchConnection,
) -> None:
    """What the adopted interaction held is where the customer comes from."""
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status) VALUES (%s, 'user-1', 'CUSTOMER')",
        [uuid4()],
    )
    apply_events(connection, decision(0))
    rows = connection.execute("SELECT from_status, to_status FROM status_transitions").fetchall()
    assert rows == [("CUSTOMER", "CHURNED")]


def test_decisions_follow_interactions_that_change_their_owner(connection: BatchConnection) -> None:
    """Another system moves an interaction to another customer, or deletes it."""
    ground = approval(0, customer_status="CUSTOMER", ltv_amount="7")
    rule = decision(10, rests_on=ground.event_id)
    apply_events(connection, ground, rule)
    connection.execute("UPDATE interactions SET user_id = 'user-2'")
    assert verdict(connection, rule)
    assert customer(connection, "user-1") == ("PROSPECT", "0.00")
    assert customer(connection, "user-2") == ("CUSTOMER", "7.00")
    connection.execute("UPDATE interactions SET user_id = 'user-1'")
    assert not verdict(connection, rule)
    assert customer(connection, "user-1") == ("CHURNED", "7.00")
    assert audit(connection).differing == 0
    connection.execute("DELETE FROM interactions")
    assert verdict(connection, rule)
    assert customer(connection, "user-1") == ("PROSPECT", "0.00")


def test_a_decision_is_kept_when_the_interactions_are_truncated(
    connection: BatchConnection,
) -> None:
    """A decision that rests on nothing still gives the status."""
    apply_events(connection, approval(0, customer_status="CUSTOMER"), decision(10))
    connection.execute("TRUNCATE interactions")
    assert customer(connection, "user-1") == ("CHURNED", "0.00")


USERS = ["ann", "bob"]
INTERACTIONS = [UUID(int=n) for n in range(1, 5)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[AnyEvent], list[list[AnyEvent]]]:
    """Distinct events of both kinds, and an arrival: repeated, in any order and any batches."""
    ids = [UUID(int=1000 + n) for n in range(draw(st.integers(1, 14)))]
    events: list[AnyEvent] = []
    for event_id in ids:
        status = draw(st.sampled_from([None, *CUSTOMER_STATUSES]))
        minute = draw(st.integers(0, 5))
        others = [other for other in ids if other != event_id]
        if status and draw(st.booleans()):
            rests_on = draw(st.none() | st.sampled_from([*others, uuid4()]))
            user = draw(st.sampled_from(USERS))
            events.append(
                decision(
                    minute,
                    event_id=event_id,
                    user_id=user,
                    customer_status=status,
                    rests_on=rests_on,
                )
            )
        else:
            interaction = draw(st.sampled_from(INTERACTIONS))
            events.append(
                approval(
                    minute,
                    event_id=event_id,
                    interaction_id=interaction,
                    user_id=USERS[interaction.int % 2],
                    customer_status=status,
                    ltv_amount=draw(st.sampled_from([None, "0", "5"])),
                )
            )
    arrival = draw(st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=8))))
    batches: list[list[AnyEvent]] = []
    while arrival:
        size = draw(st.integers(1, len(arrival)))
        batches.append(list(arrival[:size]))
        arrival = arrival[size:]
    return events, batches


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stream=streams(), workers=st.integers(1, 3))
def test_the_tables_equal_the_fold_whatever_the_arrival(
    connection: BatchConnection,
    lanes: list[BatchConnection],
    stream: tuple[list[AnyEvent], list[list[AnyEvent]]],
    workers: int,
) -> None:
    """Any duplication, order, split into batches and number of workers ends in the same state."""
    events, batches = stream
    forget_events(connection)
    results = apply_in_lanes(lanes, [batches[n::workers] for n in range(workers)])
    assert read(connection) == fold(events)
    assert audit(connection).differing == 0
    assert results.count("duplicate") == sum(map(len, batches)) - len(events)
    assert set(results) <= {"applied", "late", "void", "duplicate"}


def test_workers_meet_on_one_customer_with_both_kinds(database_url: str) -> None:
    """Many workers on one customer, in different orders, overlook no event of each other."""
    ids = [uuid4() for _ in range(200)]
    events: list[AnyEvent] = [
        decision(n, event_id=ids[n], rests_on=ids[n - 1], customer_status=CUSTOMER_STATUSES[n % 5])
        if n % 3 == 2
        else approval(
            n,
            event_id=ids[n],
            interaction_id=INTERACTIONS[n % 4],
            ltv_amount="1" if n % 7 == 0 else None,
        )
        for n in range(200)
    ]
    lanes: list[list[list[AnyEvent]]] = [
        [events[start : start + 7] for start in range(0, 200, 7)],
        [events[start : start + 20][::-1] for start in range(180, -1, -20)],
        [events[n::8] for n in range(8)],
        [[event] for event in events[::-3]],
    ]
    in_parallel(database_url, lanes)
    with connect(database_url) as connection:
        assert read(connection) == fold(events)
        assert audit(connection).differing == 0


@pytest.mark.parametrize(
    "evidence", [None, {}, {"n": [1.5, -2, 1e-7, None, True], "ü": {"b": 'a "quoted" \\ line\n'}}]
)
def test_the_audit_finds_a_decision_that_was_changed(
    connection: BatchConnection, evidence: dict[str, Any] | None
) -> None:
    """In the ledger by its hash, in its state by the fold; what was published is no difference."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(10, rests_on=ground.event_id, evidence=evidence, reason="Grüße 👋\nand a break")
    apply_events(connection, ground, rule)
    assert audit(connection).differing == 0
    connection.execute("UPDATE status_decisions SET void = true")
    found = {(d.what, d.key, d.field) for d in audit(connection).differences}
    assert ("decision", str(rule.event_id), "void") in found
    connection.execute("UPDATE status_decisions SET void = false")
    connection.execute(
        "ALTER TABLE approvals DISABLE TRIGGER USER;"
        " UPDATE approvals SET reason = 'another' WHERE event_type = 'status_decision';"
        " ALTER TABLE approvals ENABLE TRIGGER USER"
    )
    (changed,) = audit(connection).differences
    assert changed.key == str(rule.event_id)
    connection.execute("DELETE FROM status_decisions")
    assert audit(connection).differing > 1


def test_each_column_says_what_it_holds(connection: BatchConnection) -> None:
    """People query the table; psql shows it."""
    silent = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'status_decisions'::regclass"
        " AND attnum > 0 AND col_description(attrelid, attnum) IS NULL"
    ).fetchall()
    assert silent == []
