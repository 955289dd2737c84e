"""What `add` has validated, relays need not validate again: how a row says so.

The row carries the hash of the text that was validated, not a flag: whoever changes the event by
hand, or writes rows without `add`, has it validated by the relay, without having to think of it.
A hash that is right under an event that is not does no harm: workers validate whatever comes.
"""

from typing import NamedTuple, Self
from uuid import UUID

from signoff_producer.publication import Request
from signoff_schemas import ApprovalEvent, content_hash


class Row(NamedTuple):
    """What `add` writes, by the names of the columns."""

    event: str
    validated_hash: bytes

    @classmethod
    def of(cls, event: ApprovalEvent) -> Self:
        """An event, which is valid by its type, in its canonical spelling."""
        spelled = event.canonical_json()
        return cls(spelled.decode(), content_hash(spelled))


def request_of(event_id: UUID, event: str, validated_hash: bytes | None) -> Request:
    """A row on its way to the queue: validated here, unless it still is what `add` validated.

    The canonical spelling comes with that: `add` writes no other.
    """
    spelled = event.encode()
    if validated_hash is not None and validated_hash == content_hash(spelled):
        return Request(event_id, spelled)
    return Request.of(spelled)
