"""The shapes of what the routes of operations take and answer, for the API's description."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from signoff_ops.operations import LONGEST_REASON, SLOWEST_RATE, OperationAction, OperationState
from signoff_ops.values import LONGEST_TEXT
from signoff_schemas import FailureKind
from signoff_schemas.kinds import EventType
from signoff_web.api.encoded import text as storable
from signoff_web.api.instants import Moment
from signoff_web.api.json_bodies import Body
from signoff_web.api.models import Model, Money, Status

_LARGEST_ID = 2**63 - 1
_MOST_IDS = 5000
LetterId = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
_Short = Annotated[str, Field(max_length=200), AfterValidator(storable)]
_Id = Annotated[str, Field(max_length=1000), AfterValidator(storable)]
_Searched = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(storable)]
_Reason = Annotated[str, Field(max_length=LONGEST_REASON), AfterValidator(storable)]


class OperationBody(Body):
    """Which letters, and how; `ids`, filters, `of` or `all` say which."""

    all: bool = False
    """Every letter that is dead: nothing else chooses."""
    of: LetterId | None = None
    """An operation: those of its letters that are still dead."""
    ids: Annotated[list[LetterId], Field(max_length=_MOST_IDS)] = Field(default=[])
    kind: list[Annotated[FailureKind, Field(strict=False)]] = Field(default=[])
    fingerprint: _Short | None = None
    event_type: Annotated[EventType, Field(strict=False)] | None = None
    event_id: Annotated[UUID, Field(strict=False)] | None = None
    job_id: _Id | None = None
    user_id: _Id | None = None
    interaction_id: Annotated[UUID, Field(strict=False)] | None = None
    text: _Searched | None = None
    since: Moment | None = None
    until: Moment | None = None
    dry_run: bool = False
    """Tell the effect, and change nothing."""
    limit: Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None = None
    """The most letters, the oldest first."""
    rate: Annotated[float, Field(ge=SLOWEST_RATE, le=1_000_000, strict=False)] | None = None
    """The most letters a second."""
    keep_going: bool = False
    """Do not stop when one cause keeps recurring."""
    reason: _Reason | None = None
    """Why; a discard wants one."""


class Held(Model):
    """What an interaction or a customer holds."""

    customer_status: Status
    ltv_usd: Money


class LetterResult(Model):
    """The result of a letter."""

    letter_id: int
    event_id: UUID | None
    result: str
    """The verdict, or the kind of failure."""
    message: str | None
    """Why it failed again; null if it did not."""
    fingerprint: str | None
    before: Held | None
    """The interaction before, of a decision the customer; null where there was none."""
    after: Held | None
    event_type: str | None


class Holders(Model):
    """How many of what was touched held a status."""

    before: int
    after: int


class FailingCause(Model):
    """Events that fail again for one cause."""

    fingerprint: str
    kind: FailureKind
    message: str
    """That of the first one."""
    count: int


class OperationEffect(Model):
    """What was changed, or would be, by the letters that were tried."""

    counts: dict[str, int]
    """By verdict or kind of failure; of a discard, `discarded`."""
    ltv_before: Money
    """The sum over the interactions that approvals changed, each counted once."""
    ltv_after: Money
    statuses: dict[str, Holders]
    """By status: of the interactions that approvals changed, the customers that decisions did."""
    causes: list[FailingCause]
    """Why events fail again: at most a hundred causes, the most frequent first."""
    other_causes: int
    """How many fail for other causes."""
    locked: int
    """Letters of a dry run whose result is not known: other transactions held their rows."""
    exact: bool
    """False if a dry run tried the letters of one customer in parts: then amounts and statuses
    are an estimate."""


class StartedOperation(Model):
    """A replay or a discard of a fixed set of letters."""

    id: int
    action: OperationAction
    dry_run: bool
    state: OperationState
    actor: str
    reason: str | None
    selection: dict[str, Any]
    """What was chosen; of many ids, the first hundred, `more_ids`, and a digest of all."""
    limit: int | None
    rate: float | None
    keep_going: bool
    letters: int
    """How many letters it is about."""
    tried: int
    left_out: int
    """Letters that were settled by others before their turn came."""
    left: int
    """Letters that are not tried."""
    effect: OperationEffect
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    message: str | None
    """Why it failed, or who cancelled it."""
    stopped_by: str | None
    """The cause that recurred too often, if that stopped it."""
    of_operation: int | None
    """The operation whose letters it took."""
    held: bool
    """Whether a process works on it now."""
    results: list[LetterResult]
    """The results of the first 50 letters that failed again, and of the first 50 others; empty in
    lists."""
    text: str
    """What happens or happened, for people."""
