"""The shapes of answers about dead letters and their causes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from signoff_ops.values import Action
from signoff_schemas import DeadLetterState, FailureKind
from signoff_web.api.models import Model, Money, Page, Status


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

    model_config = ConfigDict(use_attribute_docstrings=True)

    complete: bool
    """Whether the page is as full as it can be. If not, the search for a text took too long; it
    goes on with `next`."""
    looked_at: int | None
    """In how many letters the text was looked for; null without one."""


class LetterAction(Model):
    """What an operator did with a dead letter."""

    actor: str
    acted_at: datetime
    action: Action
    reason: str | None
    before: Any
    after: Any
    operation_id: int | None
    """The operation on many letters that it was a part of."""
    database_role: str | None
    """The role as which it was done in Postgres; null for actions of earlier releases."""


class FullLetter(DeadLetter):
    """A dead letter with all that is known of it."""

    detail: list[dict[str, Any]]
    """What is wrong with each field."""
    payload: str = ""
    """The payload as it came, if it is a text."""
    payload_base64: str = ""
    """The payload in base64, if it is no text, or larger than an event may be."""
    actions: list[LetterAction]
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

    model_config = ConfigDict(use_attribute_docstrings=True)

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
