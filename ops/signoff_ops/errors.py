"""The errors that use cases raise, for front ends that answer each in its own way."""

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.feed_position import InvalidPositionError
from signoff_db.feed_state import FeedGapError, FeedRestoredError
from signoff_db.pages import CursorError
from signoff_ops.contexts import ContextsNotComputedError, UnknownCustomerError
from signoff_ops.rapport_connection import RapportNotSetError, RapportUnavailableError
from signoff_queue.connection import RedisUnavailableError

__all__ = [
    "ContextsNotComputedError",
    "CursorError",
    "DatabaseUnavailableError",
    "FeedGapError",
    "FeedRestoredError",
    "InvalidPositionError",
    "RapportNotSetError",
    "RapportUnavailableError",
    "RedisUnavailableError",
    "UnknownCustomerError",
]
