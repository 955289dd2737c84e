"""Pages of what operators did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.sql import statement

MOST_LETTERS: Final = 20
"""Letters of an action that are named; the others are counted."""
MOST_CHARACTERS: Final = 4000
"""Characters of what an action notes before and after."""
_LIST: Final = "actions"


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions; None lets all through."""

    actor: str | None = None
    action: str | None = None
    letter: int | None = None
    """One that it was about."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this time."""


@dataclass(frozen=True, slots=True)
class NotedAction:
    """Something that an operator did."""

    id: int
    actor: str
    acted_at: datetime
    action: str
    reason: str | None
    operation_id: int | None
    """The operation that it was a part of; each batch of one is an action."""
    database_role: str | None
    """As which role the session was logged in at Postgres; None for actions of earlier releases."""
    letters: int
    """How many dead letters it was about."""
    first_letters: list[int]
    """The first `MOST_LETTERS` of them."""
    before: str | None
    """The beginning of what was noted as JSON; None for a replay, which has `results`."""
    before_size: int | None
    """The bytes of all of it."""
    after: str | None
    after_size: int | None
    results: dict[str, int] | None
    """Of a replay: how many letters came to which verdict or kind of failure."""


def actions_page(
    connection: Connection[TupleRow],
    wanted: ActionFilter,
    *,
    limit: int = 50,
    cursor: str | None = None,
    characters: int = MOST_CHARACTERS,
) -> Page[NotedAction]:
    """A page of what operators did, the newest first; of details, so many characters.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    before_at, before_id = key_of(cursor, _LIST, _place) or (None, None)
    parameters = {
        "actor": wanted.actor,
        "action": wanted.action,
        "letter": wanted.letter,
        "since": wanted.since,
        "until": wanted.until,
        "before_at": before_at,
        "before_id": before_id,
        "most_letters": MOST_LETTERS,
        "characters": characters,
        "limit": limit + 1,
    }
    with connection.cursor(row_factory=class_row(NotedAction)) as rows:
        found = rows.execute(statement("history/list_actions"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda one: f"{one.acted_at.isoformat()} {one.id}")


def _place(text: str) -> tuple[datetime, int]:
    moment, number = text.split(" ")
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError(text)
    return at, row_id(number)
