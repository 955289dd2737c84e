"""The shapes of answers, for the API's description; `signoff_ops.as_data` makes the answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from signoff_ops.audits import AuditState
from signoff_ops.event_history import Step
from signoff_ops.values import Action, VoidCause
from signoff_schemas import DeadLetterState, FailureKind

Item = TypeVar("Item")
Money = Annotated[Decimal, Field(examples=["250.00"])]
"""US dollars, a string with two decimal places."""
Status = Annotated[str, Field(examples=["CUSTOMER"])]


class Model(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class FieldError(Model):
    """One thing that is wrong with a request."""

    pointer: str
    """Where, as a JSON Pointer (RFC 6901)."""
    detail: str
    """What is wrong, and what is allowed."""
    code: str
    """What is wrong, for programs."""


class Problem(Model):
    """Why a request failed (RFC 9457)."""

    type: str
    """The kind of problem: `urn:signoff:problem:…`. It does not change between releases."""
    title: str
    """The kind of problem, for people."""
    status: int
    detail: str
    """What happened, and what to do."""
    errors: list[FieldError] = []
    """Each thing that is wrong, where a body or parameters are."""


class Page(Model, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None
    """The cursor of the next page; null at the end. The header `Link` holds its address."""


class VoidReason(Model):
    """Why a status decision is without effect now."""

    cause: VoidCause
    event_id: UUID
    """The event that is the reason; for `detached`, the one that the decision rests on."""
    occurred_at: datetime | None


class LedgerEntry(Model):
    """An event of the ledger; of an approval, what its interaction held after it too."""

    event_id: UUID
    event_type: str
    """`approval` or `status_decision`."""
    occurred_at: datetime
    applied_at: datetime
    interaction_id: UUID | None
    """Null for a decision."""
    user_id: str | None
    reviewer_id: str | None
    quality_score: int | None
    given_status: Status | None
    given_ltv: Money | None
    customer_status: Status | None
    """The interaction's status after the event, in order of occurrence; null for a decision."""
    ltv_usd: Money | None
    """Likewise its LTV."""
    status_superseded: bool
    """Whether a newer event holds the status."""
    decided_by: str | None
    reason: str | None
    evidence: Any
    rests_on: UUID | None
    """These four are null for an approval."""
    void: bool
    """Whether it is a decision without effect now."""
    void_because: VoidReason | None


class LetterFacts(Model):
    """A dead letter in the history of an event."""

    dead_letter: int
    """Its id."""
    kind: FailureKind
    event_type: str | None
    state: DeadLetterState
    attempts: int
    fingerprint: str
    last_failed_at: datetime


class ActFacts(Model):
    """What became of a dead letter in the history of an event, and who did it."""

    dead_letter: int
    """Its id."""
    actor: str | None
    """Null where no operator did it."""
    reason: str | None
    operation: int | None
    """The operation that it was a part of."""


class HistoryEntry(Model):
    """Something that happened to an event, or where it is now."""

    what: Step
    text: str
    """The same for people."""
    at: datetime | None
    """When; null or in the future for the present state."""
    facts: LedgerEntry | LetterFacts | ActFacts | None


class Event(Model):
    """The history of an event."""

    event_id: str
    """The id as it was given."""
    known: bool | None
    history: list[HistoryEntry]
    """In order of time; the present state is last."""
    away: dict[str, str]
    """Why a server could not be asked: `redis`, `postgres` or `outbox`. What only that server
    knows is missing from the history."""


class Transition(Model):
    """A change of a customer's status."""

    user_id: str | None
    from_status: Status
    to_status: Status
    occurred_at: datetime
    interaction_id: UUID | None
    """Null for a status decision."""
    event_id: UUID
    on_path: bool
    """Whether it is a step of the funnel's path."""
    decided_by: str | None


class History(Model):
    """A page of what was applied to a customer or an interaction."""

    ledger: list[LedgerEntry]
    """In order of occurrence; the first page holds the latest events."""
    transitions: list[Transition]
    """Those that these events caused."""
    next: str | None
    """The cursor of earlier events; null at the end."""


class Customer(History):
    """A customer, with a page of its history."""

    user_id: str
    customer_status: Status
    ltv_usd: Money
    updated_at: datetime
    interactions: list[UUID]
    """The newest of them."""
    interactions_next: str | None
    """The cursor of older ones, for `/v1/customers/{user_id}/interactions`."""


class Interaction(History):
    """An interaction, with a page of its history."""

    id: UUID
    user_id: str | None
    review_status: str | None
    reviewer_id: str | None
    final_bubbles: list[str] | None
    edit_tags: list[str] | None
    quality_score: int | None
    reviewer_notes: str | None
    cta_data: Any
    customer_status: Status | None
    ltv_usd: Money | None
    review_completed_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    opening_customer_status: Status | None
    """The status before its first event; null until there is one."""
    opening_ltv_usd: Money | None
    """Likewise the LTV."""


class FunnelStep(Model):
    """The customers of a status."""

    customer_status: Status
    customers: int
    ltv_usd: Money


class Funnel(Model):
    """All five statuses."""

    items: list[FunnelStep]


class DeadLetter(Model):
    """An event that could not be applied, without its payload."""

    id: int
    event_id: UUID | None
    """Null where it could not be read."""
    job_id: str
    kind: FailureKind
    message: str
    """In lists only its beginning."""
    fingerprint: str
    """Same cause, same value."""
    event_type: str | None
    interaction_id: UUID | None
    user_id: str | None
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: DeadLetterState
    resolved_at: datetime | None
    payload_size: int
    """The size of the whole payload in bytes."""
    payload_kept: int
    """How many of these bytes the letter holds, from the first on."""


class Letters(Page[DeadLetter]):
    """A page of dead letters."""

    complete: bool
    """Whether the page is as full as it can be. If not, the search for a text took too long; it
    goes on with `next`."""
    looked_at: int | None
    """In how many letters the text was looked for; null without one."""


class Operation(Model):
    """What an operator did with a dead letter."""

    actor: str
    acted_at: datetime
    action: Action
    reason: str | None
    before: Any
    after: Any
    operation_id: int | None
    """The operation on many letters that it was a part of."""


class FullLetter(DeadLetter):
    """A dead letter with all that is known of it."""

    detail: list[dict[str, Any]]
    """What is wrong with each field."""
    payload: str = ""
    """The payload as it came, if it is a text."""
    payload_base64: str = ""
    """The payload in base64, if it is no text, or larger than an event may be."""
    actions: list[Operation]
    """The newest fifty, the oldest of them first."""


class Holding(Model):
    """What an interaction holds, or a customer."""

    customer_status: Status
    ltv_usd: Money


class Edited(Model):
    """What became of an edited event, or would become of it."""

    dry_run: bool
    result: str
    """The verdict; in a dry run it may be a failure kind."""
    message: str | None
    """Why it would fail."""
    before: Holding | None
    """The interaction before it, of a status decision the customer; null if not in Postgres."""
    after: Holding | None
    event_type: str | None
    difference: list[tuple[str, Any, Any]]
    """Field, old value, new value; null where the field is absent."""


class Cause(Model):
    """The open dead letters of one cause."""

    fingerprint: str
    kind: FailureKind
    event_type: str | None
    count: int
    first_failed_at: datetime
    last_arrived_at: datetime
    """When the newest letter came."""
    last_failed_at: datetime
    """When one failed last, also one that was tried again."""
    message: str
    """That of the newest letter."""
    sample_id: int
    """The newest letter."""
    sample_event_id: UUID | None
    """Its event, if that is known."""
    first_error: dict[str, Any] | None
    """The first of its field errors."""


class Causes(Page[Cause]):
    """A page of the causes of open dead letters."""

    more: bool
    """Whether there are more causes than these."""
    total: int
    """How many causes there are in all."""
    letters: int
    """How many open letters these have."""


class Trend(Model):
    """When the letters of a cause came: in the last day, or since the first."""

    begins_at: datetime
    ends_at: datetime
    counts: list[int]
    """The letters in equal parts of this time."""
    recent: int
    """How many came in the last ten minutes."""


class Touched(Model):
    """The customers whom letters of a cause name."""

    customers: int
    complete: bool
    """False where only the newest letters were looked at: there may be more customers."""
    nameless: int
    """Letters that name no customer."""


class Advice(Model):
    """What to do about dead letters of a sort."""

    name: str
    means: str
    """What it means."""
    over: str
    """How to see whether it is over."""
    do: str
    """What to do."""
    replay: str
    """When a replay helps."""
    commands: list[str]
    """The same on the command line; `{id}` is the letter's."""


class CauseDetails(Model):
    """A cause of dead letters."""

    fingerprint: str
    open: Cause | None
    """Its open letters; null if there is none."""
    trend: Trend | None
    customers: Touched | None
    advice: Advice | None
    settled: list[DeadLetter] | None
    """Letters of this cause that were resolved or discarded, the newest first; null if looking for
    them took too long."""
    settled_complete: bool
    """Whether all settled letters were looked at, or only the newest 20,000."""


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


class FeedLine(Model):
    """An applied event, as the feed has it."""

    position: str
    """That of a reader which has read this event and all before it."""
    event_type: str
    applied_at: datetime
    event: dict[str, Any]
    """The event as it was published, in its canonical form."""


class Alive(Model):
    """The service answers."""

    status: Literal["live"] = "live"


class Ready(Model):
    """The service can work."""

    status: Literal["ready"] = "ready"
