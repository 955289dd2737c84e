"""Readers of the feed that kill themselves with signal 9 at a named point of a turn.

A turn that read events has these points: `after effects`, `before commit`, `after commit`.
"""

import os
import signal
from typing import Any, NoReturn

from psycopg import Connection

from signoff_cli.stopping import stop_on_signals
from signoff_db.feed import FeedPage
from signoff_db.feed_reader import FeedReader, Turn


class Mortal(FeedReader):
    """Kills itself at the given point: to be put before the reader's class."""

    point = ""
    wrote = False
    """Whether this turn has effects."""

    def crash_at(self, point: str) -> None:
        """End at once, if this is the point."""
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def turn(self) -> Turn:
        """A turn, perhaps the last."""
        self.wrote = False
        turn = super().turn()
        if self.wrote:
            self.crash_at("after commit")
        return turn

    def _store(self, connection: Connection[Any], page: FeedPage, *, is_copy: bool) -> None:
        self.wrote = bool(page.events)
        if self.wrote:
            self.crash_at("after effects")
        super()._store(connection, page, is_copy=is_copy)
        if self.wrote:
            self.crash_at("before commit")


def read(reader: Mortal, point: str) -> NoReturn:
    """Read until SIGTERM or the point."""
    reader.point = point
    with stop_on_signals() as stop:
        reader.run(stop)
    os._exit(0)
