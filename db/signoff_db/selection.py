"""Which dead letters a command selects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from signoff_schemas import DeadLetterState, FailureKind


@dataclass(frozen=True, slots=True)
class Selection:
    """The dead letters that match all the given conditions."""

    ids: tuple[int, ...] = ()
    kinds: tuple[FailureKind, ...] = ()
    fingerprint: str | None = None
    user_id: str | None = None
    interaction_id: UUID | None = None
    since: datetime | None = None
    """Last failed at this time or later."""
    until: datetime | None = None
    """Last failed before this time."""
    up_to_id: int | None = None
    """Up to this letter: those that an operator was shown, and none that was written later."""
    states: tuple[DeadLetterState, ...] = (DeadLetterState.DEAD,)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the statements that choose letters; null is no condition."""
        return {
            "ids": list(self.ids) or None,
            "kinds": [str(kind) for kind in self.kinds] or None,
            "fingerprint": self.fingerprint,
            "user_id": self.user_id,
            "interaction_id": self.interaction_id,
            "since": self.since,
            "until": self.until,
            "up_to_id": self.up_to_id,
            "states": [str(state) for state in self.states],
        }
