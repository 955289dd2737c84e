"""What the queue refused, and whether it would now: the upstream may have mended the row since.

What a row holds now is checked against the contract, without Redis. Whether an id is still taken
by another event is known only when the row is tried again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signoff_producer.publication import is_conflict
from signoff_relay.table import OutboxTable, RefusedEvent
from signoff_schemas import MAX_EVENT_BYTES, InvalidEvent, parse_event

MOST_CHECKED: Final = 100
"""So many refused events are checked again to say how many are valid now."""


class Now(StrEnum):
    """What is known of a refused row as it is now."""

    VALID = "valid"
    """What it holds now is valid."""
    INVALID = "invalid"
    """What it holds now breaks the contract."""
    CONFLICT = "conflict"
    """It is valid, and was refused since another event had its id."""
    UNCHECKED = "unchecked"
    """The rows before it were too large together, so it was not checked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused event, checked again."""

    event: RefusedEvent
    now: Now
    text: str
    """Why it was refused, and how that is now."""


@dataclass(frozen=True, slots=True)
class ValidNow:
    """How many of the oldest refused events are valid now."""

    looked_at: int
    valid: int


def refused_now(event: RefusedEvent) -> Refused:
    """Check a refused event again."""
    now, text = refusal(event.whole, event.bytes, event.refused)
    return Refused(event, now, text)


def valid_now(table: OutboxTable) -> ValidNow:
    """Check the oldest refused events again."""
    page = table.refused_page(None, limit=MOST_CHECKED)
    checked = [refused_now(one).now for one in page.items]
    known = [now for now in checked if now is not Now.UNCHECKED]
    return ValidNow(len(known), known.count(Now.VALID))


def refusal(held: str | None, size: int, reason: str) -> tuple[Now, str]:
    """What is known of a row now, and the same as a text.

    Args:
        held: the event that it holds; None if that is not to be checked.
        size: how many bytes it has.
        reason: why it was refused.
    """
    if size > MAX_EVENT_BYTES:
        return Now.INVALID, f"still refused: {InvalidEvent.too_large(size, MAX_EVENT_BYTES)}"
    if held is None:
        return Now.UNCHECKED, f"was refused: {reason}; what it holds now was not checked"
    try:
        parse_event(held)
    except InvalidEvent as error:
        return Now.INVALID, f"still refused: {error}"
    if is_conflict(reason):
        return Now.CONFLICT, (
            f"was refused: {reason}; what it holds is valid: try again once that is over"
        )
    return Now.VALID, (
        f"was refused: {reason}; its content has changed since and is valid now: try again"
    )
