"""The reader that keeps contexts, which kills itself with signal 9 at a point of a turn.

Run as `python -m crashing_rapport [POINT]`, it dies at that point, or keeps contexts until SIGTERM.
With `again POINT …` it takes the points one after the other, each in a process of its own; then it
keeps contexts until SIGTERM. A turn that has nothing to write has no points.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_cli.stopping import stop_on_signals
from signoff_db.feed import FeedEvent, FeedPage
from signoff_insight.rapport.reader import RapportReader
from signoff_schemas import Settings

POINTS: Final = ("after contexts", "before commit", "after commit", "after the copy", "at the end")
"""Those of a turn that reads, in order."""
REBUILD: Final = "in a rebuild"
"""When a part of a rebuild was computed, before it is committed."""


class CrashingRapport(RapportReader):
    """Kills itself at the given point."""

    point = ""

    def crash_at(self, point: str) -> None:
        """End at once, if this is the point."""
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def _keep(self, rapport: Connection[TupleRow], events: Sequence[FeedEvent]) -> None:
        super()._keep(rapport, events)
        if events or self._changed:
            self.crash_at("after contexts")

    def _store(self, connection: Connection[TupleRow], page: FeedPage, *, is_copy: bool) -> None:
        super()._store(connection, page, is_copy=is_copy)
        if is_copy:
            self.crash_at("after the copy")
        else:
            self.crash_at("before commit" if page.events or page.caught_up else REBUILD)

    def _note(self, ledger: Connection[TupleRow], done: Any) -> None:
        if done.page:
            self.crash_at("after commit")
        super()._note(ledger, done)
        if done.page:
            self.crash_at("at the end")


def main(again: bool, points: Sequence[str]) -> None:
    """Die at each of the points, then keep the contexts."""
    if not again:
        keep("".join(points))
    for point in points:
        child = os.fork()
        if child == 0:
            keep(point)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"it did not die {point}: {status}")
        sys.stdout.write("died\n")
        sys.stdout.flush()
    keep("")


def keep(point: str) -> NoReturn:
    """Keep contexts until SIGTERM or the point."""
    settings = Settings.load()
    reader = CrashingRapport(
        settings.require("database_url"), settings.rapport, poll=0.05, page=50, chunk=50
    )
    reader.point = point
    with stop_on_signals() as stop:
        reader.run(stop)
    os._exit(0)


if __name__ == "__main__":
    given = sys.argv[1:]
    is_again = given[:1] == ["again"]
    main(is_again, given[1:] if is_again else given)
