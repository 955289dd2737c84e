"""How often and how soon an event is tried again."""

import random
from typing import Final

from signoff_schemas import WorkerSettings

_GROUP: Final = 50
"""About the square root of the 2,000 events that a dead worker may leave: few batches until all are
applied, and few events that are taken alone where one of them kills workers."""
_UNEARNED: Final = 2
"""Deaths that another event may cause, where what came back once is taken in groups."""


def group_size(max_redeliveries: int) -> int:
    """How many events that came back once go together; one where more could cost a good one."""
    return _GROUP if max_redeliveries >= _UNEARNED else 1


def retry_delay(retries: int, settings: WorkerSettings) -> float:
    """Seconds until an event is tried again: doubling, with jitter against crowds."""
    return float(settings.retry_delay * 2**retries * random.uniform(0.75, 1.25))
