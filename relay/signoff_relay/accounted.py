"""Which events of the outbox Postgres accounts for: this content, not just something by its id."""

from hashlib import sha256

from signoff_db.locations import EventLocations, LetterContent
from signoff_relay.table import Entry
from signoff_schemas import ApprovalEvent, DeadLetterState, InvalidEvent, content_hash


def is_applied(entry: Entry, found: EventLocations) -> bool:
    """Whether the ledger holds it."""
    held = found.ledger.get(entry.event_id)
    if held is None:
        return False
    # What `outbox.add` wrote is canonical, so that it need not be read.
    return held == content_hash(entry.event.encode()) or held == _canonical_hash(entry.event)


def has_letter(entry: Entry, found: EventLocations) -> bool:
    """Whether it is a dead letter, open or settled."""
    return any(_is_of(letter, entry) for letter in found.letters.get(entry.event_id, ()))


def is_given_up(entry: Entry, found: EventLocations) -> bool:
    """Whether it was a dead letter that operators settled, and is none that is open."""
    letters = [one for one in found.letters.get(entry.event_id, ()) if _is_of(one, entry)]
    return bool(letters) and all(one.state is not DeadLetterState.DEAD for one in letters)


def _is_of(letter: LetterContent, entry: Entry) -> bool:
    """Whether a letter is of this content.

    A letter of a payload that is no valid event has no content. Only an event that is not valid
    either, and has the same bytes, is accounted for by it: a valid one is to be applied.
    """
    if letter.content_hash is None:
        return (
            letter.payload_hash == sha256(entry.event.encode()).digest()
            and _canonical_hash(entry.event) is None
        )
    return letter.content_hash in {
        content_hash(entry.event.encode()),
        _canonical_hash(entry.event),
    }


def _canonical_hash(event: str) -> bytes | None:
    """That of an event as it is published, however it is written; None if it is not valid."""
    try:
        return content_hash(ApprovalEvent.parse(event).canonical_json())
    except InvalidEvent:
        return None
