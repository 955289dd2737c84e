"""Which dead letters a command selects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signoff_schemas import DeadLetterState, FailureKind

LONGEST_TEXT: Final = 200
"""The most characters of a text that is searched for."""


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
    above_id: int | None = None
    """Written later than this letter."""
    states: tuple[DeadLetterState, ...] = (DeadLetterState.DEAD,)
    event_type: str | None = None
    event_id: UUID | None = None
    job_id: str | None = None
    text: str | None = None
    """Contained in the message, in any case, or in the payload, byte for byte."""

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
            "above_id": self.above_id,
            "states": [str(state) for state in self.states],
            "event_type": self.event_type,
            "event_id": self.event_id,
            "job_id": self.job_id,
            "text": self.text,
            "text_bytes": None if self.text is None else self.text.encode(errors="replace"),
        }
