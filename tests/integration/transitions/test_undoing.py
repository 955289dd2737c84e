"""Taking approvals back: a new decision, to the status before, unless something newer was given."""

from datetime import UTC, datetime, timedelta

import pytest
from approvals import apply_events, approval, customer
from desk import at_once, in_outbox
from transitions import (
    apply_outbox,
    buyer,
    chosen,
    propose,
    proposed,
    purchase_at,
    servers_of,
    shown,
    unknown,
)

from signoff_db.connection import BatchConnection
from signoff_ops.transition_text import counts_text
from signoff_ops.transitions import (
    Choice,
    EffectNow,
    ObstacleKind,
    OutboxMissingError,
    ProposalFilter,
    ProposalState,
    Shown,
    WrongChoiceError,
    approve,
    overview,
    preview,
    proposals_page,
    reject,
    set_switch,
    snooze,
    undo,
)
from signoff_schemas import StatusDecision, parse_event


def test_an_undo_is_a_new_decision(database_url: str, connection: BatchConnection) -> None:
    """It gives the status that the customer had, is the person's, and says what it takes back."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    apply_outbox(connection, database_url)

    changed = undo(servers, chosen(made), "bob", "she called")

    assert changed.changed == 1
    assert shown(servers, made).effect is EffectNow.UNDO_WAITING
    event = StatusDecision.parse(in_outbox(database_url)[-1]["event"])
    events = {e["event_id"]: StatusDecision.parse(e["event"]) for e in in_outbox(database_url)}
    found = shown(servers, made)
    assert found.undo_event_id
    event = events[found.undo_event_id]
    assert (event.customer_status, event.decided_by) == ("CUSTOMER", "user:bob")
    assert event.reason == "undo of rule:churn-silence@1: she called"
    assert event.rests_on == found.event_id
    apply_outbox(connection, database_url)
    found = shown(servers, made)
    assert (found.state, found.effect, found.undone_by) == (
        ProposalState.UNDONE,
        EffectNow.UNDONE,
        "bob",
    )
    assert customer(connection, "user-1") == ("CUSTOMER", "50.00")


def test_an_undo_in_any_order_of_arrival(database_url: str, connection: BatchConnection) -> None:
    """The undo may be applied before what it takes back."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    undo(servers, chosen(made), "ann")
    events = [parse_event(held["event"]) for held in in_outbox(database_url)]
    found = shown(servers, made)
    events.sort(key=lambda event: event.event_id == found.event_id)

    assert apply_events(connection, events[0]) == ["void"]
    assert apply_events(connection, events[1]) == ["late"]

    assert shown(servers, made).effect is EffectNow.UNDONE
    assert customer(connection, "user-1") == ("CUSTOMER", "50.00")


def test_nothing_newer_is_undone(database_url: str, connection: BatchConnection) -> None:
    """After a purchase there is nothing to undo; one that arrives later makes the undo void."""
    apply_events(connection, buyer("a"), buyer("b"))
    a, b = propose(database_url, "a", "b")
    servers = servers_of(database_url)
    approve(servers, chosen(a, b), "ann")
    apply_outbox(connection, database_url)
    decided = shown(servers, b).decided_at
    assert decided
    apply_events(connection, purchase_at(datetime.now(UTC), "a", customer_status="LEAD_QUALIFIED"))
    late = purchase_at(decided + timedelta(microseconds=1), "b", customer_status="LEAD_QUALIFIED")

    assert undo(servers, chosen(a, b), "ann").obstacles == {ObstacleKind.WITHOUT_EFFECT: 1}
    apply_outbox(connection, database_url)
    apply_events(connection, late)

    assert shown(servers, a).state is ProposalState.APPROVED
    found = shown(servers, b)
    assert (found.state, found.effect) == (ProposalState.UNDONE, EffectNow.SUPERSEDED)
    assert "the undo has no effect" in str(found.effect_because)
    assert customer(connection, "b") == ("LEAD_QUALIFIED", "100.00")


def test_only_approvals_are_undone_and_once(database_url: str, connection: BatchConnection) -> None:
    """Whatever is chosen beside them is left out, and why is said."""
    apply_events(connection, buyer("a"), buyer("b"))
    a, b = propose(database_url, "a", "b")
    servers = servers_of(database_url)
    approve(servers, chosen(a), "ann")

    found = at_once(lambda _: undo(servers, chosen(a, b, unknown()), "ann"), 2)

    assert sum(changed.changed for changed in found) == 1
    for changed in found:
        assert changed.obstacles[ObstacleKind.NOT_APPROVED] == 1
        assert changed.obstacles[ObstacleKind.UNKNOWN] == 1
    assert len(in_outbox(database_url)) == 2
    with pytest.raises(WrongChoiceError, match="by the ids"):
        undo(servers, Choice.of_rule("churn-silence"), "ann")


def test_what_was_decided_is_left_out_for_what_it_is(
    database_url: str, connection: BatchConnection
) -> None:
    """Decided, undone and outdated are told apart, whatever is tried a second time."""
    users = ["a", "b", "c", "d"]
    apply_events(connection, *map(buyer, users))
    a, b, c, d = made = propose(database_url, *users)
    servers = servers_of(database_url)
    approve(servers, chosen(a, b), "ann")
    undo(servers, chosen(b), "ann")
    reject(servers, chosen(c), "ann", "a friend")
    apply_events(connection, purchase_at(datetime.now(UTC), "d"))
    approve(servers, chosen(d), "ann")

    expected = {ObstacleKind.DECIDED: 2, ObstacleKind.UNDONE: 1, ObstacleKind.OUTDATED: 1}
    until = datetime.now(UTC) + timedelta(days=1)
    effect = preview(servers, chosen(*made))
    assert effect.obstacles == expected
    assert effect.held_up == (d,)
    assert approve(servers, chosen(*made), "ann").obstacles == expected
    assert reject(servers, chosen(*made), "ann", "no").obstacles == expected
    assert snooze(servers, chosen(*made), "ann", until).obstacles == expected
    again = undo(servers, chosen(b), "ann")
    assert again.obstacles == {ObstacleKind.UNDONE: 1}
    undone_at = shown(servers, b).undone_at
    assert undone_at
    assert (
        str(again.left_out[0].obstacle) == f"it was undone already ({undone_at:%Y-%m-%d %H:%M} UTC)"
    )


def test_an_undo_needs_no_switch(database_url: str, connection: BatchConnection) -> None:
    """Who stops transitions wants to take back what they did."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    set_switch(servers, "boss", "odd numbers", is_on=False)
    assert undo(servers, chosen(made), "boss").changed == 1
    (counts,) = overview(servers).rules
    assert (counts.approved, counts.undone, counts.on_their_way) == (1, 1, 0)
    listed = proposals_page(servers, ProposalFilter(Shown.UNDONE)).items
    assert [one.id for one in listed] == [made]


def test_a_return_before_the_undo_still_counts(
    database_url: str, connection: BatchConnection
) -> None:
    """A customer who bought after the decision came back, though it was undone afterwards."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    apply_outbox(connection, database_url)
    undo(servers, chosen(made), "ann")
    apply_outbox(connection, database_url)
    found = shown(servers, made)
    assert found.decided_at
    assert found.undone_at
    apply_events(connection, purchase_at(found.undone_at + timedelta(seconds=1)))
    assert shown(servers, made).reactivated_at is None
    apply_events(connection, purchase_at(found.decided_at + timedelta(microseconds=1)))
    assert shown(servers, made).reactivated_at == found.decided_at + timedelta(microseconds=1)


def test_each_approval_is_counted_in_one_place(
    database_url: str, connection: BatchConnection
) -> None:
    """What was taken back is no decision with effect, unless the undo itself has none."""
    users = ["kept", "undone", "taking back", "undo is late"]
    apply_events(connection, *map(buyer, users))
    kept, undone, taking_back, undo_is_late = made = propose(database_url, *users)
    servers = servers_of(database_url)
    approve(servers, chosen(*made), "ann")
    apply_outbox(connection, database_url)
    undo(servers, chosen(undone, undo_is_late), "ann")
    apply_outbox(connection, database_url)
    undo(servers, chosen(taking_back), "ann")

    (counts,) = overview(servers).rules
    assert (counts.approved, counts.undone, counts.had_effect) == (4, 3, 1)
    assert (counts.on_their_way, counts.void, counts.reactivated_share) == (0, 0, 0)
    assert "4 approved (3 undone); of 1 decision with effect" in counts_text(counts)

    decided = shown(servers, undo_is_late).decided_at
    assert decided
    apply_events(connection, purchase_at(decided + timedelta(microseconds=1), "undo is late"))
    (counts,) = overview(servers).rules
    assert (counts.undone, counts.had_effect, counts.reactivated) == (2, 2, 1)
    assert shown(servers, kept).effect is EffectNow.APPLIED


def test_after_an_undo_of_something_on_its_way_nothing_else_is_decided(
    database_url: str, connection: BatchConnection
) -> None:
    """Both decisions have to arrive before another rule decides about the customer."""
    made = proposed(database_url, connection)
    (other,) = propose(database_url, "user-1", rule="other", to_status="LEAD_EXHAUSTED")
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    undo(servers, chosen(made), "ann")
    assert preview(servers, chosen(other)).obstacles == {ObstacleKind.OTHER_DECISION: 1}
    apply_events(connection, approval(1, user_id="user-2"))


def test_without_an_outbox_nothing_is_undone(
    database_url: str, connection: BatchConnection
) -> None:
    """The table may have been dropped since."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    connection.execute("DROP TABLE public.signoff_outbox")
    with pytest.raises(OutboxMissingError, match="signoff outbox create"):
        undo(servers, chosen(made), "ann")
    assert shown(servers, made).state is ProposalState.APPROVED
