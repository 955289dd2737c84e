"""Which events of the outbox Postgres accounts for: in the ledger, or as a dead letter."""

from signoff_db.reading import EventLocations
from signoff_relay.table import Entry
from signoff_schemas import ApprovalEvent, InvalidEvent, content_hash


def is_applied(event: Entry, found: EventLocations) -> bool:
    """Whether the ledger holds it: this very content, not just something under its id."""
    held = found.ledger.get(event.event_id)
    return held is not None and (
        held == content_hash(event.event.encode()) or held == _canonical_hash(event.event)
    )


def _canonical_hash(event: str) -> bytes | None:
    """That of an event that was not written by `outbox.add`, in whatever spelling."""
    try:
        return content_hash(ApprovalEvent.parse(event).canonical_json())
    except InvalidEvent:
        return None
