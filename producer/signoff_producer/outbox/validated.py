"""What `add` has validated, relays need not validate again: how a row says so.

The row carries the hash of the text that was validated, not a flag: whoever changes the event by
hand, or writes rows without `add`, has it validated by the relay, without having to think of it.
A hash that is right under an event that is not does no harm: workers validate whatever comes.
"""

from typing import NamedTuple, Self
from uuid import UUID

from signoff_producer.publication import Request
from signoff_schemas import AnyEvent, content_hash, kind_of


class Row(NamedTuple):
    """What `add` writes, by the names of the columns."""

    event: str
    validated_hash: bytes

    @classmethod
    def of(cls, event: AnyEvent) -> Self:
        """An event, which is valid by its type, as canonical JSON."""
        canonical_json = event.canonical_json()
        return cls(canonical_json.decode(), content_hash(canonical_json))


def request_of(event_id: UUID, event: str, validated_hash: bytes | None) -> Request:
    """A row on its way to the queue: validated here, unless it still is what `add` validated.

    Then it is canonical JSON as well: `add` writes nothing else.
    """
    event_json = event.encode()
    if validated_hash is not None and validated_hash == content_hash(event_json):
        return Request(event_id, event_json, kind=kind_of(event_json))
    return Request.of(event_json)
