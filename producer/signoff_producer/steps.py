"""The steps that the core asks a producer to do; the producer sends the result of each back."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeVar

from signoff_producer.deadline import Deadline
from signoff_producer.publication import Request
from signoff_producer.receipts import QueueUnavailableError, Receipt
from signoff_producer.spool import Spool, Taken


class Send(NamedTuple):
    """Run the publishing script. The answer is its reply to each job; or a `redis.RedisError`."""

    keys: tuple[str, ...]
    arguments: Sequence[bytes]
    deadline: Deadline
    reconnect: bool = False
    """Whether to connect anew: where Redis is may have changed."""

    def again(self) -> "Send":
        """The same once more, after it failed."""
        return self._replace(reconnect=True)


class Sleep(NamedTuple):
    """Wait for so many seconds."""

    seconds: float


class Keep(NamedTuple):
    """Append events to the spool, to be on disk when this is answered."""

    spool: Spool
    requests: Sequence[Request]
    failure: QueueUnavailableError
    """Why Redis did not take them."""


class Take(NamedTuple):
    """Take a batch out of the spool. The answer is it; None where there is none to be had now."""

    spool: Spool
    any_redis: bool
    """Whether the file may be meant for another Redis."""


class Settle(NamedTuple):
    """Remove from the spool what has its receipt; None stands for an event that has none."""

    taken: Taken
    receipts: Sequence[Receipt | None]


Step = Send | Sleep | Keep | Take | Settle
T = TypeVar("T")
Steps = Generator[Step, Any, T]
"""Steps one after the other, to a result."""
