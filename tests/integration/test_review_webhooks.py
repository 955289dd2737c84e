"""Webhooks of reviews: an approval is told when it is applied, a rejection once it is final."""

from datetime import datetime
from typing import Any

import psycopg
import pytest
from approvals import apply_events, approval
from desk import BODY, apply_outbox, post, servers_of, sql

from signoff_db import webhooks
from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_db.webhook_deliveries import claim
from signoff_db.webhook_reader import WebhookReader
from signoff_db.webhooks import WebhookKind
from signoff_ops import reviews
from signoff_ops.servers import DirectServers


@pytest.fixture
def servers(database_url: str, connection: BatchConnection) -> DirectServers:
    """A desk whose upstream is told of reviews; decisions can be undone for a minute."""
    kinds = [WebhookKind.REVIEW_APPROVED, WebhookKind.REVIEW_REJECTED]
    webhooks.add(connection, "upstream", "http://127.0.0.1:1/", kinds)
    webhooks.add(connection, "crm", "http://127.0.0.1:1/", [WebhookKind.STATUS_CHANGED])
    return servers_of(database_url, undo_seconds=60)


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


def test_an_approval_is_told_when_it_is_applied(
    servers: DirectServers, connection: BatchConnection, database_url: str
) -> None:
    """Not before: once, with what is to be sent to the customer."""
    review, given = post(servers), {"final_bubbles": ["hello", "😀"], "cta_data": {"n": 12.50}}
    reviews.approve(servers, review, "ann", BODY | given)
    apply_events(connection, approval())
    read_all(database_url)
    assert bodies(connection) == []
    for verdict in ("applied", "duplicate"):
        assert apply_outbox(connection, database_url) == [verdict]
        read_all(database_url)
    (body,) = bodies(connection)
    assert body["type"] == "review.approved"
    data = body["data"]
    assert data["interaction_id"] == data["event"]["interaction_id"] == str(review)
    assert (data["user_id"], data["reviewer"]) == ("user-1", "ann")
    assert data["event_id"] == data["event"]["event_id"]
    assert data["event"]["final_bubbles"] == ["hello", "😀"]
    assert data["event"]["cta_data"] == {"n": 12.5}
    assert sql(database_url, "SELECT id::text FROM signoff.review_decisions") == [
        (data["decision_id"],)
    ]
    assert body["timestamp"] == data["applied_at"]
    assert datetime.fromisoformat(data["decided_at"]) <= datetime.fromisoformat(data["applied_at"])


def test_a_rejection_is_told_once_it_is_final(
    servers: DirectServers, connection: BatchConnection
) -> None:
    """Its message is there from the beginning, and due a moment after the decision is final."""
    review = post(servers)
    for _ in range(2):
        reviews.reject(servers, review, "ann", 'rude "tone"')
    (body,) = bodies(connection)
    assert body["type"] == "review.rejected"
    data = body["data"]
    assert (data["interaction_id"], data["reviewer"]) == (str(review), "ann")
    assert (data["user_id"], data["reason"]) == ("user-1", 'rude "tone"')
    assert body["timestamp"] == data["decided_at"]
    assert datetime.fromisoformat(data["decided_at"]).tzinfo
    assert claim(connection, {}, room=4) == []
    row = connection.execute(
        "SELECT next_attempt_at > final_at FROM webhook_deliveries"
        " JOIN review_decisions d ON d.id = cause_id"
    ).fetchone()
    assert row == (True,)


def test_a_rejection_that_is_undone_is_not_told(
    servers: DirectServers, connection: BatchConnection
) -> None:
    """What is decided after it is; other rejections are."""
    undone, kept = post(servers), post(servers)
    reviews.reject(servers, undone, "ann", "a")
    reviews.reject(servers, kept, "ann", "b")
    reviews.undo(servers, undone, "ann")
    assert [body["data"]["reason"] for body in bodies(connection)] == ["b"]
    reviews.reject(servers, undone, "ann", "c")
    assert [body["data"]["reason"] for body in bodies(connection)] == ["b", "c"]


def test_each_rejection_of_a_new_draft_is_told(
    servers: DirectServers, connection: BatchConnection
) -> None:
    """The upstream posts a better draft, and that one is rejected too."""
    review = post(servers)
    reviews.reject(servers, review, "ann", "first")
    post(servers, interaction_id=review, draft_bubbles=["better"])
    reviews.reject(servers, review, "bob", "second")
    told = [body["data"] for body in bodies(connection)]
    assert [(data["reviewer"], data["reason"]) for data in told] == [
        ("ann", "first"),
        ("bob", "second"),
    ]


def test_nobody_is_told_who_does_not_want_it(
    servers: DirectServers, connection: BatchConnection, database_url: str
) -> None:
    """The other kinds, and those that are disabled."""
    webhooks.switch(connection, "upstream", disabled_for="moving")
    reviews.approve(servers, post(servers), "ann", BODY)
    apply_outbox(connection, database_url)
    read_all(database_url)
    reviews.reject(servers, post(servers), "ann", "a")
    assert bodies(connection) == []


def test_who_rejects_needs_no_right_on_webhooks(servers: DirectServers, database_url: str) -> None:
    """The trigger runs as its owner, with a search_path of its own."""
    reviews.reject(servers, post(servers), "ann", "a")
    with psycopg.connect(database_url) as reviewer:
        reviewer.execute("CREATE ROLE rejecting")
        reviewer.execute("GRANT USAGE ON SCHEMA signoff TO rejecting")
        reviewer.execute("GRANT SELECT, INSERT ON signoff.review_decisions TO rejecting")
        reviewer.execute("SET LOCAL ROLE rejecting")
        reviewer.execute("SET LOCAL search_path TO public")
        reviewer.execute(
            "INSERT INTO signoff.review_decisions (interaction_id, user_id, decision, reviewer,"
            " decided_at, final_at, reject_reason)"
            " SELECT interaction_id, user_id, decision, reviewer, decided_at, final_at, 'b'"
            " FROM signoff.review_decisions"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), reviewer.transaction():
            reviewer.execute("SELECT FROM signoff.webhook_deliveries")
        reviewer.execute("RESET ROLE")
        found = reviewer.execute("SELECT count(*) FROM signoff.webhook_deliveries").fetchone()
        assert found == (2,)
        reviewer.rollback()
