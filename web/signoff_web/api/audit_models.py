"""The shapes of answers about what operators did, and audits."""

from datetime import datetime
from typing import Any

from signoff_ops.audits import AuditState
from signoff_web.api.models import Model


class OperatorAction(Model):
    """Something that an operator did."""

    id: int
    actor: str
    """Who, such as `user:ann` or `key:billing`."""
    acted_at: datetime
    action: str
    reason: str | None
    operation_id: int | None
    """The operation that it was a part of; each batch of one is an action."""
    database_role: str | None
    """The role as which it was done in Postgres; null for actions of earlier releases."""
    letters: int
    """How many dead letters it was about."""
    first_letters: list[int]
    """The first twenty of them."""
    before: str | None
    """What was so before, as JSON: its first 4,000 characters; null for a replay."""
    before_size: int | None
    """The bytes of all of it."""
    after: str | None
    after_size: int | None
    results: dict[str, int] | None
    """Of a replay: how many letters came to which verdict or kind of failure."""


class AuditedJobs(Model):
    """Jobs that are not accounted for."""

    count: int
    first: list[str]
    """The ids of the first hundred."""


class AuditDifference(Model):
    """A value of a table that differs from the fold of the ledger."""

    what: str
    """`interaction`, `customer`, `decision` or `event`."""
    key: str
    field: str
    expected: str | None
    found: str | None


class AuditReport(Model):
    """What an audit found."""

    totals: dict[str, Any]
    """How many rows each table has, and the LTV of all customers."""
    differing: int
    """How many values differ."""
    differences: list[AuditDifference]
    """The first hundred."""
    queue: dict[str, int]
    """How many jobs each place in Redis has."""
    unlisted_jobs: AuditedJobs
    """They are in Redis, but on no list."""
    missing: AuditedJobs
    """They are on the queue, without data in Redis."""
    missing_jobs: AuditedJobs
    """They were accepted, their data was gone, and the ledger does not know them."""


class RequestedAudit(Model):
    """An audit that was asked for, or its result."""

    id: int
    state: AuditState
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    clean: bool | None
    """Whether every table equals the fold and every job is accounted for; null until it is done."""
    report: AuditReport | None
    message: str | None
    """Why it failed."""


class Audits(Model):
    """The newest audits; null where there is none."""

    open: RequestedAudit | None
    """It waits or runs."""
    done: RequestedAudit | None
    failed: RequestedAudit | None
    """Only if it is newer than the one that is done."""
