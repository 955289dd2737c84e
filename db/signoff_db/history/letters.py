"""Settled letters, and who settled them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.dead_letters import DeadLetter
from signoff_db.operator_actions import Action
from signoff_db.sql import statement

MOST_RESOLVED: Final = 100
"""The most resolved letters of some events that are read: the newest."""
_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Settlement:
    """The action of an operator that settled a letter."""

    actor: str
    action: Action
    reason: str | None
    operation_id: int | None
    """The operation that it was a part of."""

    @classmethod
    def of_row(cls, *, id: int, action: str, **columns: Any) -> tuple[int, Self]:  # noqa: ANN401, A002 -- as they come
        """One row of the statement that reads them, by letter."""
        return id, cls(action=Action(action), **columns)


@dataclass(frozen=True, slots=True)
class SettledLetter:
    """A letter that is not dead any more."""

    letter: DeadLetter
    by: Settlement | None
    """None if its event arrived again and was applied."""


def resolved_of(
    connection: Connection[TupleRow], events: Collection[UUID]
) -> Mapping[UUID, Sequence[SettledLetter]]:
    """The newest `MOST_RESOLVED` resolved letters of these events, by event."""
    parameters = {"events": list(events), "limit": MOST_RESOLVED, "characters": _CHARACTERS}
    with connection.cursor(row_factory=kwargs_row(DeadLetter.of_row)) as rows:
        found = rows.execute(statement("history/resolved_letters"), parameters).fetchall()
    by_event = defaultdict(list)
    for settled in settled_by(connection, found):
        if settled.letter.event_id:
            by_event[settled.letter.event_id].append(settled)
    return by_event


def settled_by(
    connection: Connection[TupleRow], letters: Sequence[DeadLetter]
) -> list[SettledLetter]:
    """Letters that are settled, with who settled each."""
    if not letters:
        return []
    parameters = {"letters": [letter.id for letter in letters]}
    with connection.cursor(row_factory=kwargs_row(Settlement.of_row)) as rows:
        found = dict(rows.execute(statement("history/settlements"), parameters).fetchall())
    return [SettledLetter(letter, found.get(letter.id)) for letter in letters]
