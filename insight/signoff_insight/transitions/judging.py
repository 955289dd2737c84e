"""Look at proposals as they are now: what is in the way of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row

from signoff_db.sql import statement
from signoff_insight.transitions.effect import LeftOut, Tally
from signoff_insight.transitions.obstacles import Obstacle, ObstacleKind, obstacle_of
from signoff_insight.transitions.proposals import PACKAGE

Judged: TypeAlias = tuple[Any, Obstacle | None]
"""A row of the statement, which has at least `id`, `rule` and `user_id`; and what is in the way."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Stands for a proposal that there is not."""

    id: UUID
    rule: None = None
    user_id: None = None


_UNKNOWN: Final = Obstacle(ObstacleKind.UNKNOWN)


def lock_proposals(connection: Connection[TupleRow], ids: Sequence[UUID]) -> list[str]:
    """Lock proposals; returns their customers."""
    rows = connection.execute(statement("transitions/lock_proposals", PACKAGE), {"ids": list(ids)})
    return [user_id for (user_id,) in rows.fetchall()]


def judged(connection: Connection[TupleRow], ids: Sequence[UUID]) -> list[Judged]:
    """Proposals as they are now, and what is in the way of each; unknown ones are at the end."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(statement("transitions/judge", PACKAGE), {"ids": list(ids)})
        rows: list[Any] = cursor.fetchall()
    found: list[Judged] = [
        (row, obstacle_of(row.obstacle, row.obstacle_event, row.obstacle_at)) for row in rows
    ]
    known = {row.id for row in rows}
    return found + [(_Unknown(each), _UNKNOWN) for each in ids if each not in known]


def count(found: Iterable[Judged], tally: Tally) -> None:
    """Count what is approved, and what is in the way of the others."""
    for row, obstacle in found:
        if obstacle is None:
            tally.count(row)
        else:
            tally.leave_out(LeftOut(row.id, obstacle, row.rule, row.user_id))
