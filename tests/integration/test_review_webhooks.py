"""Webhooks of reviews: an approval is told when it is applied, a rejection once it is final."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from approvals import apply_events, approval

from signoff_db import webhooks
from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_db.webhook_deliveries import claim
from signoff_db.webhook_reader import WebhookReader
from signoff_db.webhooks import WebhookKind
from signoff_schemas import ApprovalEvent

DECIDE = """
    INSERT INTO signoff.review_decisions (interaction_id, user_id, decision, reviewer, decided_at,
        final_at, event_id, event, reject_reason)
    VALUES (%(interaction)s, 'user-1', %(decision)s, 'ann', now(), now() + interval '5 seconds',
        %(event_id)s, %(event)s, %(reason)s)
    RETURNING id
"""


@pytest.fixture
def told(connection: BatchConnection) -> BatchConnection:
    """An installation whose upstream is told of reviews."""
    kinds = [WebhookKind.REVIEW_APPROVED, WebhookKind.REVIEW_REJECTED]
    webhooks.add(connection, "upstream", "http://127.0.0.1:1/", kinds)
    webhooks.add(connection, "crm", "http://127.0.0.1:1/", [WebhookKind.STATUS_CHANGED])
    return connection


def decide(connection: psycopg.Connection[Any], *, reason: str | None = None, **given: Any) -> UUID:
    """A decision about a review; a rejection, if there is a reason."""
    values = {"decision": "rejected" if reason else "approved", "reason": reason}
    row = connection.execute(
        DECIDE, {"interaction": uuid4(), "event_id": None, "event": None, **values, **given}
    ).fetchone()
    assert row
    return UUID(str(row[0]))


def approve(connection: BatchConnection, event: ApprovalEvent) -> UUID:
    """A review is approved; its event waits in the outbox."""
    text = event.canonical_json().decode()
    given: dict[str, Any] = {
        "interaction": event.interaction_id,
        "event_id": event.event_id,
        "event": text,
    }
    return decide(connection, **given)


def read_all(url: str) -> None:
    """Write the deliveries of all that is applied."""
    reader = WebhookReader(url, wrote=lambda: None)
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    reader.close()


def bodies(connection: BatchConnection) -> list[dict[str, Any]]:
    """What was written, in order."""
    rows = connection.execute("SELECT body::json FROM webhook_deliveries ORDER BY id").fetchall()
    return [row[0] for row in rows]


def test_an_approval_is_told_when_it_is_applied(told: BatchConnection, database_url: str) -> None:
    """Not before: once, with what is to be sent to the customer."""
    event = approval(final_bubbles=["hello", "😀"], customer_status=None)
    decision = approve(told, event)
    apply_events(told, approval())
    read_all(database_url)
    assert bodies(told) == []
    apply_events(told, event)
    read_all(database_url)
    apply_events(told, event)
    read_all(database_url)
    (body,) = bodies(told)
    assert body["type"] == "review.approved"
    data = body["data"]
    assert data["decision_id"] == str(decision)
    assert data["interaction_id"] == str(event.interaction_id)
    assert (data["user_id"], data["reviewer"]) == ("user-1", "ann")
    assert data["event_id"] == data["event"]["event_id"] == str(event.event_id)
    assert data["event"]["final_bubbles"] == ["hello", "😀"]
    assert body["timestamp"] == data["applied_at"]
    assert datetime.fromisoformat(data["decided_at"]) <= datetime.fromisoformat(data["applied_at"])


def test_a_rejection_is_told_once_it_is_final(told: BatchConnection) -> None:
    """Its message is there from the beginning, and due a moment after the decision is final."""
    decision = decide(told, reason='rude "tone"\n\x1b')
    (body,) = bodies(told)
    assert body["type"] == "review.rejected"
    data = body["data"]
    assert (data["decision_id"], data["reviewer"]) == (str(decision), "ann")
    assert (data["user_id"], data["reason"]) == ("user-1", 'rude "tone"\n\x1b')
    assert body["timestamp"] == data["decided_at"]
    assert datetime.fromisoformat(data["decided_at"]).tzinfo
    assert claim(told, {}, room=4) == []
    row = told.execute(
        "SELECT next_attempt_at > final_at FROM webhook_deliveries"
        " JOIN review_decisions d ON d.id = cause_id"
    ).fetchone()
    assert row == (True,)


def test_a_rejection_that_is_undone_is_not_told(told: BatchConnection) -> None:
    """Nor one that is rolled back; others are."""
    undone, kept = decide(told, reason="a"), decide(told, reason="b")
    told.execute("UPDATE review_decisions SET undone_at = now() WHERE id = %s", [undone])
    with told.transaction(force_rollback=True):
        decide(told, reason="c")
    (body,) = bodies(told)
    assert body["data"]["decision_id"] == str(kept)


def test_nobody_is_told_who_does_not_want_it(told: BatchConnection, database_url: str) -> None:
    """The other kinds, and those that are disabled."""
    webhooks.switch(told, "upstream", disabled_for="moving")
    event = approval()
    approve(told, event)
    apply_events(told, event)
    read_all(database_url)
    decide(told, reason="a")
    assert bodies(told) == []


@pytest.mark.usefixtures("told")
def test_who_rejects_needs_no_right_on_webhooks(database_url: str) -> None:
    """The trigger runs as its owner; nobody else may call it."""
    with psycopg.connect(database_url) as reviewer:
        reviewer.execute("CREATE ROLE rejecting")
        reviewer.execute("GRANT USAGE ON SCHEMA signoff TO rejecting")
        reviewer.execute("GRANT SELECT, INSERT ON signoff.review_decisions TO rejecting")
        reviewer.execute("SET LOCAL ROLE rejecting")
        reviewer.execute("SET LOCAL search_path TO public")
        decide(reviewer, reason="a")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), reviewer.transaction():
            reviewer.execute("SELECT FROM signoff.webhook_deliveries")
        reviewer.execute("RESET ROLE")
        found = reviewer.execute("SELECT count(*) FROM signoff.webhook_deliveries").fetchone()
        assert found == (1,)
        reviewer.rollback()
