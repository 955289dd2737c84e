"""Why a decision is void: the event that is named is the reason, whatever the history."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

from approvals import TEN, apply_events, approval, decision

from signoff_db.connection import BatchConnection
from signoff_db.ledger_partitions import add_partition, detach_oldest, partition_ledger
from signoff_db.reading import ledger_entry, ledger_of, overview
from signoff_db.void_reasons import VoidCause, VoidReason, void_reasons
from signoff_schemas import AnyEvent, StatusDecision

USERS = [f"user-{n}" for n in range(40)]


def history(user: str, chance: random.Random) -> list[AnyEvent]:
    """Ten events of a user, of both kinds; decisions rest on any of them, or on others."""
    ids = [UUID(int=chance.getrandbits(128)) for _ in range(10)]
    return [
        decision(
            chance.randrange(6),
            event_id=event_id,
            user_id=user,
            rests_on=chance.choice([None, uuid4(), *[i for i in ids if i != event_id]]),
        )
        if chance.random() < 0.6
        else approval(
            chance.randrange(6),
            event_id=event_id,
            user_id=user,
            customer_status=chance.choice([None, "CUSTOMER"]),
            ltv_amount=chance.choice([None, "1"]),
        )
        for event_id in ids
    ]


def place(event: AnyEvent) -> tuple[object, UUID]:
    """An event's place in the order."""
    return event.occurred_at, event.event_id


def expected(event: StatusDecision, events: list[AnyEvent], void: set[UUID]) -> VoidReason:
    """The reason, found by reading all events of the customer."""
    assert event.rests_on is not None
    ground = next((e for e in events if e.event_id == event.rests_on), None)
    if ground is None:
        return VoidReason(VoidCause.NOT_ARRIVED, event.rests_on, None)
    if place(ground) > place(event):
        return VoidReason(VoidCause.RESTS_ON_LATER, event.rests_on, ground.occurred_at)
    between = [
        other
        for other in events
        if place(ground) < place(other) < place(event)
        and (
            other.event_id not in void
            if isinstance(other, StatusDecision)
            else other.customer_status or other.ltv_amount is not None
        )
    ]
    first = min(between, key=place)
    return VoidReason(VoidCause.STANDS_BETWEEN, first.event_id, first.occurred_at)


def test_each_void_decision_has_its_reason(connection: BatchConnection) -> None:
    """Over random histories: it waits, rests on what came later, or the first event between."""
    chance = random.Random(12)
    of_user = {user: history(user, chance) for user in USERS}
    events = [event for own in of_user.values() for event in own]
    chance.shuffle(events)
    apply_events(connection, *events)
    rows = connection.execute("SELECT event_id FROM status_decisions WHERE void")
    void = {row[0] for row in rows.fetchall()}

    found = void_reasons(connection, [event.event_id for event in events])

    assert found == {
        event.event_id: expected(event, of_user[event.user_id], void)
        for event in events
        if isinstance(event, StatusDecision) and event.event_id in void
    }
    assert {one.cause for one in found.values()} == {
        VoidCause.NOT_ARRIVED,
        VoidCause.RESTS_ON_LATER,
        VoidCause.STANDS_BETWEEN,
    }


def test_the_ground_is_of_another_customer(connection: BatchConnection) -> None:
    """That is said, and not that the event has not arrived."""
    other = approval(0, user_id="user-2")
    rule = decision(10, rests_on=other.event_id)
    apply_events(connection, other, rule)

    entry = ledger_entry(connection, rule.event_id)

    assert entry is not None
    assert entry.void_because == VoidReason(VoidCause.OTHER_CUSTOMER, other.event_id, None)
    assert str(other.event_id) in str(entry.void_because)


def test_what_stands_between_may_be_in_a_detached_partition(connection: BatchConnection) -> None:
    """The event is not in the ledger any more, so the one that the decision rests on is named."""
    partition_ledger(connection, TEN + timedelta(minutes=6))
    add_partition(connection, TEN + timedelta(minutes=60))
    ground = approval(0, customer_status="CUSTOMER")
    old = approval(3, ltv_amount="1")
    rule = decision(10, rests_on=ground.event_id)
    apply_events(connection, ground, old, rule)
    detach_oldest(connection)

    reason = void_reasons(connection, [rule.event_id])[rule.event_id]
    page = ledger_of(connection, user_id="user-1", limit=10)

    assert reason == VoidReason(VoidCause.DETACHED, ground.event_id, ground.occurred_at)
    assert [entry.event_id for entry in page.items] == [rule.event_id]


def test_a_page_of_a_customer_holds_both_kinds_in_their_order(connection: BatchConnection) -> None:
    """Each event once, over pages of any size; a decision has no balance of an interaction."""
    events = history("ann", random.Random(3))
    apply_events(connection, *events)
    seen: list[UUID] = []
    cursor = None
    while True:
        page = ledger_of(connection, user_id="ann", limit=3, cursor=cursor)
        seen += [entry.event_id for entry in page.items]
        for entry in page.items:
            assert (entry.ltv_usd is None) is (entry.event_type == "status_decision")
        cursor = page.next
        if cursor is None:
            break

    assert seen == [event.event_id for event in sorted(events, key=place, reverse=True)]


def test_decisions_are_counted(connection: BatchConnection) -> None:
    """Among the applied events, and by themselves."""
    apply_events(connection, approval(), decision(1), decision(2, rests_on=uuid4()))

    found = overview(connection)

    assert (found.applied, found.decisions, found.decisions_is_estimate) == (3, 2, False)
