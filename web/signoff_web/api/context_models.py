"""The shape of a customer's context; `rapport/contexts.sql` of insight makes it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from signoff_web.api.models import Model, Money, Status


class ContextCounts(Model):
    """How many there are of each, of all time."""

    approvals: int
    interactions: int
    purchases: int
    """Events with an amount after which their interaction's status is `CUSTOMER`."""
    status_decisions: int
    """Without void ones."""
    waiting_reviews: int
    """Drafts that wait for a reviewer."""


class Exchange(Model):
    """A message of the customer, and the approved reply."""

    interaction_id: UUID
    customer_message: str | None
    """At most its first 4,000 characters; null where no review has it."""
    reply: list[str]
    """At most 20 messages, of each at most the first 1,000 characters."""
    replied_at: datetime | None
    edit_tags: list[str]
    quality_score: int | None
    reviewer_id: str | None
    cta: Any
    """The reply's `cta_data`; null also where it is larger than 8 KiB."""
    customer_status: Status | None
    """The interaction's."""
    ltv_usd: Money
    """The interaction's."""


class ContextScores(Model):
    """Quality scores of approved replies."""

    mean: float | None
    """Of all replies; null without any score."""
    last: list[int]
    """Those of the last ten replies, the latest first."""


class ShownCta(Model):
    """A reply that asked the customer to do something."""

    interaction_id: UUID
    replied_at: datetime | None
    label: str | None
    """The text of the member `type`, `kind` or `name` of `cta`; null without a CTA."""
    tags: list[str]
    """Those of `CTA_SOFT`, `CTA_MEDIUM` and `CTA_DIRECT` that the reply has."""
    cta: Any
    """As in an exchange."""


class OpenProposal(Model):
    """A change of status that a rule proposes, and nobody has decided."""

    id: UUID
    rule: str
    to_status: Status
    reason: str
    proposed_at: datetime
    snoozed_until: datetime | None


class AsOf(Model):
    """How far the second database has read."""

    read_until: datetime | None
    """It holds all that was applied until then, or more; null before it was complete once."""
    is_behind: bool
    """Whether there may be more that it does not hold: its reader does not run, fails, or has not
    read all."""


class CustomerContext(Model):
    """What the next reply should know of a customer."""

    user_id: str
    customer_status: Status | None
    """Null for a customer that has only reviews."""
    status_since: datetime | None
    """When the customer got this status; null where another system gave it."""
    status_decided_by: str | None
    """Who gave it: `reviewer:…`, or the `decided_by` of a status decision."""
    ltv_usd: Money | None
    first_contact_at: datetime | None
    last_contact_at: datetime | None
    """The first and last reply."""
    counts: ContextCounts
    exchanges: list[Exchange]
    """The last ten, the latest first."""
    tags: dict[str, int]
    """How many replies have each edit tag."""
    scores: ContextScores
    ctas: list[ShownCta]
    """The last twenty, the latest first."""
    open_proposals: list[OpenProposal]
    customer: dict[str, Any]
    """What upstreams said about the customer (`context.customer` of reviews), of each member what
    was given last; at most 16 KiB."""
    as_of: AsOf
