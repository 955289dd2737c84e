"""A reader of the feed that notes each event it is given, and dies as `kill -9` would have it.

Run as `python -m mortal_reader URL [POINT …]`. It takes the points one after the other, each in a
process of its own that dies there; then it reads until SIGTERM. The points are those of a turn's
life below.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from signoff_cli.stopping import stop_on_signals
from signoff_db.feed import FeedEvent, FeedPage
from signoff_db.feed_reader import FeedReader, Turn

NAME = "mortal"


def note(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
    """The effect: a row an event, of which there must be one."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO noted VALUES (%s)", [[e.event_id] for e in events])


class MortalReader(FeedReader):
    """Dies where it is told to."""

    point = ""

    def die_at(self, point: str) -> None:
        """End at once, if this is the point."""
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def _store(self, connection: Connection[Any], page: FeedPage, *, is_copy: bool) -> None:
        if page.events:
            self.die_at("after effects")
        super()._store(connection, page, is_copy=is_copy)
        if page.events:
            self.die_at("before commit")

    def turn(self) -> Turn:
        """A turn, and maybe the last."""
        turn = super().turn()
        if turn is Turn.READ:
            self.die_at("after commit")
        return turn


def main(url: str, points: Sequence[str]) -> None:
    """Die at each of the points, then read on."""
    for point in points:
        child = os.fork()
        if child == 0:
            read(url, point)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"it did not die {point}: {status}")
        sys.stdout.write("died\n")
        sys.stdout.flush()
    read(url, "")


def read(url: str, point: str) -> None:
    """Read until SIGTERM or the point."""
    reader = MortalReader(NAME, note, url, limit=20, poll=0.05)
    reader.point = point
    with stop_on_signals() as stop:
        reader.run(stop)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
