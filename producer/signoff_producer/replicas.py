"""Replicas of Redis that must have an event before its publish is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis import RedisError

from signoff_producer.publication import ScriptReply
from signoff_producer.receipts import ReplicasBehindError


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas, and how long to wait for them; by default none, and there is no wait."""

    wanted: int
    timeout: float
    """Seconds."""

    @property
    def wait(self) -> tuple[str, int, int]:
        """The command that waits for the replicas."""
        return "WAIT", self.wanted, max(1, round(self.timeout * 1000))

    def checked(self, answers: Sequence[object]) -> list[ScriptReply]:
        """The script's replies, if enough replicas have the events.

        `answers` are those of the script and, if there are replicas to wait for, of WAIT.

        Raises:
            redis.RedisError: one of the two failed.
            ReplicasBehindError: too few replicas have them.
        """
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        if self.wanted and (number := cast("int", answers[1])) < self.wanted:
            raise ReplicasBehindError(number, self.wanted, self.timeout)
        replies: list[ScriptReply] = answers[0]  # type: ignore[assignment]  # the script's
        return replies
