"""A line of a spool file: an event, and the queue and the Redis that it is for.

    {"queue":"approvals","redis":"localhost:6379/0","event":{"event_id":…}}

In files of earlier releases a line is only an event; it is for the producer that replays it.
"""

import json
import re
from typing import Final, NamedTuple, Self

from signoff_producer.publication import Request

_LINE: Final = re.compile(
    rb'\{"queue":"([A-Za-z0-9_.-]{1,100})","redis":("(?:[^"\\]|\\.){0,2000}"),"event":(\{.*\})\}',
    re.DOTALL,
)


class SpooledEvent(NamedTuple):
    """The content of a line."""

    event_json: bytes
    queue: str | None = None
    """None for the queue of the producer that replays it."""
    redis: str | None = None
    """None for the Redis of that producer."""

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read a line, which may hold anything; an invalid event is rejected on publishing."""
        match = _LINE.fullmatch(line)
        if match is None:
            return cls(line)
        queue, redis, event_json = match.groups()
        try:
            return cls(event_json, queue.decode(), json.loads(redis))
        except ValueError:
            return cls(line)

    def line(self) -> bytes:
        """The line, with its line break."""
        head = f'{{"queue":"{self.queue}","redis":{json.dumps(self.redis)},"event":'
        return head.encode() + self.event_json + b"}\n"

    @property
    def request(self) -> Request:
        """The request that publishes the event."""
        return Request.of(self.event_json)
