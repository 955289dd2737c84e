"""The reader of the feed that keeps the customer facts.

A turn is one transaction. While the facts are rebuilt, it computes the next customers. Else it
reads a page of the feed, adds its events to the facts of their customers, and stores the position;
customers that changed without an event follow in one more transaction (touched/tracking.py).

A rebuild first notes the feed's end as the reader's position, and then goes through all customers.
What is applied meanwhile follows that position, so its customers are computed once more.

Two processes with different settings would rebuild for ever, each what the other one did. So the
one that began later wins: the other one waits while the facts are kept by somebody else.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import wait
from typing import TYPE_CHECKING, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import feed
from signoff_db.feed import FeedEvent
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.sql import statement
from signoff_insight.facts.refreshing import keep, note_reach, refresh, refresh_between
from signoff_insight.facts.second_process import SecondProcess
from signoff_insight.facts.state import DEFINITIONS, PACKAGE, State, state_of
from signoff_insight.progress import Progress
from signoff_insight.report import InsightError
from signoff_insight.touched.tracking import Tracking, are_writing, set_tracking, writers
from signoff_schemas.wording import count

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger("signoff.insight")

READER: Final = "insight"
_PAGE: Final = 2_000
"""Events that are read together."""
_CHUNK: Final = 50_000
"""Customers that the first turn of a rebuild computes."""
_CHUNK_SECONDS: Final = 15
"""Turns that take less time are followed by larger ones: each may read all of the ledger."""
_PING_SECONDS: Final = 20
_TOGETHER: Final = 2_000
"""Customers from which on a second process is worth its start."""


class KeptOtherwiseError(InsightError):
    """Another process keeps the facts, with other settings than this one."""


class FactsReader(FeedReader):
    """Keeps the facts, and rebuilds them where that is needed.

    That is: the first time, with another time zone, after partitions of the ledger were detached,
    and with a release that defines facts in another way.
    """

    def __init__(
        self,
        ledger_url: str,
        timezone: str,
        *,
        poll: float = 1.0,
        chunk: int = _CHUNK,
        together: int = _TOGETHER,
    ) -> None:
        """Takes what decides how it computes.

        Args:
            ledger_url: the database of the ledger, and of the facts.
            timezone: the name of the time zone whose days count.
            poll: seconds between looks when there were no more events.
            chunk: customers that the first turn of a rebuild computes.
            together: customers from which on two processes compute them.
        """
        super().__init__(READER, self._keep, ledger_url, poll=poll, limit=_PAGE, contents=False)
        self._timezone = timezone
        self._first_chunk = self._chunk = chunk
        self._together = together
        self._second: SecondProcess | None = None
        self._has_fitted = False
        self._waits_for: Sequence[str] | None = None

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
            if self._has_to_wait(connection, state):
                return Turn.WAITING
            self.begin_rebuild()
            return Turn.READ
        self._has_fitted = True
        if state.rebuilt_at is None:
            return self._rebuild_next()
        turn = super().turn()
        return Turn.READ if self._refresh_touched() else turn

    def close(self) -> None:
        """See `FeedReader.close`; the second process of a rebuild ends too."""
        self._end_second()
        super().close()

    def begin_rebuild(self) -> None:
        """Note that all facts are to be computed anew; the turns that follow do that."""
        connection = self._ledger_connected()
        self._chunk = self._first_chunk
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

    def _has_to_wait(self, connection: Connection[TupleRow], state: State | None) -> bool:
        """Whether transactions have not ended whose changes were not noted."""
        if state is not None and state.tracking == Tracking.COMPLETE:
            return False
        if self._waits_for is None:
            set_tracking(connection, self.name, Tracking.FROM_NOW_ON)
            self._waits_for = writers(connection)
            if self._waits_for:
                log.info(
                    "the facts are built when what writes now has ended: %s",
                    count(len(self._waits_for), "transaction"),
                )
        if are_writing(connection, self._waits_for):
            return True
        set_tracking(connection, self.name, Tracking.COMPLETE)
        self._waits_for = None
        return False

    def _store_end(self, connection: Connection[TupleRow]) -> None:
        """Note the end of the feed as the position, before the rebuild reads the ledger."""
        parameters = {"name": self.name, "position": feed.end(connection), "is_copy": False}
        connection.execute(statement("store_feed_position"), parameters)

    def _rebuild_next(self) -> Turn:
        connection = self._ledger_connected()
        with connection.transaction():
            row = connection.execute(statement("lock_feed_reader"), {"name": self.name}).fetchone()
            if row is None:
                return Turn.WAITING
            # Another process may have begun a rebuild of its own before the row was locked.
            state = state_of(connection)
            if state and state.rebuilt_at is None and state.fits(self._timezone):
                self._rebuild_chunk(connection, state)
        return Turn.READ

    def _rebuild_chunk(self, connection: Connection[TupleRow], state: State) -> None:
        began = time.monotonic()
        parameters: dict[str, object] = {"after": state.rebuilt_upto, "limit": self._chunk}
        rows = connection.execute(statement("facts/next_customers", PACKAGE), parameters)
        customers = [user_id for (user_id,) in rows]
        if customers:
            self._refresh_by_two(connection, state.rebuilt_upto or "", customers)
        is_last = len(customers) < self._chunk
        if is_last:
            self._end_second()
            connection.execute(statement("facts/delete_unknown", PACKAGE))
        parameters = {
            "upto": None if is_last else customers[-1],
            "customers": len(customers),
        }
        connection.execute(statement("facts/note_rebuilt", PACKAGE), parameters)
        if time.monotonic() - began < _CHUNK_SECONDS:
            self._chunk *= 2

    def _refresh_by_two(
        self, connection: Connection[TupleRow], after: str, customers: Sequence[str]
    ) -> None:
        """Compute the facts of customers; of many, a second process computes half.

        If this process is killed in between, that half may be committed alone; it is computed
        again.
        """
        upto = customers[-1]
        if len(customers) < self._together:
            note_reach(connection, refresh_between(connection, after, upto, self._timezone))
            return
        middle = customers[len(customers) // 2]
        second = self._refresh_apart(middle, upto)
        first = refresh_between(connection, after, middle, self._timezone)
        while wait([second], timeout=_PING_SECONDS).not_done:
            connection.execute("SELECT 1")  # else the server ends a session that does nothing
        note_reach(connection, first, second.result())

    def _refresh_apart(self, after: str, upto: str) -> "Future[str | None]":
        if self._second is None:
            self._second = SecondProcess(self._ledger_url, self._timezone)
        return self._second.refresh_between(after, upto)

    def _end_second(self) -> None:
        if self._second is not None:
            self._second.close()
            self._second = None

    def _refresh_touched(self) -> bool:
        """Compute customers that changed without an event; returns whether there were any."""
        connection = self._ledger_connected()
        parameters: dict[str, object] = {"reader": self.name, "limit": _PAGE}
        with connection.transaction():
            rows = connection.execute(statement("facts/touched", PACKAGE), parameters).fetchall()
            # Another instance that works now may be at them; or somebody begins a rebuild.
            if not rows or not self._may_write(connection):
                return False
            customers = dict.fromkeys(user_id for _, user_id in rows)
            if None in customers:
                self.begin_rebuild()
                return True
            note_reach(connection, refresh(connection, [*customers], self._timezone))
            parameters = {"reader": self.name, "ids": [number for number, _ in rows]}
            connection.execute(statement("facts/forget_touched", PACKAGE), parameters)
        return True

    def _may_write(self, connection: Connection[TupleRow]) -> bool:
        row = connection.execute(statement("lock_feed_reader"), {"name": self.name}).fetchone()
        state = state_of(connection) if row else None
        return state is not None and state.has_settings(self._timezone)

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
        keep(connection, events, self._timezone)
