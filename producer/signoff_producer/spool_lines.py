"""A line of a spool file: an event, and the queue and the Redis that it is meant for.

    {"queue":"approvals","redis":"localhost:6379/0","event":{"event_id":…}}

Files of earlier releases hold the events alone; such a line is for whoever replays it.
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
    """What a line holds."""

    event_json: bytes
    queue: str | None = None
    """None: that of the producer that replays it."""
    redis: str | None = None
    """None: likewise."""

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read a line, whoever wrote it; what is no event is rejected when it is published."""
        match = _LINE.fullmatch(line)
        if match is None:
            return cls(line)
        queue, redis, event_json = match.groups()
        try:
            return cls(event_json, queue.decode(), json.loads(redis))
        except ValueError:
            return cls(line)

    def line(self) -> bytes:
        """The line, with its end."""
        head = f'{{"queue":"{self.queue}","redis":{json.dumps(self.redis)},"event":'
        return head.encode() + self.event_json + b"}\n"

    @property
    def request(self) -> Request:
        """The event on its way to the queue."""
        return Request.of(self.event_json)
