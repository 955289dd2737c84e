"""A reader of the feed that notes each event, and kills itself with signal 9.

Run as `python -m crashing_reader [POINT]`, it dies at that point of a turn, or reads until SIGTERM.
With `again POINT …` it takes the points one after the other, each in a process of its own; then it
reads until SIGTERM.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from mortal import Mortal, read
from psycopg import Connection

from signoff_db.feed import FeedEvent

NAME = "mortal"


def note(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
    """The effect: one row for each event."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO noted VALUES (%s)", [[e.event_id] for e in events])


def main(url: str, again: bool, points: Sequence[str]) -> None:
    """Die at each of the points, then read on."""
    if not again:
        run(url, "".join(points))
    for point in points:
        child = os.fork()
        if child == 0:
            run(url, point)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"it did not die {point}: {status}")
        sys.stdout.write("died\n")
        sys.stdout.flush()
    run(url, "")


def run(url: str, point: str) -> NoReturn:
    """Read until SIGTERM or the point."""
    read(Mortal(NAME, note, url, limit=200, poll=0.05), point)


if __name__ == "__main__":
    given = sys.argv[1:]
    is_again = given[:1] == ["again"]
    main(os.environ["SIGNOFF_DATABASE_URL"], is_again, given[1:] if is_again else given)
