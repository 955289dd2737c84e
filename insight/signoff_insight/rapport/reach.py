"""How far the contexts reach, for whoever looks at them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_insight.rapport.state import PACKAGE


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the contexts of the second database reach."""

    read_until: datetime | None
    """They hold all that was applied until then, or more; None before the first build ended."""
    is_behind: bool
    """Whether there may be more that they do not hold."""
    rebuilt: float | None
    """The share of customers that a rebuild has computed; None if none is under way."""
    failure: str | None
    """Why their reader cannot go on."""
    failing_since: datetime | None


def reach_of(rapport: Connection[TupleRow]) -> Reach | None:
    """How far they reach; None if their reader never ran."""
    with rapport.cursor(row_factory=class_row(Reach)) as cursor:
        return cursor.execute(statement("rapport/reach", PACKAGE)).fetchone()
