"""Standings where the ledger does not hold all of a customer's history."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from approvals import apply_events, approval, decision
from plain_transitions import everybody

from signoff_db.connection import BatchConnection
from signoff_db.ledger_partitions import add_partition, detach_oldest, partition_ledger
from signoff_insight.transitions.picking import why_a_person
from signoff_insight.transitions.reading import Instant, matches
from signoff_insight.transitions.rules import default_rules
from signoff_insight.transitions.standing import Basis, Standing

AT = datetime(2026, 7, 1, tzinfo=UTC)


def day(number: int, month: int = 1) -> datetime:
    """A day of 2026."""
    return datetime(2026, month, number, tzinfo=UTC)


def standings(connection: BatchConnection, basis: Basis = Basis.OCCURRED) -> dict[str, Standing]:
    """Those of all customers, by user_id."""
    with connection.transaction():
        found = matches(connection, everybody(), Instant(AT, "UTC", basis))
        return {match.standing.user_id: match.standing for match in found}


def test_what_another_system_knew_is_where_a_customer_begins(connection: BatchConnection) -> None:
    """The status that it gave is that of the customer, since when is not known."""
    known, other = uuid4(), uuid4()
    for key in (known, other):
        connection.execute(
            "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
            " VALUES (%s, 'ann', 'CUSTOMER', 70)",
            [key],
        )
    apply_events(
        connection,
        approval(interaction_id=known, user_id="ann", occurred_at=day(3)),
        approval(interaction_id=known, user_id="ann", occurred_at=day(4), ltv_amount="30"),
    )
    ann = standings(connection)["ann"]
    assert (ann.customer_status, ann.status_since) == ("CUSTOMER", None)
    assert (ann.approvals, ann.approvals_in_status) == (2, 2)
    assert (ann.purchase_days, ann.spent_usd, ann.ltv_usd) == (1, Decimal(30), Decimal(170))


def test_a_customer_with_detached_events_is_left_to_people(connection: BatchConnection) -> None:
    """Its purchases may be more than the ledger holds."""
    partition_ledger(connection, day(1, 2))
    add_partition(connection, day(1, 6))
    apply_events(
        connection,
        approval(user_id="ann", occurred_at=day(5), customer_status="CUSTOMER", ltv_amount="9"),
        approval(user_id="ann", occurred_at=day(4, 3)),
        approval(user_id="bob", occurred_at=day(4, 3)),
    )
    before = standings(connection)
    assert all(one.is_whole for one in before.values())
    detach_oldest(connection)
    after = standings(connection)
    assert after["bob"] == before["bob"]
    assert not after["ann"].is_whole
    assert after["ann"].last_approval_at == before["ann"].last_approval_at
    assert "detached" in str(why_a_person(default_rules(), after["ann"]))


def test_decisions_that_rest_on_detached_events_count_as_before(
    connection: BatchConnection,
) -> None:
    """Also for what had been applied by an instant, where all of it is folded again."""
    partition_ledger(connection, day(1, 2))
    add_partition(connection, day(1, 6))
    ground = uuid4()
    apply_events(
        connection,
        approval(event_id=ground, user_id="ann", occurred_at=day(5), customer_status="CUSTOMER"),
        decision(
            1, user_id="ann", occurred_at=day(3, 2), customer_status="CHURNED", rests_on=ground
        ),
        approval(user_id="ann", occurred_at=day(4, 3)),
    )
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE approvals SET applied_at = occurred_at")
    connection.execute("SET session_replication_role = origin")
    detach_oldest(connection)
    for basis in Basis:
        ann = standings(connection, basis)["ann"]
        assert (ann.customer_status, ann.status_since) == ("CHURNED", day(3, 2))
        assert ann.approvals_in_status == 1


def test_nobody_is_picked_who_was_never_answered(connection: BatchConnection) -> None:
    """A decision is no sign of life; nor has a customer without a name any standing."""
    known = uuid4()
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [known])
    apply_events(
        connection,
        decision(0, user_id="ann", customer_status="CUSTOMER", occurred_at=day(3)),
        approval(interaction_id=known, user_id=None, occurred_at=day(3)),
    )
    assert standings(connection) == {}
