"""The shapes of answers, for the API's description; `signoff_ops.as_data` makes the answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from signoff_ops.event_history import Step
from signoff_ops.values import VoidCause
from signoff_schemas import DeadLetterState, FailureKind
from signoff_web.problem_types import PROBLEM_TYPES, URN

Item = TypeVar("Item")
Money = Annotated[
    Decimal, Field(examples=["250.00"], json_schema_extra={"pattern": r"^-?[0-9]+\.[0-9]{2}$"})
]
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

    type: Annotated[
        str,
        Field(json_schema_extra={"x-extensible-enum": [f"{URN}{one}" for one in PROBLEM_TYPES]}),
    ]
    """The kind of problem: `urn:signoff:problem:…`. It does not change between releases, which may
    add others."""
    title: str
    """The kind of problem, for people."""
    status: int
    detail: str
    """What happened, and what to do."""
    errors: list[FieldError] = []
    """Each thing that is wrong, where a body or parameters are."""


class Page(Model, Generic[Item]):
    """A page of a list."""

    # For each kind of page, pydantic would look for the source of a class that has none.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[Item]
    next: Annotated[
        str | None,
        Field(
            description="The cursor of the next page; null at the end. The header `Link` holds its "
            "address."
        ),
    ]


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
