"""Proposals for tests: customers, what a rule proposed about them, and what came of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from approvals import TEN, apply_events, approval
from desk import apply_outbox, servers_of, sql

from signoff_db.connection import BatchConnection
from signoff_ops.servers import DirectServers
from signoff_ops.transitions import Choice, ShownProposal, proposal
from signoff_schemas import ApprovalEvent

__all__ = ["apply_outbox", "servers_of", "sql"]

RULE = "churn-silence"
_PROPOSE = """
    INSERT INTO signoff.transition_proposals (
        rule, version, user_id, from_status, to_status, evidence_event, rests_on, evidence,
        reason, evaluated_at)
    SELECT %(rule)s, 1, c.user_id, c.customer_status, %(to_status)s, last.event_id, last.event_id,
        %(evidence)s::jsonb, 'Silent 214 days; bought once', now()
    FROM signoff.customers c,
        LATERAL (SELECT (signoff.signoff_last_event(c.user_id)).event_id) AS last
    WHERE c.user_id = ANY (%(users)s)
    ORDER BY array_position(%(users)s, c.user_id)
    RETURNING id"""
EVIDENCE = (
    '{"silent_days": 214, "purchase_days": 1, "return_probability": 0.08,'
    ' "expected_revenue_usd": "3.10"}'
)


def buyer(user: str = "user-1", minute: float = 0, **fields: Any) -> ApprovalEvent:
    """An approval after which this user is a customer who bought for 50 USD."""
    given = {"customer_status": "CUSTOMER", "ltv_amount": "50.00", **fields}
    return approval(minute, user_id=user, **given)


def propose(
    database_url: str,
    *users: str,
    rule: str = RULE,
    to_status: str = "CHURNED",
    evidence: str = EVIDENCE,
) -> list[UUID]:
    """Proposals about these users, as a run makes them from what the ledger holds now."""
    given = {"rule": rule, "to_status": to_status, "evidence": evidence, "users": list(users)}
    with psycopg.connect(database_url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(_PROPOSE, given).fetchall()]


def proposed(database_url: str, connection: BatchConnection, user: str = "user-1") -> UUID:
    """A proposal about a user who has bought once."""
    apply_events(connection, buyer(user))
    return propose(database_url, user)[0]


def shown(servers: DirectServers, proposal_id: UUID) -> ShownProposal:
    """A proposal as it is now."""
    return proposal(servers, proposal_id)


def chosen(*ids: UUID) -> Choice:
    """These proposals."""
    return Choice.of_ids(*ids)


def purchase_at(moment: Any, user: str = "user-1", **fields: Any) -> ApprovalEvent:
    """A purchase that occurred at this time."""
    return buyer(user, occurred_at=moment, **fields)


def between(proposal_: ShownProposal) -> Any:
    """A time between what the rule knew and its decision."""
    assert proposal_.decided_at
    return max(TEN + timedelta(minutes=1), proposal_.decided_at - timedelta(seconds=1))


def unknown() -> UUID:
    """The id of no proposal."""
    return uuid4()
