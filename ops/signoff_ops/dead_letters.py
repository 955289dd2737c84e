"""Read dead letters: lists, counts, a single letter, and exports.

Lists are pages with opaque cursors; what is read of a letter is bounded, however large it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import dead_letters
from signoff_db.dead_letters import DeadLetter, FullLetter
from signoff_db.letter_lines import line_pieces
from signoff_db.letter_search import (
    Counted,
    CutOffError,
    Listing,
    at_most,
    count_letters,
    find_letters,
)
from signoff_db.operator_actions import OperatorAction, actions_of
from signoff_db.pages import Page, follow
from signoff_db.preview import Preview, preview
from signoff_db.reading import snapshot
from signoff_db.selection import Selection
from signoff_ops.servers import Servers
from signoff_schemas import DeadLetterState

_PAGE: Final = 1000
_COUNT_SECONDS: Final = 0.1
"""How long a page waits for a number of letters."""
_FIND_SECONDS: Final = 2.0
"""How long a statement that finds letters may take."""
_SEARCH_SECONDS: Final = 0.15
"""How long a page looks for a text."""
_PREVIEW_SECONDS: Final = 0.3
"""How long a page may look at letters before they are acted on."""


@dataclass(frozen=True, slots=True)
class LetterHistory:
    """A dead letter, and the operators' actions on it."""

    full: FullLetter
    actions: tuple[OperatorAction, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The letters that an operator confirms and then acts on; later ones are not included."""

    ids: tuple[int, ...]
    """The letters that are dead, the oldest first."""
    absent: tuple[tuple[int, DeadLetterState | None], ...] = ()
    """The state of letters that were named and are not dead; None if there is no such letter."""


def page_of_letters(
    servers: Servers, selection: Selection, *, limit: int = 50, cursor: str | None = None
) -> Page[DeadLetter]:
    """A page of dead letters, the newest first.

    Raises:
        CursorError: the cursor is not one of this list.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return dead_letters.list_letters(connection, selection, limit=limit, cursor=cursor)


def find(
    servers: Servers,
    selection: Selection,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Listing:
    """A page of dead letters, the newest first, in bounded time; it says what was looked at.

    Raises:
        CursorError: the cursor is not one of this list.
        CutOffError: it took too long, and nothing is known.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return find_letters(
            connection,
            selection,
            limit=limit,
            cursor=cursor,
            seconds=_FIND_SECONDS,
            search_seconds=_SEARCH_SECONDS,
        )


def number_of(servers: Servers, selection: Selection) -> Counted | None:
    """The number of selected letters, up to 10,000; None if counting took too long.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return count_letters(connection, selection, seconds=_COUNT_SECONDS)


def preview_of(
    servers: Servers, selection: Selection, *, limit: int | None = None
) -> Preview | None:
    """What an operator is about to act on; None if there is nothing, or it took too long.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with (
        servers.database() as connection,
        suppress(CutOffError),
        at_most(connection, _PREVIEW_SECONDS),
    ):
        return preview(connection, selection, limit=limit)
    return None


def all_letters(servers: Servers, selection: Selection) -> Iterator[Sequence[DeadLetter]]:
    """All of them, the newest first, in one snapshot; a page at a time is read.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, snapshot(connection):
        for page in _pages(connection, selection):
            yield page.items


def letter_history(servers: Servers, letter_id: int) -> LetterHistory | None:
    """One dead letter, in any state; None if there is none.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, snapshot(connection):
        full = dead_letters.get_letter(connection, letter_id)
        if full is None:
            return None
        return LetterHistory(full, tuple(actions_of(connection, letter_id)))


def choose(servers: Servers, selection: Selection, *, limit: int | None = None) -> Choice:
    """Choose letters, the oldest `limit` of the selection, before an operator confirms the action.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, snapshot(connection):
        ids = dead_letters.choose(connection, selection, limit=limit)
        return Choice(tuple(ids), tuple(_absent(connection, selection.ids)))


def _absent(
    connection: Connection[TupleRow], named: tuple[int, ...]
) -> Iterator[tuple[int, DeadLetterState | None]]:
    if not named:
        return
    everywhere = Selection(ids=named, states=tuple(DeadLetterState))
    found = dead_letters.list_letters(connection, everywhere, limit=len(named)).items
    states = {letter.id: letter.state for letter in found}
    for letter_id in named:
        state = states.get(letter_id)
        if state is not DeadLetterState.DEAD:
            yield letter_id, state


def export(servers: Servers, selection: Selection, write: Callable[[str], object]) -> int:
    """Write letters as lines of JSON, the newest first, in one snapshot; returns how many.

    `write` gets the text in pieces of at most a few megabytes.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    written = 0
    with servers.database() as connection, snapshot(connection):
        for page in _pages(connection, selection):
            ids = [letter.id for letter in page.items]
            for full in dead_letters.read_letters(connection, ids):
                for piece in line_pieces(connection, full):
                    write(piece)
                written += 1
    return written


def payload_of(servers: Servers, letter: DeadLetter) -> Iterator[bytes]:
    """What a letter holds of its payload, in pieces of some megabytes.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    return dead_letters.payload_parts(servers.database, letter)


def _pages(connection: Connection[TupleRow], selection: Selection) -> Iterator[Page[DeadLetter]]:
    return follow(
        lambda cursor: dead_letters.list_letters(connection, selection, limit=_PAGE, cursor=cursor)
    )
