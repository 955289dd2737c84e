"""What is in the way of a proposal: its customer has changed, or is not silent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class ObstacleKind(StrEnum):
    """Why a proposal is not approved; the names are those of `signoff_transition_obstacle`."""

    NEWER_EVENT = "newer_event"
    """The customer's last event is another one than the rule knew."""
    OTHER_STATUS = "other_status"
    """An event that arrived late gave the customer another status."""
    OTHER_AMOUNT = "other_amount"
    """An event that arrived late changed the customer's LTV; a rule does not decide itself then."""
    OTHER_DECISION = "other_decision"
    """Another proposal of the customer was decided, and that is on its way."""
    DEAD_LETTER = "dead_letter"
    """An event of the customer is a dead letter: nobody knows what it would change."""
    REVIEW = "review"
    """A reply to the customer waits for a reviewer, or is approved and on its way."""
    AHEAD = "ahead"
    """The customer's last event occurred in the future, by a wrong clock."""
    DECIDED = "decided"
    """It was approved or rejected before."""
    UNDONE = "undone"
    """It was approved and undone before."""
    OUTDATED = "outdated"
    """It was outdated before; another run may make it anew."""
    NOT_APPROVED = "not_approved"
    """It is to be undone, and was not approved."""
    WITHOUT_EFFECT = "without_effect"
    """It is to be undone, and its decision has no effect."""
    NOT_SNOOZED = "not_snoozed"
    """It is to be shown again, and is not snoozed."""
    UNKNOWN = "unknown"
    """There is no such proposal."""

    @property
    def outdates(self) -> bool:
        """Whether the customer changed, so that the proposal is outdated."""
        return self in _OUTDATING

    @property
    def holds_up(self) -> bool:
        """Whether it may be in the way no more, so that the proposal can be approved later.

        Another decision may be discarded as a dead letter, or its proposal be rejected.
        """
        return self is ObstacleKind.OTHER_DECISION or not (self.outdates or self in _FINAL)


_OUTDATING: Final = frozenset(
    {ObstacleKind.NEWER_EVENT, ObstacleKind.OTHER_STATUS, ObstacleKind.OTHER_DECISION}
)
_FINAL: Final = frozenset({ObstacleKind.DECIDED, ObstacleKind.UNDONE, ObstacleKind.UNKNOWN})
"""These stay in the way for ever."""
NOT_OPEN: Final = _FINAL | {ObstacleKind.OUTDATED}
"""These say that a proposal is not open, or that there is none."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way of a proposal."""

    kind: ObstacleKind
    event_id: UUID | None = None
    """The event that is the reason; of a review, its interaction."""
    at: datetime | None = None

    def __str__(self) -> str:
        """What is in the way, as a sentence without its end."""
        when = "" if self.at is None else f" ({self.at:%Y-%m-%d %H:%M} UTC)"
        if self.kind is ObstacleKind.NEWER_EVENT and self.event_id is None:
            return "the customer's last event is not in the ledger any more"
        return _SENTENCES[self.kind].format(event=self.event_id, when=when)


_SENTENCES: Final = {
    ObstacleKind.NEWER_EVENT: "the customer's last event is another one now: {event}{when}",
    ObstacleKind.OTHER_STATUS: "an event that arrived late gave the customer another status",
    ObstacleKind.OTHER_AMOUNT: "an event that arrived late changed the customer's LTV",
    ObstacleKind.OTHER_DECISION: "another proposal of the customer was decided{when}, and is on "
    "its way",
    ObstacleKind.DEAD_LETTER: "an event of the customer is a dead letter{when}; replay or discard "
    "it first",
    ObstacleKind.REVIEW: "a reply to the customer waits for a reviewer, or is on its way{when}",
    ObstacleKind.AHEAD: "the customer's last event occurred in the future{when}; try again later",
    ObstacleKind.DECIDED: "it was approved or rejected already{when}",
    ObstacleKind.UNDONE: "it was undone already{when}",
    ObstacleKind.OUTDATED: "it was outdated already{when}",
    ObstacleKind.NOT_APPROVED: "it was not approved, so there is nothing to undo",
    ObstacleKind.WITHOUT_EFFECT: "its decision has no effect any more, so there is nothing to undo",
    ObstacleKind.NOT_SNOOZED: "it is not snoozed, so it is shown already",
    ObstacleKind.UNKNOWN: "there is no such proposal",
}


def obstacle_of(kind: str | None, event_id: UUID | None, at: datetime | None) -> Obstacle | None:
    """What the statement found; None if nothing is in the way."""
    return None if kind is None else Obstacle(ObstacleKind(kind), event_id, at)
