"""The reader of the feed that keeps the contexts of customers in the second database.

A turn is one transaction there:

1. lock the reader's row; another instance that works now has it: then wait;
2. read the page of the feed that follows the row's position, and the customers that changed without
   an event (touched/tracking.py);
3. compute the contexts of these customers in the ledger's database, and write them;
4. store the position; commit.

Afterwards it tells the ledger's database how far it is, and which customers need not be noted any
more. If it is killed before, the same customers are computed again, which changes nothing.

While the contexts are rebuilt, a turn does a part of that instead (rebuild.py).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_db.feed import FeedEvent, FeedPage, read
from signoff_db.feed_position import InvalidPositionError
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.feed_state import FeedRestoredError
from signoff_db.sql import statement
from signoff_insight.progress import Progress
from signoff_insight.rapport import rebuild
from signoff_insight.rapport.computing import BY_INDEX, computed, write
from signoff_insight.rapport.create import require_created
from signoff_insight.rapport.rebuild import Heard
from signoff_insight.rapport.state import PACKAGE, READER, State, state_of
from signoff_insight.touched.tracking import Tracking, set_tracking

log = logging.getLogger("signoff.rapport")

_PAGE: Final = 500
"""Events that are read together, and customers that changed without one."""
_CHUNK: Final = 500
"""Customers that a rebuild computes together."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What a turn did; it is noted in the ledger's database once it is committed."""

    turn: Turn
    page: FeedPage | None = None
    """With the position that was stored."""
    touched: Sequence[int] = ()
    """The rows of `touched_customers` whose customers were computed."""
    has_begun: bool = False
    """Whether a rebuild begins, which covers all that was not noted before."""


class RapportReader(FeedReader):
    """Keeps the contexts, and rebuilds them where that is needed: `rebuild.reason_to_rebuild`."""

    def __init__(
        self,
        ledger_url: str,
        rapport_url: str,
        *,
        poll: float = 1.0,
        page: int = _PAGE,
        chunk: int = _CHUNK,
    ) -> None:
        """Takes both databases.

        Args:
            ledger_url: the database of the ledger.
            rapport_url: the database of the contexts, with its schema (`Settings.rapport`).
            poll: seconds between looks when there was nothing new.
            page: events of a turn at the most, and customers that changed without one.
            chunk: customers that a rebuild computes in a turn.
        """
        super().__init__(
            READER,
            self._keep,
            ledger_url,
            effects=lambda: connect(rapport_url, application=f"signoff feed {READER}"),
            limit=page,
            poll=poll,
        )
        self._chunk = chunk
        self._changed: Sequence[str] = ()
        """The customers that changed without an event, for this turn."""

    def turn(self) -> Turn:
        """Read a page and commit its contexts, or go on with a rebuild; see `FeedReader.turn`.

        Raises:
            FeedRestoredError: the ledger is not the one that the contexts were computed from.
            KeptByNewerError: a newer release keeps the contexts.
            NotCreatedError: the second database has no tables for them.
        """
        rapport = self._connected()
        with rapport.transaction():
            done = self._work(rapport, self._ledger_connected())
        self._note(self._ledger_connected(), done)
        return done.turn

    def begin_rebuild(self) -> None:
        """Note that all contexts are to be computed anew; the turns that follow do that.

        Raises:
            NotCreatedError: the second database has no tables for them.
        """
        rapport, ledger = self._connected(), self._ledger_connected()
        with rapport.transaction():
            self._register(rapport, is_copy=False)
            # Waits for another instance to end its turn.
            rapport.execute(statement("rapport/wait_for_reader", PACKAGE), {"name": self.name})
            heard = rebuild.hear(ledger, most=0)
            done = self._begin(rapport, ledger, state_of(rapport), heard)
        self._note(ledger, done)

    def progress(self) -> Progress | None:
        """How far a rebuild is; None if none is under way."""
        state = state_of(self._connected())
        if state is None or state.step is None:
            return None
        return Progress(state.customers_rebuilt, state.customers_to_rebuild)

    def _connected(self) -> Connection[TupleRow]:
        is_new = self._effects is None
        rapport = super()._connected()
        if is_new:
            require_created(rapport)
        return rapport

    def _ledger_connected(self) -> Connection[TupleRow]:
        is_new = self._ledger is None
        ledger = super()._ledger_connected()
        if is_new:
            ledger.execute(BY_INDEX)
        return ledger

    def _work(self, rapport: Connection[TupleRow], ledger: Connection[TupleRow]) -> _Done:
        row = rapport.execute(statement("lock_feed_reader"), {"name": self.name}).fetchone()
        if row is None:
            self._register(rapport, is_copy=False)
            return _Done(Turn.WAITING)
        position, is_due = row
        state, heard = state_of(rapport), rebuild.hear(ledger, most=self._limit)
        reason = rebuild.reason_to_rebuild(state, position, heard)
        if state is None or reason is not None:
            log.info("all contexts are computed anew: %s", reason)
            return self._begin(rapport, ledger, state, heard)
        if state.step is not None:
            return self._rebuild(rapport, ledger, state, position)
        return self._read(rapport, ledger, state, heard, position, is_due=is_due)

    def _begin(
        self,
        rapport: Connection[TupleRow],
        ledger: Connection[TupleRow],
        state: State | None,
        heard: Heard,
    ) -> _Done:
        self._register(ledger, is_copy=True)
        rebuild.begin(rapport, ledger, state, heard)
        return _Done(Turn.READ, touched=heard.all_changed, has_begun=True)

    def _rebuild(
        self,
        rapport: Connection[TupleRow],
        ledger: Connection[TupleRow],
        state: State,
        position: str | None,
    ) -> _Done:
        if rebuild.has_to_wait(ledger, state):
            return _Done(Turn.WAITING)
        now = rebuild.go_on(rapport, ledger, state, chunk=self._chunk) or position or ""
        page = FeedPage((), now, caught_up=False)
        self._store(rapport, page, is_copy=False)
        return _Done(Turn.READ, page)

    def _read(
        self,
        rapport: Connection[TupleRow],
        ledger: Connection[TupleRow],
        state: State,
        heard: Heard,
        position: str | None,
        *,
        is_due: bool,
    ) -> _Done:
        page = self._page(ledger, position)
        self._changed = heard.customers
        # There may be more rows than were read.
        caught_up = page.caught_up and len(heard.ids) < self._limit
        turn = Turn.CAUGHT_UP if caught_up else Turn.READ
        if not (
            page.events or heard.ids or is_due or caught_up != state.caught_up or not caught_up
        ):
            return _Done(turn)
        with rapport.pipeline():
            self._handle(rapport, page.events)
            self._store(rapport, page, is_copy=False)
            parameters = {"caught_up": caught_up, "touched_upto": max(heard.ids, default=0)}
            rapport.execute(statement("rapport/note_read", PACKAGE), parameters)
        return _Done(turn, page, heard.ids)

    def _page(self, ledger: Connection[TupleRow], position: str | None) -> FeedPage:
        try:
            return read(ledger, position, limit=self._limit, contents=False)
        except (FeedRestoredError, InvalidPositionError) as error:
            raise FeedRestoredError(
                f"the contexts cannot be kept from this ledger: {error}. `signoff rapport rebuild "
                "--yes` computes all of them anew"
            ) from error

    def _keep(self, rapport: Connection[TupleRow], events: Sequence[FeedEvent]) -> None:
        """Compute and write the contexts of this turn."""
        if not events and not self._changed:
            return
        applied = [event.event_id for event in events]
        for part in computed(self._ledger_connected(), self._changed, applied):
            write(rapport, part)

    def _note(self, ledger: Connection[TupleRow], done: _Done) -> None:
        """Note in the ledger's database what was done, once all is committed."""
        if done.has_begun:
            set_tracking(ledger, self.name, Tracking.COMPLETE)
        if done.page is not None:
            self._store(ledger, done.page, is_copy=True)
        if done.touched:
            parameters = {"name": self.name, "ids": list(done.touched)}
            ledger.execute(statement("rapport/forget_touched", PACKAGE), parameters)
