"""Which dead letters are meant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from signoff_schemas import DeadLetterState, FailureKind


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: those that match all of what is given."""

    ids: tuple[int, ...] = ()
    kinds: tuple[FailureKind, ...] = ()
    fingerprint: str | None = None
    user_id: str | None = None
    interaction_id: UUID | None = None
    since: datetime | None = None
    """Failed last at this time or later."""
    until: datetime | None = None
    """Failed last before this time."""
    up_to_id: int | None = None
    """Not those that came after this one: what a person was shown, and nothing that came since."""
    states: tuple[DeadLetterState, ...] = (DeadLetterState.DEAD,)

    @property
    def parameters(self) -> dict[str, Any]:
        """For the statements that choose letters; null where anything goes."""
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
