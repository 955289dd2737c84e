"""Publish events: `Producer` in synchronous code, `AsyncProducer` in asynchronous code.

`outbox.add` writes an event in the caller's own database transaction; a relay publishes it.
"""

from signoff_producer import outbox
from signoff_producer.aio import AsyncProducer
from signoff_producer.options import Options
from signoff_producer.producer import Producer
from signoff_producer.receipts import (
    Answer,
    CircuitOpenError,
    EventConflict,
    EventLoopError,
    QueueFull,
    QueueUnavailableError,
    Receipt,
    ReplicasBehindError,
)
from signoff_schemas import ApprovalEvent, InvalidEvent, SettingsError, Source, StatusDecision

__all__ = [
    "Answer",
    "ApprovalEvent",
    "AsyncProducer",
    "CircuitOpenError",
    "EventConflict",
    "EventLoopError",
    "InvalidEvent",
    "Options",
    "Producer",
    "QueueFull",
    "QueueUnavailableError",
    "Receipt",
    "ReplicasBehindError",
    "SettingsError",
    "Source",
    "StatusDecision",
    "outbox",
]
