"""The parts of Signoff that an upstream service needs to publish approval events.

    from signoff import Producer

    with Producer("redis://localhost:6379/0") as producer:
        producer.publish(event).raise_for_status()

`Producer` is for synchronous code, `AsyncProducer` for asynchronous code. `outbox.add` writes an
event in the caller's own database transaction; a relay publishes it from there. Every error that is
raised on purpose is a `SignoffError`.
"""

from signoff import outbox
from signoff_producer import (
    Answer,
    AsyncProducer,
    CircuitOpenError,
    EventConflict,
    EventLoopError,
    Options,
    Producer,
    QueueFull,
    QueueUnavailableError,
    Receipt,
    ReplicasBehindError,
    Source,
)
from signoff_schemas import (
    CUSTOMER_STATUSES,
    EDIT_TAGS,
    ApprovalEvent,
    CustomerStatus,
    EditTag,
    InvalidEvent,
    Problem,
    SettingsError,
    SignoffError,
)

__all__ = [
    "CUSTOMER_STATUSES",
    "EDIT_TAGS",
    "Answer",
    "ApprovalEvent",
    "AsyncProducer",
    "CircuitOpenError",
    "CustomerStatus",
    "EditTag",
    "EventConflict",
    "EventLoopError",
    "InvalidEvent",
    "Options",
    "Problem",
    "Producer",
    "QueueFull",
    "QueueUnavailableError",
    "Receipt",
    "ReplicasBehindError",
    "SettingsError",
    "SignoffError",
    "Source",
    "outbox",
]
