"""The receipt of each published event, and the errors of the queue as a whole."""

from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID

from signoff_schemas import InvalidEvent, SignoffError


class Answer(StrEnum):
    """The result of publishing an event."""

    ACCEPTED = "accepted"
    """It is on the queue."""
    DUPLICATE = "duplicate"
    """It is on the queue already, with the same content; nothing changed."""
    CONFLICT = "conflict"
    """The `event_id` is used by other content, or on another queue; nothing changed."""
    REJECTED = "rejected"
    """It breaks the contract; nothing was sent."""
    SPOOLED = "spooled"
    """Redis is unavailable; the event is in the local spool file, and is published later."""


class Receipt(NamedTuple):
    """The result of publishing one event."""

    answer: Answer
    event_id: UUID | None
    """None if the event was rejected and its id cannot be read."""
    error: InvalidEvent | None = None
    """What is wrong with a rejected event."""
    conflict: str | None = None
    """What the event conflicts with, if it does."""

    @property
    def reason(self) -> str | None:
        """Why the event was not taken; None if it was."""
        return str(self.error) if self.error else self.conflict

    @property
    def ok(self) -> bool:
        """Whether the event is on the queue, now or already, or in the spool."""
        return self.answer in {Answer.ACCEPTED, Answer.DUPLICATE, Answer.SPOOLED}

    def raise_for_status(self) -> Self:
        """Return this receipt, so that calls can be chained; raise if the event was not taken.

        Raises:
            InvalidEvent: it was rejected; `problems` says what is wrong, field by field.
            EventConflict: its `event_id` is in use.
        """
        if self.error is not None:
            raise self.error
        if self.answer is Answer.CONFLICT:
            raise EventConflict(self.event_id, self.conflict)
        return self


class EventConflict(SignoffError):  # noqa: N818 -- named after the answer
    """An `event_id` is used by other content, or on another queue; nothing was published."""

    def __init__(self, event_id: UUID | None, conflict: str | None) -> None:
        super().__init__(
            f"event {event_id} was not published: {conflict}; "
            "an event_id belongs to one event on one queue"
        )
        self.event_id = event_id
        self.conflict = conflict

    def __reduce__(self) -> tuple[type["EventConflict"], tuple[UUID | None, str | None]]:
        """For pickling between processes: by default an exception keeps only its message."""
        return EventConflict, (self.event_id, self.conflict)


class QueueFull(SignoffError):  # noqa: N818 -- the name queues give this, as in queue.Full
    """The queue has reached `max_queue_length`; the event was not put on it.

    `limit` is that length, `retry_after` the seconds after which to publish again.
    """

    def __init__(self, queue: str, limit: int, retry_after: float) -> None:
        super().__init__(
            f"queue {queue!r} is as long as max_queue_length={limit} allows; "
            f"publish again in {retry_after:g} s, when workers may have caught up"
        )
        self.queue = queue
        self.limit = limit
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type["QueueFull"], tuple[str, int, float]]:
        """For pickling; see `EventConflict`."""
        return QueueFull, (self.queue, self.limit, self.retry_after)


class QueueUnavailableError(SignoffError):
    """Redis cannot be reached or refused the write; publishing again is safe, by `event_id`."""


class ReplicasBehindError(QueueUnavailableError):
    """Too few replicas have the events; the primary has them. Publishing again waits again."""

    def __init__(self, acknowledged: int, wanted: int, timeout: float) -> None:
        super().__init__(
            f"{acknowledged} of the {wanted} replicas that were asked for (wait_replicas) "
            f"acknowledged the events within {timeout:g} s; Redis's primary has them. Publish them "
            "again: that waits for replicas again, and they take effect once"
        )
        self.acknowledged = acknowledged
        self.wanted = wanted
        self.timeout = timeout

    def __reduce__(self) -> tuple[type["ReplicasBehindError"], tuple[int, int, float]]:
        """For pickling; see `EventConflict`."""
        return ReplicasBehindError, (self.acknowledged, self.wanted, self.timeout)


class CircuitOpenError(QueueUnavailableError):
    """Redis failed so often in a row that it is not tried for some time."""

    def __init__(self, failures: int, retry_after: float) -> None:
        super().__init__(
            f"Redis failed the last {failures} publishes and is not tried for another "
            f"{retry_after:.1f} s (SIGNOFF_BREAKER_COOLDOWN); nothing was sent. Publish again "
            "after that"
        )
        self.failures = failures
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type["CircuitOpenError"], tuple[int, float]]:
        """For pickling; see `EventConflict`."""
        return CircuitOpenError, (self.failures, self.retry_after)


class EventLoopError(SignoffError):
    """An `AsyncProducer` is used in a second event loop."""

    def __init__(self) -> None:
        super().__init__(
            "this AsyncProducer was first used in another event loop, to which its connections "
            "belong; make one in each loop (for each asyncio.run()), or close it there first"
        )
