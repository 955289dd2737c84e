"""The reader of the feed that keeps the customer facts.

A turn is one transaction. While the facts are rebuilt, it computes the next customers. Else it
reads a page of the feed, computes the customers of its events, and stores the position.

A rebuild first notes the feed's end as the reader's position, and then goes through all customers.
What is applied meanwhile follows that position, so its customers are computed once more.

Two processes with different settings would rebuild for ever, each what the other one did. So the
one that began later wins: the other one waits while the facts are kept by somebody else.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import feed
from signoff_db.connection import connect
from signoff_db.feed import FeedEvent
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.sql import statement
from signoff_insight.facts.refreshing import customers_of, note_reach, refresh
from signoff_insight.facts.state import DEFINITIONS, PACKAGE, State, state_of
from signoff_insight.report import InsightError

READER: Final = "insight"
_PAGE: Final = 2_000
"""Events that are read together."""
_CHUNK: Final = 10_000
"""Customers that a rebuild computes together."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is."""

    done: int
    customers: int


class KeptOtherwiseError(InsightError):
    """Another process keeps the facts, with other settings than this one."""


class FactsReader(FeedReader):
    """Keeps the facts, and rebuilds them where that is needed.

    That is: the first time, with another time zone, after partitions of the ledger were detached,
    and with a release that defines facts in another way.
    """

    def __init__(
        self, ledger_url: str, timezone: str, *, poll: float = 1.0, chunk: int = _CHUNK
    ) -> None:
        """`timezone` is the name of the time zone whose days count."""
        super().__init__(READER, self._keep, ledger_url, poll=poll, limit=_PAGE)
        self._timezone = timezone
        self._chunk = chunk
        self._has_fitted = False

    def turn(self) -> Turn:
        """Go on with a rebuild, or read a page of the feed; see `FeedReader.turn`.

        Raises:
            KeptOtherwiseError: another process took the facts over, and keeps them.
        """
        connection = self._ledger_connected()
        state = state_of(connection)
        if state is None or not state.fits(self._timezone):
            if state and self._has_fitted and state.is_kept:
                self._require_own(state)
            self.begin_rebuild()
            return Turn.READ
        self._has_fitted = True
        if state.rebuilt_at is None:
            return self._rebuild_next()
        return super().turn()

    def begin_rebuild(self) -> None:
        """Note that all facts are to be computed anew; the turns that follow do that."""
        connection = self._ledger_connected()
        with connection.transaction():
            self._store_end(connection)
            parameters = {"timezone": self._timezone, "definitions": DEFINITIONS}
            connection.execute(statement("facts/begin_rebuild", PACKAGE), parameters)

    def progress(self) -> Progress | None:
        """How far a rebuild is; None if none is under way."""
        state = state_of(self._ledger_connected())
        if state is None or state.rebuilt_at is not None:
            return None
        return Progress(state.customers_rebuilt, state.customers_to_rebuild)

    def _store_end(self, connection: Connection[TupleRow]) -> None:
        """Note the end of the feed as the position, before the rebuild reads the ledger."""
        parameters = {"name": self.name, "position": feed.end(connection), "is_copy": False}
        connection.execute(statement("store_feed_position"), parameters)

    def _rebuild_next(self) -> Turn:
        connection = self._ledger_connected()
        with connection.transaction():
            row = connection.execute(statement("lock_feed_reader"), {"name": self.name}).fetchone()
            if row is None:
                return Turn.ELSEWHERE
            # Another process may have begun a rebuild of its own before the row was locked.
            state = state_of(connection)
            if state and state.rebuilt_at is None and state.fits(self._timezone):
                self._rebuild_chunk(connection, state)
        return Turn.READ

    def _rebuild_chunk(self, connection: Connection[TupleRow], state: State) -> None:
        parameters: dict[str, object] = {"after": state.rebuilt_upto, "limit": self._chunk}
        rows = connection.execute(statement("facts/next_customers", PACKAGE), parameters)
        customers = [user_id for (user_id,) in rows]
        self._refresh_by_two(connection, customers)
        is_last = len(customers) < self._chunk
        if is_last:
            connection.execute(statement("facts/delete_unknown", PACKAGE))
        parameters = {
            "upto": None if is_last else customers[-1],
            "customers": len(customers),
        }
        connection.execute(statement("facts/note_rebuilt", PACKAGE), parameters)

    def _refresh_by_two(self, connection: Connection[TupleRow], customers: list[str]) -> None:
        """Compute the facts of customers, half of them on a second connection at the same time.

        If this process is killed in between, that half may be committed alone; it is computed
        again.
        """
        middle = len(customers) // 2
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(self._refresh_apart, customers[middle:])
            first = refresh(connection, customers[:middle], self._timezone)
            note_reach(connection, first, second.result())

    def _refresh_apart(self, customers: list[str]) -> datetime | None:
        application = f"signoff feed {self.name} (2)"
        with (
            connect(self._ledger_url, application=application) as connection,
            connection.transaction(),
        ):
            return refresh(connection, customers, self._timezone)

    def _require_own(self, state: State) -> None:
        if not state.has_settings(self._timezone):
            raise KeptOtherwiseError(
                f"another process keeps the customer facts, for the time zone {state.timezone} "
                f"(definitions {state.definitions}); this one has {self._timezone} "
                f"(definitions {DEFINITIONS}); set SIGNOFF_TIMEZONE alike everywhere, run the "
                "same release, and start again the processes that were wrong"
            )

    def _keep(self, connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> None:
        # The row is locked now: nobody begins a rebuild before these are committed.
        if state := state_of(connection):
            self._require_own(state)
        customers = customers_of(connection, events)
        note_reach(connection, refresh(connection, customers, self._timezone))
