"""The audit names each event that differs, and raises no false alarm."""

from decimal import Decimal
from uuid import UUID

import pytest
from approvals import apply_events, approval, outcomes

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection

FULL = {
    "reviewer_id": "rev",
    "final_bubbles": ["Grüße 👋", 'a "quoted" \\ line\nand a break'],
    "edit_tags": ["TONE_CASUAL", "CTA_SOFT"],
    "reviewer_notes": "notes",
    "customer_status": "CUSTOMER",
    "ltv_amount": Decimal("12.50"),
}


def change(connection: BatchConnection, update: str, event_id: UUID) -> None:
    """Change the ledger, which needs its trigger to be disabled."""
    connection.execute("ALTER TABLE approvals DISABLE TRIGGER approvals_insert_only")
    connection.execute(f"UPDATE approvals SET {update} WHERE event_id = %s".encode(), [event_id])
    connection.execute("ALTER TABLE approvals ENABLE TRIGGER approvals_insert_only")


def named(connection: BatchConnection) -> set[tuple[str, str, str]]:
    """The differences: the kind of thing, its key, the field."""
    return {(d.what, d.key, d.field) for d in audit(connection).differences}


@pytest.mark.parametrize(
    "cta",
    [
        None,
        {},
        {"zeta": 1, "a": {"y": [1.5, -2, 1e-7, None, True], "b": "ü"}, "link": "https://x/?a=b"},
        {"n": 100.0, "big": 12345678901234567890, "small": 0.1},
        {"float": 1e20, "minus": -0.0, "huge": 1e300},
    ],
    ids=str,
)
def test_content_as_published_is_no_difference(
    connection: BatchConnection, cta: dict[str, object] | None
) -> None:
    """Postgres may change the text: order of keys, exponents, fractions of a second."""
    apply_events(connection, approval(0.123456, cta_data=cta, **FULL), approval(1))

    assert audit(connection).differing == 0


@pytest.mark.parametrize(
    "update",
    [
        "ltv_amount = 12.51",
        "final_bubbles = '{other}'",
        "final_bubbles = '{}'",
        "edit_tags = '{CTA_SOFT,TONE_CASUAL}'",
        "reviewer_notes = NULL",
        "cta_data = '{\"a\": 2}'",
        "user_id = 'somebody else'",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "content_hash = '\\x00'",
    ],
)
def test_an_event_that_was_changed_in_the_ledger_is_named(
    connection: BatchConnection, update: str
) -> None:
    """Its hash shows it, even if the tables were changed to match; its neighbours are not named."""
    event = approval(cta_data={"a": 1}, **FULL)
    apply_events(connection, event, approval(1))

    change(connection, update, event.event_id)

    assert ("event", str(event.event_id), "content_hash") in named(connection)
    assert {key for what, key, _ in named(connection) if what == "event"} == {str(event.event_id)}


def test_an_event_in_two_places_is_named(connection: BatchConnection) -> None:
    """If it is in the ledger and an open letter too, once for each letter."""
    twice, once = approval(customer_status="CUSTOMER"), approval(1)
    apply_events(connection, twice, once)
    connection.execute(
        "INSERT INTO dead_letters (event_id, job_id, kind, message, payload, fingerprint,"
        " content_hash) SELECT event_id, 'j', 'abandoned', 'm', '', 'f', content_hash"
        " FROM approvals WHERE event_id = %s",
        [twice.event_id],
    )

    assert named(connection) == {("event", str(twice.event_id), "place")}


def test_all_that_differs_is_counted_though_not_listed(connection: BatchConnection) -> None:
    """A thousand are listed at most."""
    outcomes(connection, *(approval(n) for n in range(1100)))
    connection.execute("ALTER TABLE approvals DISABLE TRIGGER approvals_insert_only")
    connection.execute("UPDATE approvals SET content_hash = 'x'")

    report = audit(connection)

    assert (report.differing, len(report.differences)) == (1100, 1000)
