"""Mark rows that `add` has validated, so that relays need not validate them again.

The mark is the hash of the text that was validated, not a flag. So if somebody changes the event in
SQL, or writes rows without `add`, the relay validates it. A matching hash of an invalid event does
no harm: workers validate every event.
"""

from typing import NamedTuple, Self
from uuid import UUID

from signoff_producer.publication import CANONICAL_START, Request
from signoff_schemas import MAX_EVENT_BYTES, AnyEvent, InvalidEvent, content_hash, kind_of


class Row(NamedTuple):
    """The row that `add` writes; the fields are named like the columns."""

    event: str
    validated_hash: bytes

    @classmethod
    def of(cls, event: AnyEvent) -> Self:
        """The row of a valid event, in its canonical JSON."""
        canonical_json = event.canonical_json()
        return cls(canonical_json.decode(), content_hash(canonical_json))


def request_of(event_id: UUID, event: str | None, validated_hash: bytes | None) -> Request:
    """The request of a row; it is validated here unless it is still the text that `add` validated.

    That text is canonical JSON, since `add` writes nothing else; that it begins as such is checked,
    since the job's id is taken from there. Without an event, which was too large to be read, the
    request is rejected.
    """
    if event is None:
        too_large = InvalidEvent.too_large(MAX_EVENT_BYTES + 1, MAX_EVENT_BYTES, or_more=True)
        return Request(event_id, error=too_large)
    event_json = event.encode()
    if (
        validated_hash is not None
        and validated_hash == content_hash(event_json)
        and event_json.startswith(b'%b%b"' % (CANONICAL_START, str(event_id).encode()))
    ):
        return Request(event_id, event_json, kind=kind_of(event_json))
    return Request.of(event_json)
