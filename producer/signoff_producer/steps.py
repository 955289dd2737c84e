"""The steps that the core gives to a producer; the producer runs each and sends its result back."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeVar

from signoff_producer.deadline import Deadline
from signoff_producer.publication import Request
from signoff_producer.receipts import QueueUnavailableError, Receipt
from signoff_producer.spool import Spool, Taken


class Send(NamedTuple):
    """Run the publishing script. The answer is its reply to each job, or a `redis.RedisError`."""

    keys: tuple[str, ...]
    constants: tuple[bytes, ...]
    """The first arguments: they are the same in all calls of a second."""
    jobs: Sequence[bytes]
    """The other arguments: id and data of each job."""
    deadline: Deadline
    reconnect: bool = False
    """Whether to connect again, since the address of Redis may have changed."""

    @property
    def arguments(self) -> Sequence[bytes]:
        """All arguments of the script."""
        return [*self.constants, *self.jobs]

    def again(self) -> "Send":
        """The same step, to be repeated after it failed."""
        return self._replace(reconnect=True)


class Sleep(NamedTuple):
    """Wait for some seconds."""

    seconds: float


class Keep(NamedTuple):
    """Append events to the spool; they are on disk when this is answered."""

    spool: Spool
    requests: Sequence[Request]
    failure: QueueUnavailableError
    """Why Redis did not take them."""


class Take(NamedTuple):
    """Take a batch out of the spool. The answer is the batch, or None if there is none now."""

    spool: Spool
    any_redis: bool
    """Whether the file may be for another Redis."""


class Settle(NamedTuple):
    """Remove events that have a receipt from the spool; None is an event without one."""

    taken: Taken
    receipts: Sequence[Receipt | None]


Step = Send | Sleep | Keep | Take | Settle
T = TypeVar("T")
Steps = Generator[Step, Any, T]
"""A sequence of steps with a result."""
