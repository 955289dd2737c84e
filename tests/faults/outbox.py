"""The database of an upstream, and the outbox in it, from which relays move events to the queue."""

import json
import time
from dataclasses import replace
from typing import Any, Final

import psycopg

from faults.events import Published
from signoff_producer import outbox

_AWAY: Final = (psycopg.OperationalError, psycopg.InternalError)
"""What an upstream tries again after: a server that is unavailable, and one that is read-only."""


def add(url: str, some: list[Published]) -> list[Published]:
    """Commit all events to the outbox, with retries; returns them with the time of their commit."""
    while True:
        try:
            with psycopg.connect(url) as connection:
                for one in some:
                    outbox.add(connection, json.dumps(one.event))
        except _AWAY:
            time.sleep(0.05)
        else:
            return [replace(one, at=time.time()) for one in some]


class Outbox:
    """The table, read on a direct connection without the proxy."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._execute(outbox.SCHEMA)

    def waiting(self) -> int:
        """How many events are not relayed, or were refused by the queue."""
        ((count,),) = self._execute(
            "SELECT count(*) FROM signoff_outbox WHERE published_at IS NULL"
        )
        return int(count)

    def relayed_since(self, at: float) -> set[str]:
        """Which events were put on the queue since then, in seconds since the epoch."""
        rows = self._execute(
            "SELECT event_id::text FROM signoff_outbox WHERE published_at >= to_timestamp(%s)", at
        )
        return {event_id for (event_id,) in rows}

    def _execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []
