"""Requests, the replies of the script, and their receipts."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha1
from importlib.resources import files
from typing import Final, NamedTuple, Self
from uuid import UUID

from pydantic_core import to_json

from signoff_producer.receipts import Answer, QueueFull, Receipt
from signoff_schemas import (
    ApprovalEvent,
    Event,
    Identity,
    InvalidEvent,
    Kind,
    PublishSettings,
    Source,
    decode_job,
    encode_job,
    kind_of,
)
from signoff_schemas.keys import JOB_PREFIX, QUEUES, QueueKeys

ScriptReply = int | bytes | list[bytes]
"""The script's reply to one job."""
SCRIPT: Final = files("signoff_producer").joinpath("publish.lua").read_text("utf-8")
SCRIPT_HASH: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""The hash under which Redis caches the script."""
CHUNK: Final = 500
"""The most events of a round trip; this bounds the memory, and the time that Redis is busy."""
CANONICAL_START: Final = b'{"event_id":"'
"""What canonical JSON begins with; the text of the id follows."""
_EVENT_ID: Final = slice(len(CANONICAL_START), len(CANONICAL_START) + 36)
_ACCEPTED, _DUPLICATE, _FULL = 1, 0, -1
_ELSEWHERE: Final = "it is on queue "
_OTHER_CONTENT: Final = "other content has this event_id"
SPOOLED: Final = 2
"""The reply for an event that the spool took, instead of Redis."""


class Request(NamedTuple):
    """One event to publish: valid and ready to be sent, or rejected."""

    event_id: UUID | None
    canonical_json: bytes = b""
    error: InvalidEvent | None = None
    kind: Kind = ApprovalEvent

    @classmethod
    def of(cls, source: Source) -> Self:
        """Validate a source; an invalid one becomes a rejected request."""
        try:
            kind = kind_of(source)
            event, canonical_json = kind.parse_and_canonicalize(source)
        except InvalidEvent as error:
            return cls(_event_id(source), error=_untraced(error))
        return cls(event.event_id, canonical_json, None, kind)

    @classmethod
    def of_kind(cls, kind: Kind, event_json: bytes) -> Self:
        """Validate the JSON of an event that must be of this kind."""
        try:
            event, canonical_json = kind.parse_and_canonicalize(event_json)
        except InvalidEvent as error:
            return cls(_event_id(event_json), error=_untraced(error), kind=kind)
        return cls(event.event_id, canonical_json, kind=kind)


@dataclass(frozen=True)
class Publication:
    """A queue to publish to: the script's arguments, and the meaning of its replies."""

    queue: str
    max_queue_length: int | None = None
    full_retry_after: float = 5.0
    """`QueueFull.retry_after`, in seconds."""
    replicated: bool = False
    """Whether to wait for replicas after the script."""

    @classmethod
    def of(cls, settings: PublishSettings) -> Self:
        """The publication of these settings."""
        return cls(
            settings.queue,
            settings.max_queue_length,
            settings.full_retry_after,
            settings.wait_replicas > 0,
        )

    def on(self, queue: str) -> "Publication":
        """The same for another queue."""
        return self if queue == self.queue else replace(self, queue=queue)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The script's keys."""
        queue = QueueKeys(self.queue)
        return queue.waiting, QUEUES, queue.scheduled, queue.started, queue.leases

    @cached_property
    def _always(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The constant arguments of each call."""
        return (
            JOB_PREFIX.encode(),
            self.queue.encode(),
            b"%d" % (self.max_queue_length or 0),
            b"1" if self.replicated else b"0",
        )

    def constants(self) -> tuple[bytes, ...]:
        """The script's first arguments, which are the same in all calls of this second."""
        prefix, queue, limit, replicated = self._always
        return prefix, queue, _as_rq_writes(int(time.time())), limit, replicated

    @staticmethod
    def jobs(requests: Sequence[Request]) -> list[bytes]:
        """The script's other arguments: id and data of each job. No request may be rejected."""
        jobs: list[bytes] = []
        for _, canonical_json, _, kind in requests:
            jobs += canonical_json[_EVENT_ID], encode_job(canonical_json, kind)
        return jobs

    def receipts(
        self, requests: Sequence[Request], replies: Sequence[ScriptReply]
    ) -> Iterator[Receipt]:
        """Match the script's replies to the requests, in order.

        Raises:
            QueueFull: at the first event without room; those before it have their receipts.
        """
        coming = iter(replies)
        for request in requests:
            yield self.receipt(request, next(coming) if request.error is None else 0)

    def receipt(self, request: Request, reply: ScriptReply) -> Receipt:
        """The receipt for the script's reply to one request.

        Raises:
            QueueFull: there was no room for the event.
        """
        if reply == _ACCEPTED:
            return Receipt(Answer.ACCEPTED, request.event_id)
        if request.error is not None:
            return Receipt(Answer.REJECTED, request.event_id, request.error)
        if reply == _FULL:
            raise QueueFull(self.queue, self.max_queue_length or 0, self.full_retry_after)
        if reply == SPOOLED:
            return Receipt(Answer.SPOOLED, request.event_id)
        if isinstance(reply, list):
            queue = reply[0].decode("utf-8", "backslashreplace")
            return Receipt(Answer.CONFLICT, request.event_id, conflict=f"{_ELSEWHERE}{queue!r}")
        if reply == _DUPLICATE or _same_content(request, reply):
            return Receipt(Answer.DUPLICATE, request.event_id)
        return Receipt(Answer.CONFLICT, request.event_id, conflict=_OTHER_CONTENT)


def is_conflict(reason: str) -> bool:
    """Whether a reason of a receipt is a conflict: another event has the id."""
    return reason == _OTHER_CONTENT or reason.startswith(_ELSEWHERE)


@lru_cache(maxsize=1)
def _as_rq_writes(second: int) -> bytes:
    """The second in RQ's format; it is cached, since many events are published in each second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)).encode()


def _untraced(error: InvalidEvent) -> InvalidEvent:
    """The error as a value, without its traceback.

    That would lead back to whoever holds the request: a cycle, in which all that those frames hold
    would wait for the garbage collector.
    """
    error.__context__ = None
    return error.with_traceback(None)


def _event_id(source: Source) -> UUID | None:
    """The id of a refused event, if it can be read, for its receipt."""
    match source:
        case bytes():
            return Identity.of(source).event_id
        case str():
            return Identity.of(source.encode("utf-8", "replace")).event_id
        case {"event_id": UUID() as event_id}:
            return event_id
        case {"event_id": str() as text}:
            return Identity.of(to_json({"event_id": text})).event_id
        case _:
            return None


def _same_content(request: Request, held: int | bytes) -> bool:
    """Whether a job that another publisher wrote holds this event, perhaps in other JSON."""
    if not isinstance(held, bytes):
        return False
    try:
        kind, event_json = decode_job(held)
        return kind.parse(event_json).canonical_json() == request.canonical_json
    except InvalidEvent:
        return False


def many(events: object) -> None:
    """Refuse a single event where many are expected: its characters or keys are not events.

    Raises:
        TypeError: it is a string, bytes or a mapping.
    """
    if isinstance(events, str | bytes | Mapping | Event):
        raise TypeError(
            f"publish_many() takes an iterable of events, not one {type(events).__name__}; "
            "publish() takes one"
        )
