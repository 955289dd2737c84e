"""Which events of the outbox Postgres accounts for: with the same content, not only the same id."""

from hashlib import sha256

from signoff_db.locations import EventLocations, LetterContent
from signoff_relay.table import Entry
from signoff_schemas import DeadLetterState, InvalidEvent, content_hash, parse_event


def is_applied(entry: Entry, found: EventLocations) -> bool:
    """Whether the ledger holds it."""
    held = found.ledger.get(entry.event_id)
    if held is None or entry.event is None:
        return False
    # What `outbox.add` wrote is canonical already: then the event need not be parsed.
    return held == content_hash(entry.event.encode()) or held == _canonical_hash(entry.event)


def has_letter(entry: Entry, found: EventLocations) -> bool:
    """Whether it is a dead letter, open or settled."""
    return bool(_letters_of(entry, found))


def is_given_up(entry: Entry, found: EventLocations) -> bool:
    """Whether operators settled it as a dead letter, and no letter of it is open."""
    letters = _letters_of(entry, found)
    return bool(letters) and all(one.state is not DeadLetterState.DEAD for one in letters)


def _letters_of(entry: Entry, found: EventLocations) -> list[LetterContent]:
    """Its letters; none if it is larger than an event may be: a letter does not keep that whole."""
    if entry.event is None:
        return []
    letters = found.letters.get(entry.event_id, ())
    return [letter for letter in letters if _is_of(letter, entry.event)]


def _is_of(letter: LetterContent, event: str) -> bool:
    """Whether a letter is of this content.

    A letter of an invalid payload has no content hash. It accounts only for an event that has the
    same bytes and is invalid too: a valid event is to be applied.
    """
    if letter.content_hash is None:
        return (
            letter.payload_hash == sha256(event.encode()).digest()
            and _canonical_hash(event) is None
        )
    return letter.content_hash in {content_hash(event.encode()), _canonical_hash(event)}


def _canonical_hash(event: str) -> bytes | None:
    """The content hash of an event in its canonical form; None if the event is invalid."""
    try:
        return content_hash(parse_event(event).canonical_json())
    except InvalidEvent:
        return None
