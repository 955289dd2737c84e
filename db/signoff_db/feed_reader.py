"""A reader of the feed that has each of its effects exactly once.

    def count(connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> None:
        connection.execute("UPDATE counter SET events = events + %s", [len(events)])

    FeedReader("counter", count, database_url).run(stop)

A turn is one transaction in the database of the effects:

1. lock the reader's row in `feed_readers`; another instance that works now has it: then wait;
2. read the page that follows the row's position;
3. give the events to the reader's function, which writes its effects on the same connection;
4. store the position; commit.

A reader that is killed has committed all of that or nothing. If the function fails, the same events
are tried again with backoff: none is skipped. Why it fails stands in the row.

The effects may be in another database than the ledger. Then that one has the row, and the ledger's
database a copy, for `signoff status` and `signoff doctor`.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from threading import Event
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError, connect
from signoff_db.error_text import reason_of
from signoff_db.feed import FeedEvent, FeedPage, read
from signoff_db.sql import statement
from signoff_schemas import SignoffError
from signoff_schemas.backoff import StoppedError, retry_outages
from signoff_schemas.wording import printable

log = logging.getLogger("signoff.feed")

Handle = Callable[[Connection[TupleRow], Sequence[FeedEvent]], None]
"""What a reader does with some events, on a connection inside of its transaction."""
_IDLE_TIMEOUT: Final = "SET idle_in_transaction_session_timeout = '60s'"
"""A reader that hangs, or whose host is gone, must not lock out the other instances for long."""
_LONGEST_FAILURE: Final = 500
"""Characters that are kept of why a reader failed."""


class Turn(Enum):
    """How a turn ended."""

    READ = auto()
    """Events may follow at once."""
    CAUGHT_UP = auto()
    """There were no more."""
    WAITING = auto()
    """It can do nothing yet: another instance works, or transactions have to end first."""


class FeedReader:
    """One instance of a named reader; any number of them may run, of which one works."""

    def __init__(
        self,
        name: str,
        handle: Handle,
        ledger_url: str,
        *,
        effects: Callable[[], Connection[TupleRow]] | None = None,
        limit: int = 1000,
        poll: float = 1.0,
        start: str | None = None,
        contents: bool = True,
    ) -> None:
        """Takes what makes it this reader.

        Args:
            name: the key of its row; all its instances have the same.
            handle: writes the effects of some events. It must not commit, and must not do anything
                else for longer than a minute between two statements.
            ledger_url: the database of the ledger.
            effects: opens a connection, in autocommit mode, to a database that has a table
                `feed_readers` on its search_path; None for the database of the ledger.
            limit: events of a turn at the most.
            poll: seconds between looks when there were no more events.
            start: where it begins the first time it runs; None for the first event of all.
            contents: False if it needs the ids of events alone.
        """
        self.name = name
        self._handle = handle
        self._ledger_url = ledger_url
        self._open_effects = effects
        self._limit = limit
        self._poll = poll
        self._start = start
        self._contents = contents
        self._ledger: Connection[TupleRow] | None = None
        self._effects: Connection[TupleRow] | None = None

    def run(self, stop: Event) -> None:
        """Read until stopped; a turn that has begun is finished first."""
        try:
            while not stop.is_set():
                turn = retry_outages(
                    self.turn,
                    outages=lambda _: True,
                    on_outage=self._note_failure,
                    on_recovery=lambda: log.info("reader %s goes on", self.name),
                    wait=stop.wait,
                )
                if turn is not Turn.READ:
                    stop.wait(self._poll)
        except StoppedError:
            return
        finally:
            self.close()

    def turn(self) -> Turn:
        """Read a page and commit its effects.

        Raises:
            Exception: whatever the function or a server raised; nothing was committed.
        """
        effects = self._connected()
        with effects.transaction():
            row = effects.execute(statement("lock_feed_reader"), {"name": self.name}).fetchone()
            if row is None:
                self._register(effects, is_copy=False)
                if self._open_effects is not None:
                    self._register(self._ledger_connected(), is_copy=True)
                return Turn.WAITING
            position, is_due = row
            page = read(
                self._ledger_connected(),
                position,
                limit=self._limit,
                # A position in the ledger's own database was restored together with it.
                accept_restore=self._open_effects is None,
                contents=self._contents,
            )
            if page.events:
                self._handle(effects, page.events)
            changed = bool(page.events) or not page.caught_up or is_due
            if changed:
                self._store(effects, page, is_copy=False)
        if changed and self._open_effects is not None:
            self._store(self._ledger_connected(), page, is_copy=True)
        return Turn.CAUGHT_UP if page.caught_up else Turn.READ

    def close(self) -> None:
        """Close the connections; the next turn opens them again."""
        for connection in (self._effects, self._ledger):
            if connection is not None:
                connection.close()
        self._effects = self._ledger = None

    def _connected(self) -> Connection[TupleRow]:
        if self._open_effects is None:
            return self._ledger_connected()
        if self._effects is None:
            self._effects = self._open_effects()
            self._effects.execute(_IDLE_TIMEOUT)
        return self._effects

    def _ledger_connected(self) -> Connection[TupleRow]:
        if self._ledger is None:
            self._ledger = connect(self._ledger_url, application=f"signoff feed {self.name}")
            self._ledger.execute(_IDLE_TIMEOUT)
        return self._ledger

    def _register(self, connection: Connection[TupleRow], *, is_copy: bool) -> None:
        parameters = {"name": self.name, "position": self._start, "is_copy": is_copy}
        connection.execute(statement("register_feed_reader"), parameters)

    def _store(self, connection: Connection[TupleRow], page: FeedPage, *, is_copy: bool) -> None:
        parameters = {"name": self.name, "position": page.position, "is_copy": is_copy}
        connection.execute(statement("store_feed_position"), parameters)

    def _note_failure(self, error: Exception, delay: float) -> None:
        """Log why it cannot go on, and write it down where that is possible."""
        expected = isinstance(error, SignoffError | psycopg.OperationalError)
        reason = _reason(error)
        log.error(
            "reader %s cannot go on, and tries again in %.1f s: %s",
            self.name, delay, reason, exc_info=None if expected else error,
        )  # fmt: skip
        self.close()
        if isinstance(error, DatabaseUnavailableError):
            return
        self._write_down(reason, self._ledger_connected)
        if self._open_effects is not None:
            self._write_down(reason, self._connected)

    def _write_down(self, failure: str, connected: Callable[[], Connection[TupleRow]]) -> None:
        with suppress(Exception):  # it is logged, and the next turn fails for the same reason
            parameters = {"name": self.name, "failure": failure}
            connected().execute(statement("note_feed_failure"), parameters)


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.Error):
        text = reason_of(error)
    elif isinstance(error, SignoffError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    return printable(text, limit=_LONGEST_FAILURE)
