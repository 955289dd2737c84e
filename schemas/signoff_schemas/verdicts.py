"""The closed sets of results of an event, which all parts and tools use."""

from enum import StrEnum


class Verdict(StrEnum):
    """What applying an event did, when it did not fail."""

    APPLIED = "applied"
    """The event is applied, and no newer event holds the interaction's status."""
    LATE = "late"
    """Applied in its own place, but a newer event already holds the status."""
    DUPLICATE = "duplicate"
    """The ledger holds this event with the same content; nothing changed."""


class FailureKind(StrEnum):
    """Why an event could not be applied."""

    INVALID_PAYLOAD = "invalid_payload"
    """The job or its event breaks the contract, or is not JSON at all."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """The event has a `schema_version` that this release does not support."""
    UNKNOWN_FUNCTION = "unknown_function"
    """A job on the queue that is not an approval."""
    UNKNOWN_INTERACTION = "unknown_interaction"
    """Postgres does not hold the interaction, and without `user_id` it cannot be created."""
    USER_MISMATCH = "user_mismatch"
    """The interaction belongs to another user."""
    LTV_OVERFLOW = "ltv_overflow"
    """The interaction's LTV would exceed `numeric(8,2)`."""
    EVENT_CONFLICT = "event_conflict"
    """The ledger holds other content under the same `event_id`."""
    REFUSED_BY_DATABASE = "refused_by_database"
    """Postgres refused this event for a reason Signoff does not know, such as an added CHECK."""
    ABANDONED = "abandoned"
    """Workers died while they held this event, until its attempts ran out."""


class DeadLetterState(StrEnum):
    """The state of a dead letter."""

    DEAD = "dead"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
