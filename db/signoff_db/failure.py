"""Why an event could not be applied: what its dead letter says."""

from dataclasses import dataclass
from typing import Any, Final, Self

import psycopg

from signoff_db.transactions import Refusal
from signoff_schemas import (
    MAX_EVENT_BYTES,
    AnyEvent,
    FailureKind,
    InvalidEvent,
    fingerprint,
)

_MESSAGE_LIMIT: Final = 2000
"""Characters of a message: an installation's own trigger may quote a whole event."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event could not be applied."""

    kind: FailureKind
    message: str
    """A text for people; it may quote the event."""
    loggable: str
    """The same without customers' texts or amounts."""
    cause: str = ""
    """A text that is equal for failures of the same cause and kind; it quotes no event."""
    detail: tuple[dict[str, Any], ...] = ()
    minimal: bool = False
    """Whether the letter holds only what can always be written: ids, bytes, Signoff's own texts."""

    @property
    def fingerprint(self) -> str:
        """Equal for failures of the same cause."""
        return fingerprint(self.kind, self.cause)

    @classmethod
    def of_payload(cls, error: InvalidEvent) -> Self:
        """The payload breaks the contract."""
        return cls(error.kind, str(error), error.loggable, error.cause, tuple(error.detail))

    @classmethod
    def unreadable(cls, error: Exception) -> Self:
        """Reading the payload raised an unexpected error."""
        name = type(error).__name__
        text = f"the payload cannot be read: {name}"
        return cls(FailureKind.INVALID_PAYLOAD, text, text, f"unreadable:{name}")

    @classmethod
    def of_event(cls, event: AnyEvent, kind: FailureKind, owner: str | None) -> Self:
        """A failure that `apply.sql` found; `owner` is the interaction's user.

        Raises:
            ValueError: `apply.sql` does not find this kind.
        """
        interaction = f"interaction {event.interaction_id}"
        match kind:
            case FailureKind.UNKNOWN_INTERACTION:
                text = (
                    f"{interaction} is not in Postgres, and the event gives no user_id to create "
                    "it with. Replay this dead letter once the interaction is there, or edit it "
                    "and set user_id"
                )
            case FailureKind.USER_MISMATCH:
                owned = shortened(repr(owner))
                return cls(
                    kind,
                    f"{interaction} belongs to user {owned}, the event names {event.user_id!r}",
                    f"{interaction} belongs to another user than the event names",
                )
            case FailureKind.LTV_OVERFLOW:
                text = f"the LTV of {interaction} would exceed 999999.99, the most it can hold"
            case FailureKind.EVENT_CONFLICT:
                text = (
                    f"event {event.event_id} is in the ledger with other content; "
                    "a new fact needs a new event_id"
                )
            case _:
                raise ValueError(kind)
        return cls(kind, text, text)

    @classmethod
    def row_not_written(cls) -> Self:
        """The row was not written, and Postgres raised no error."""
        text = "a trigger, rule or policy on interactions keeps the event's row from being written"
        return cls(FailureKind.REFUSED_BY_DATABASE, text, text, "unwritable")

    @classmethod
    def too_large(cls, size: int, sha1: str | None, kept_at: str | None) -> Self:
        """The job has more data than any event's job.

        Statements that read letters take the payload's size from `detail`; if there is none, the
        letter holds the whole payload.
        """
        where = f"all of it is still at {kept_at}" if kept_at else "the rest was not kept"
        text = (
            f"an event's JSON may take at most {MAX_EVENT_BYTES} bytes; found {size} bytes, of "
            "which the first are kept here"
        )
        detail = {"code": "too_large", "size": size, "sha1": sha1, "kept_at": kept_at}
        kind = FailureKind.INVALID_PAYLOAD
        return cls(kind, f"{text}; {where}", text, "too_large", (detail,))

    @classmethod
    def of_refusal(cls, refusal: Refusal) -> Self:
        """The event cannot be written, even alone, for a reason that Signoff does not know."""
        error = refusal.error
        if refusal.unwritable:
            return cls._unwritable(error)
        if not isinstance(error, psycopg.Error) or error.sqlstate is None:
            return cls._unsendable(error)
        diag = error.diag
        message = diag.message_primary or str(error)
        return cls.by_postgres(error.sqlstate, message, diag.message_hint, diag.constraint_name)

    @classmethod
    def by_postgres(
        cls, sqlstate: str, message: str, hint: str | None, constraint: str | None
    ) -> Self:
        """Postgres refused the event; with Postgres's message."""
        where = f"SQLSTATE {sqlstate}"
        if constraint:
            where += f", constraint {constraint}"
        message, hint = shortened(message), hint and shortened(hint)
        return cls(
            FailureKind.REFUSED_BY_DATABASE,
            f"Postgres refused the event: {message} ({where})",
            f"Postgres refused the event ({where})",
            f"{sqlstate}:{constraint or ''}",
            ({"sqlstate": sqlstate, "message": message, "hint": hint},),
        )

    @classmethod
    def _unsendable(cls, error: Exception) -> Self:
        name = type(error).__name__
        text = f"the event cannot be sent to Postgres: {name}"
        message = shortened(str(error))
        kind = FailureKind.REFUSED_BY_DATABASE
        return cls(kind, f"{text}: {message}", text, name, ({"error": name, "message": message},))

    @classmethod
    def _unwritable(cls, error: Exception) -> Self:
        name = type(error).__name__
        text = f"the event cannot be applied, and its failure cannot be written in full: {name}"
        return cls(FailureKind.REFUSED_BY_DATABASE, text, text, f"minimal:{name}", minimal=True)


def shortened(text: str) -> str:
    """The text, cut where it is longer than a message may be."""
    return text if len(text) <= _MESSAGE_LIMIT else f"{text[:_MESSAGE_LIMIT]}…"
