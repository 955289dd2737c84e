"""Replicas of Redis that must have an event before its publish is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis import RedisError

from signoff_producer.publication import ScriptReply
from signoff_producer.receipts import ReplicasBehindError


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many of them, and how long they are waited for; none by default, and nothing is asked."""

    wanted: int
    timeout: float
    """Seconds."""

    @property
    def wait(self) -> tuple[str, int, int]:
        """The command that waits for them."""
        return "WAIT", self.wanted, max(1, round(self.timeout * 1000))

    def having(self, answered: Sequence[object]) -> list[ScriptReply]:
        """What the script said, once enough replicas have it; `answered` is its answer and WAIT's.

        Raises:
            redis.RedisError: one of the two failed.
            ReplicasBehindError: there were fewer.
        """
        for answer in answered:
            if isinstance(answer, RedisError):
                raise answer
        told, acknowledged = answered
        if cast("int", acknowledged) < self.wanted:
            raise ReplicasBehindError(cast("int", acknowledged), self.wanted, self.timeout)
        return cast("list[ScriptReply]", told)
