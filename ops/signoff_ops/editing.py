"""Prepare an edit of a dead letter: see that it can be edited, and set fields of its event."""

from collections.abc import Mapping

from signoff_db.dead_letters import FullLetter
from signoff_db.edit import EditError
from signoff_db.payload_text import with_fields
from signoff_ops.dead_letters import letter_history
from signoff_ops.servers import Servers
from signoff_schemas import DeadLetterState

__all__ = ["EditError", "NotDeadError", "letter_to_edit", "set_fields"]


class NotDeadError(EditError):
    """There is no such dead letter, or it is settled already."""

    def __init__(self, letter_id: int, state: DeadLetterState | None) -> None:
        is_what = "is not there" if state is None else f"is {state} already"
        super().__init__(f"dead letter {letter_id} {is_what}")
        self.letter_id = letter_id
        self.state = state
        """None where there is no such letter."""


def letter_to_edit(servers: Servers, letter_id: int) -> FullLetter:
    """A letter whose event can be edited.

    Raises:
        NotDeadError: there is no such letter, or it is settled already.
        EditError: its payload is larger than any event.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    found = letter_history(servers, letter_id)
    if found is None or found.full.letter.state is not DeadLetterState.DEAD:
        raise NotDeadError(letter_id, found.full.letter.state if found else None)
    if not found.full.payload_complete:
        size = found.full.letter.payload_size
        raise EditError(f"dead letter {letter_id} came with {size:,} bytes, too many for an event")
    return found.full


def set_fields(full: FullLetter, values: Mapping[str, str]) -> bytes:
    """The letter's event with some fields set, each to a JSON text; the others stay as they are.

    Raises:
        EditError: the payload is no JSON object.
    """
    payload = with_fields(full.payload, values)
    if payload is None:
        raise EditError(
            f"dead letter {full.letter.id} holds no JSON object, so no field of it can be set; "
            "edit the whole event"
        )
    return payload
