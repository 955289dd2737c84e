"""What rules proposed: pages of proposals, and what became of each as of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.sql import statement
from signoff_db.void_reasons import VoidReason, void_reasons
from signoff_insight.transitions.decision_errors import UnknownProposalError
from signoff_insight.transitions.obstacles import Obstacle, obstacle_of
from signoff_insight.transitions.record import undo_reason
from signoff_schemas.wording import shortened

PACKAGE: Final = "signoff_insight"
_LIST: Final = "proposals"
_SHOWN: Final = 80


class ProposalState(StrEnum):
    """What was decided about a proposal."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    OUTDATED = "outdated"
    """The customer changed before it was decided."""
    UNDONE = "undone"
    """It was approved, and then taken back."""


class Shown(StrEnum):
    """Which proposals a list shows."""

    WAITING = "waiting"
    """Open, and not snoozed now."""
    SNOOZED = "snoozed"
    APPROVED = "approved"
    """Also those that were undone later."""
    REJECTED = "rejected"
    OUTDATED = "outdated"
    UNDONE = "undone"
    ALL = "all"


class EffectNow(StrEnum):
    """What became of an approved proposal's decision, as of now."""

    WAITING = "waiting"
    """It is in the outbox or on the queue."""
    REFUSED = "refused"
    """The queue refuses it; it stays in the outbox."""
    DEAD_LETTER = "dead_letter"
    """It could not be applied; an operator has to look at it."""
    APPLIED = "applied"
    """The customer has the status."""
    SUPERSEDED = "superseded"
    """It was applied, and a newer event has given another status since."""
    VOID = "void"
    """It has no effect: another event stands between what the rule knew and the decision."""
    UNDO_WAITING = "undo_waiting"
    """It was taken back; that is in the outbox or on the queue."""
    UNDONE = "undone"
    """It was taken back."""


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals; None lets all through."""

    shown: Shown = Shown.WAITING
    rule: str | None = None
    user_id: str | None = None
    to_status: str | None = None
    run: int | None = None
    reactivated: bool | None = None
    """Only those whose customers came back, or only those whose customers did not."""
    decided_by: str | None = None
    decided_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """One proposal, its customer as of now, and what became of it."""

    id: UUID
    number: int
    """The order in which they were proposed."""
    rule: str
    version: int
    user_id: str
    from_status: str
    to_status: str
    reason: str
    """What the rule found, in words."""
    evidence: dict[str, Any]
    """What it found, in numbers."""
    evidence_event: UUID
    """The customer's last approval when it was judged."""
    rests_on: UUID
    """The customer's last event of any kind then."""
    evaluated_at: datetime
    proposed_at: datetime
    run: int | None
    state: ProposalState
    snoozed_until: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None
    """Why it was rejected, or is outdated; or a note."""
    is_automatic: bool
    """Whether the rule decided it itself."""
    event_id: UUID | None
    """The status decision."""
    undo_event_id: UUID | None
    undone_by: str | None
    undone_at: datetime | None
    undo_reason: str | None
    """Why it was undone, where somebody said so."""
    customer_status: str | None
    """The customer's status now."""
    ltv_usd: Decimal | None
    """The customer's LTV now."""
    obstacle: Obstacle | None
    """Of an open one: why it cannot be approved now."""
    effect: EffectNow | None
    """None for one that was not approved."""
    effect_because: str | None
    """Why it is void, refused or a dead letter; or where it waits."""
    reactivated_at: datetime | None
    """When the customer came back, though the rule had given it up."""

    @property
    def is_snoozed(self) -> bool:
        """Whether it is put off now."""
        return self.snoozed_until is not None and self.snoozed_until > datetime.now(UTC)


def page(
    connection: Connection[TupleRow],
    wanted: ProposalFilter,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ShownProposal]:
    """A page of proposals: those that wait the oldest first, others the latest first.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    forward = wanted.shown in {Shown.WAITING, Shown.SNOOZED}
    parameters = {
        "ids": None,
        "shown": str(wanted.shown),
        "rule": wanted.rule,
        "user_id": wanted.user_id,
        "to_status": wanted.to_status,
        "run": wanted.run,
        "reactivated": wanted.reactivated,
        "decided_by": wanted.decided_by,
        "decided_since": wanted.decided_since,
        "after": key_of(cursor, f"{_LIST} {wanted.shown}", row_id),
        "limit": limit + 1,
    }
    name = "transitions/waiting_page" if forward else "transitions/decided_page"
    rows = connection.execute(statement(name, PACKAGE), parameters).fetchall()
    keys = page_of(rows, limit, f"{_LIST} {wanted.shown}", lambda row: row[1])
    found = {one.id: one for one in read(connection, [row[0] for row in keys.items])}
    return Page(tuple(found[row[0]] for row in keys.items if row[0] in found), keys.next)


def ids_of(connection: Connection[TupleRow], names: Sequence[str]) -> list[UUID]:
    """The ids of proposals that people name by their numbers or ids, in this order.

    Raises:
        UnknownProposalError: one of them is that of no proposal.
    """
    # Postgres takes no NUL in a text.
    sought = [name.lower() for name in names if "\0" not in name]
    rows = connection.execute(statement("transitions/named", PACKAGE), {"names": sought})
    found: dict[str, UUID] = dict(rows.fetchall())
    for name in names:
        if name.lower() not in found:
            raise UnknownProposalError(shortened(name, _SHOWN))
    return [found[name.lower()] for name in names]


def find(connection: Connection[TupleRow], proposal_id: UUID) -> ShownProposal | None:
    """One proposal; None if there is none."""
    found = read(connection, [proposal_id])
    return found[0] if found else None


def read(connection: Connection[TupleRow], ids: Sequence[UUID]) -> list[ShownProposal]:
    """These proposals with what became of them, in the order in which they were proposed."""
    with connection.cursor(row_factory=kwargs_row(_Row)) as cursor:
        rows = cursor.execute(statement("transitions/read", PACKAGE), {"ids": list(ids)}).fetchall()
    made = [
        (event_id, effect)
        for row in rows
        for event_id, effect in (
            (row.event_id, row.event_effect),
            (row.undo_event_id, row.undo_effect),
        )
    ]
    void = [event_id for event_id, effect in made if event_id and effect is EffectNow.VOID]
    because = void_reasons(connection, void) if void else {}
    return [row.shown(because) for row in rows]


class _Row:
    """A row of the statement: a proposal, and what became of its decision and of its undo."""

    def __init__(
        self,
        *,
        event_id: UUID | None,
        undo_event_id: UUID | None,
        state: str,
        event_effect: str | None,
        event_because: str | None,
        undo_effect: str | None,
        undo_because: str | None,
        obstacle: str | None,
        obstacle_event: UUID | None,
        obstacle_at: datetime | None,
        **columns: Any,  # noqa: ANN401 -- as they come
    ) -> None:
        self.event_id = event_id
        self.undo_event_id = undo_event_id
        self.state = ProposalState(state)
        self.event_effect = None if event_effect is None else EffectNow(event_effect)
        self.event_because = event_because
        self.undo_effect = None if undo_effect is None else EffectNow(undo_effect)
        self.undo_because = undo_because
        self.obstacle = obstacle_of(obstacle, obstacle_event, obstacle_at)
        text = columns.pop("undo_text")
        of_rule = (columns["rule"], columns["version"], columns["reason"])
        self.columns = columns | {"undo_reason": text and undo_reason(text, *of_rule)}

    def shown(self, because: dict[UUID, VoidReason]) -> ShownProposal:
        """The proposal as people see it."""
        effect, why = self._effect(because)
        return ShownProposal(
            event_id=self.event_id,
            undo_event_id=self.undo_event_id,
            state=self.state,
            obstacle=self.obstacle,
            effect=effect,
            effect_because=why,
            **self.columns,
        )

    def _effect(self, because: dict[UUID, VoidReason]) -> tuple[EffectNow | None, str | None]:
        """What became of it; an undo without effect leaves what was decided."""
        own = _with_reason(self.event_effect, self.event_because, self.event_id, because)
        undo, why = _with_reason(self.undo_effect, self.undo_because, self.undo_event_id, because)
        match undo:
            case None:
                return own
            case EffectNow.WAITING:
                return EffectNow.UNDO_WAITING, why
            case EffectNow.APPLIED | EffectNow.SUPERSEDED:
                return EffectNow.UNDONE, None
        return own[0], f"the undo has no effect: {why}"


def _with_reason(
    effect: EffectNow | None,
    found: str | None,
    event_id: UUID | None,
    because: dict[UUID, VoidReason],
) -> tuple[EffectNow | None, str | None]:
    if effect is EffectNow.VOID and event_id in because:
        return effect, str(because[event_id])
    return effect, found
