"""What an upstream service needs of Signoff: to publish events, and nothing else.

    from signoff import Producer

    with Producer("redis://localhost:6379/0") as producer:
        producer.publish(event).raise_for_status()

`Producer` is for code that waits, `AsyncProducer` for code that awaits. `outbox.add` writes an
event into the caller's own database transaction, from which a relay publishes it. Every error that
is raised on purpose is a `SignoffError`.
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
    Source,
    StatusDecision,
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
    "StatusDecision",
    "outbox",
]
