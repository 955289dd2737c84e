"""A reader of the feed that notes each event, and kills itself with signal 9.

Run as `python -m crashing_reader [POINT]`, it dies at that point of a turn, or reads until SIGTERM.
With `again POINT …` it takes the points one after the other, each in a process of its own; then it
reads until SIGTERM.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from psycopg import Connection

from signoff_cli.stopping import stop_on_signals
from signoff_db.feed import FeedEvent, FeedPage
from signoff_db.feed_reader import FeedReader, Turn

NAME = "mortal"


def note(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
    """The effect: one row for each event."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO noted VALUES (%s)", [[e.event_id] for e in events])


class CrashingReader(FeedReader):
    """Kills itself at the given point."""

    point = ""
    wrote = False
    """Whether this turn has effects."""

    def crash_at(self, point: str) -> None:
        """End at once, if this is the point."""
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def _store(self, connection: Connection[Any], page: FeedPage, *, is_copy: bool) -> None:
        self.wrote = bool(page.events)
        if self.wrote:
            self.crash_at("after effects")
        super()._store(connection, page, is_copy=is_copy)
        if self.wrote:
            self.crash_at("before commit")

    def turn(self) -> Turn:
        """A turn, perhaps the last."""
        self.wrote = False
        turn = super().turn()
        if self.wrote:
            self.crash_at("after commit")
        return turn


def main(url: str, again: bool, points: Sequence[str]) -> None:
    """Die at each of the points, then read on."""
    if not again:
        read(url, "".join(points))
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


def read(url: str, point: str) -> NoReturn:
    """Read until SIGTERM or the point."""
    reader = CrashingReader(NAME, note, url, limit=200, poll=0.05)
    reader.point = point
    with stop_on_signals() as stop:
        reader.run(stop)
    os._exit(0)


if __name__ == "__main__":
    given = sys.argv[1:]
    is_again = given[:1] == ["again"]
    main(os.environ["SIGNOFF_DATABASE_URL"], is_again, given[1:] if is_again else given)
