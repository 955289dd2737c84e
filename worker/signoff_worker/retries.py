"""How often and how soon an event is retried."""

import random
from typing import Final

from signoff_schemas import WorkerSettings

_GROUP: Final = 50
"""About the square root of the 2,000 events that a dead worker may hold. So few batches are needed
until all are applied, and few events are taken alone if one of them kills workers."""
_UNEARNED: Final = 2
"""The most deaths of an event that another event can cause, with groups."""


def group_size(max_redeliveries: int) -> int:
    """How many events with one death are taken together; one if a group could cost a good event."""
    return _GROUP if max_redeliveries >= _UNEARNED else 1


def retry_delay(retries: int, settings: WorkerSettings) -> float:
    """Seconds until an event is retried: the delay doubles, with jitter."""
    return float(settings.retry_delay * 2**retries * random.uniform(0.75, 1.25))
