"""Look for dead letters in bounded time: lists with a text, and counts.

A text may be anywhere in a message or payload, so no index finds it. Letters are looked at in
parts, the newest first, until a page is full or the time is over; what was not looked at is told.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.dead_letters import LIST, DeadLetter, list_letters
from signoff_db.pages import Page, cursor_at, key_of, page_of, row_id
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import DeadLetterState, SignoffError

_WINDOW: Final = 4000
"""Letters that are looked at with one statement …"""
_BUDGET: Final = 8 * 1024 * 1024
"""… and the bytes of their payloads; a statement takes some hundredths of a second."""
MOST_COUNTED: Final = 10_000


class CutOffError(SignoffError):
    """A statement was cut off, since it took too long."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the letters that were found."""

    letters: tuple[DeadLetter, ...]
    next: str | None
    """The cursor with which the list goes on, or the search; None if there is nothing more."""
    looked_at: int | None = None
    """The number of letters in which the text was looked for; None without a text."""
    complete: bool = True
    """Whether this page is as full as it can be. If not, the time was over, and letters that were
    not looked at may match too; `next` goes on with them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of letters, counted as far as `MOST_COUNTED`."""

    number: int
    capped: bool
    """Whether there are more."""


@dataclass(slots=True)
class _Search:
    """The state of a search: what was found, and how far down it has looked."""

    before_id: int | None
    found: list[int]
    looked_at: int = 0
    more: bool = True


@contextmanager
def at_most(connection: Connection[TupleRow], seconds: float) -> Iterator[None]:
    """A transaction of its own, whose statements may take so long each.

    Raises:
        CutOffError: one took longer.
    """
    try:
        with connection.transaction():
            connection.execute(
                "SELECT set_config('statement_timeout', %s, true)", [f"{round(seconds * 1000)}ms"]
            )
            yield
    except psycopg.errors.QueryCanceled as error:
        raise CutOffError(
            f"looking through the dead letters took longer than {seconds:g} s and was cut off; "
            "choose fewer: one cause, kind, customer or interaction, or a shorter time"
        ) from error


def find_letters(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    limit: int,
    cursor: str | None,
    seconds: float,
    search_seconds: float,
) -> Listing:
    """A page of dead letters, the newest first, in bounded time.

    Args:
        connection: outside of a transaction.
        selection: which letters.
        limit: the most letters.
        cursor: the `next` of the page before.
        seconds: how long a statement may take.
        search_seconds: when a search for a text ends, after the statement that is under way.

    Raises:
        CursorError: the cursor is not one of this list.
        CutOffError: it took too long; nothing is known.
    """
    with at_most(connection, seconds):
        if selection.text is None:
            page = list_letters(connection, selection, limit=limit, cursor=cursor)
            return Listing(page.items, page.next)
        search = _Search(key_of(cursor, LIST, row_id), [])
        _look(
            connection, selection, search, wanted=limit + 1, end=time.monotonic() + search_seconds
        )
        return _listing(connection, search, limit)


def count_letters(
    connection: Connection[TupleRow], selection: Selection, *, seconds: float
) -> Counted | None:
    """The number of selected letters; None if counting them took too long."""
    parameters = selection.parameters | {"most": MOST_COUNTED + 1}
    try:
        with at_most(connection, seconds):
            row = connection.execute(statement("count_dead_letters"), parameters).fetchone()
    except CutOffError:
        return None
    number = row[0] if row else 0
    return Counted(min(number, MOST_COUNTED), number > MOST_COUNTED)


def _look(
    connection: Connection[TupleRow],
    selection: Selection,
    search: _Search,
    *,
    wanted: int,
    end: float,
) -> None:
    """Look for the text until enough letters are found, all were looked at, or the time is over."""
    while search.more and len(search.found) < wanted:
        parameters = selection.parameters | {
            "before_id": search.before_id,
            "window": _WINDOW,
            "budget": _BUDGET,
        }
        row = connection.execute(statement("search_dead_letters"), parameters).fetchone()
        if row is None:
            raise AssertionError
        looked_at, last_id, search.more, ids = row
        search.looked_at += looked_at
        search.before_id = search.before_id if last_id is None else last_id
        search.found += ids
        if time.monotonic() > end:
            return


def _listing(connection: Connection[TupleRow], search: _Search, limit: int) -> Listing:
    ids = search.found[: limit + 1]
    everywhere = Selection(ids=tuple(ids), states=tuple(DeadLetterState))
    letters = list_letters(connection, everywhere, limit=limit + 1).items if ids else ()
    page: Page[DeadLetter] = page_of(letters, limit, LIST, lambda letter: letter.id)
    if page.next is not None or not search.more:
        return Listing(page.items, page.next, search.looked_at)
    onwards = cursor_at(LIST, search.before_id)
    return Listing(page.items, onwards, search.looked_at, complete=False)
