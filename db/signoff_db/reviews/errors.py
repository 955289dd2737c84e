"""Why something cannot be done with a review."""

from datetime import datetime
from typing import Any
from uuid import UUID

from signoff_schemas import SettingsError, SignoffError
from signoff_schemas.wording import in_utc


class UnknownReviewError(SignoffError):
    """There is no review of this interaction."""

    def __init__(self, interaction_id: UUID) -> None:
        super().__init__(f"there is no review of interaction {interaction_id}")
        self.interaction_id = interaction_id


class ReviewHeldError(SignoffError):
    """Another reviewer holds the review."""

    def __init__(self, interaction_id: UUID, holder: str, until: datetime) -> None:
        super().__init__(
            f"{holder} holds the review of interaction {interaction_id} until "
            f"{until:%H:%M:%S} UTC, and longer while it is open there"
        )
        self.interaction_id = interaction_id
        self.holder = holder
        self.until = until

    @property
    def members(self) -> dict[str, Any]:
        """What a program reads."""
        return {"holder": self.holder, "until": self.until}


class TooManyHeldError(SignoffError):
    """The reviewer holds as many reviews as one reviewer may."""

    def __init__(self, reviewer: str, most: int) -> None:
        super().__init__(
            f"{reviewer} holds {most} reviews already, and the others are for other reviewers; "
            "decide about some, or give them back"
        )


class ReviewDecidedError(SignoffError):
    """The review was decided already, in another way."""

    def __init__(
        self, interaction_id: UUID, state: str, decided_by: str | None, decided_at: datetime
    ) -> None:
        by = f" by {decided_by}" if decided_by else ""
        super().__init__(
            f"the review of interaction {interaction_id} was {state}{by} at "
            f"{in_utc(decided_at)}; nothing was changed"
        )
        self.interaction_id = interaction_id
        self.state = state
        self.decided_by = decided_by
        self.decided_at = decided_at

    @property
    def members(self) -> dict[str, Any]:
        """What a program reads."""
        return {
            "state": self.state,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at,
        }


class ReviewChangedError(SignoffError):
    """The review is not the one that the reviewer saw."""

    def __init__(self, interaction_id: UUID, seen: int, revision: int) -> None:
        super().__init__(
            f"the review of interaction {interaction_id} changed meanwhile (revision {revision}, "
            f"not {seen}): its draft was replaced, or a decision was undone; look at it again"
        )
        self.interaction_id = interaction_id
        self.seen = seen
        self.revision = revision

    @property
    def members(self) -> dict[str, Any]:
        """What a program reads."""
        return {"revision": self.revision}


class ReviewConflictError(SignoffError):
    """A posted draft differs from the review that is there, which cannot be changed."""

    def __init__(self, interaction_id: UUID, reason: str) -> None:
        super().__init__(f"the review of interaction {interaction_id} {reason}")
        self.interaction_id = interaction_id


class UndoTooLateError(SignoffError):
    """The decision is final."""

    def __init__(self, interaction_id: UUID, reason: str) -> None:
        super().__init__(
            f"the decision about interaction {interaction_id} cannot be undone: {reason}"
        )
        self.interaction_id = interaction_id


class OutboxMissingError(SettingsError):
    """The database has no outbox that an approval can be put into."""

    def __init__(self) -> None:
        super().__init__(
            "the database has no table signoff_outbox of this release, from which approvals are "
            "published; make it, or bring it up to date, with `signoff outbox create`. Nothing was "
            "decided"
        )
