"""What operators did to dead letters: who, when and why; never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.record_dead_letters import storable
from signoff_db.sql import statement

_MOST: Final = 50
"""Actions of a letter that are read, the newest of them."""


class Action(StrEnum):
    """What an operator can do to a dead letter."""

    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """What was done to one letter."""

    actor: str
    acted_at: datetime
    action: Action
    reason: str | None
    before: Any
    """The letter's part of what there was: for a replay its kind, for an edit its event."""
    after: Any
    """Likewise: for a replay the verdict or the kind of its failure."""

    @classmethod
    def of_row(cls, *, action: str, **columns: Any) -> Self:  # noqa: ANN401 -- as they come
        """One row of `operator_actions`."""
        return cls(action=Action(action), **columns)


def actions_of(connection: Connection[TupleRow], letter_id: int) -> list[OperatorAction]:
    """What operators did to a dead letter, the oldest first; of very many, the newest fifty."""
    with connection.cursor(row_factory=kwargs_row(OperatorAction.of_row)) as cursor:
        parameters = {"letter": letter_id, "limit": _MOST}
        return cursor.execute(statement("list_actions"), parameters).fetchall()[::-1]


def note(
    connection: Connection[TupleRow],
    actor: str,
    action: Action,
    letters: Sequence[int],
    reason: str | None,
    *,
    before: object,
    after: object,
) -> int:
    """Write down what an operator does, inside the transaction that does it; returns its number."""
    row = connection.execute(
        statement("note_action"),
        {
            "actor": actor,
            "action": str(action),
            "letters": list(letters),
            "reason": reason,
            "before": storable(before),
            "after": storable(after),
        },
    ).fetchone()
    if row is None:
        raise AssertionError
    return int(row[0])
