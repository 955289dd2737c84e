"""Read rows of facts."""

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE

Row = TypeVar("Row")
_SETTINGS: Final[tuple[LiteralString, ...]] = (
    # Compiling a plan takes longer than these statements do.
    "SET LOCAL jit = off",
    # Groups of millions of rows are kept in memory.
    "SET LOCAL work_mem = '64MB'",
)


def read(
    connection: Connection[TupleRow],
    name: str,
    parameters: Mapping[str, object],
    row: type[Row],
) -> Sequence[Row]:
    """The rows of the statement `views/<name>.sql`, as values of the class `row`.

    `{is_chosen}` in it stands for the filters by cohort, reviewer and tag (`is_chosen.sql`).

    They are planned for these parameters each time: a plan for any parameters would not know that
    most filters are not used.
    """
    with connection.transaction(), connection.cursor(row_factory=class_row(row)) as cursor:
        for setting in _SETTINGS:
            cursor.execute(setting)
        return cursor.execute(_text(name), parameters, prepare=False).fetchall()


def _text(name: str) -> LiteralString:
    """The statement, with the condition that several of them share."""
    text = statement(f"views/{name}", PACKAGE)
    return text.replace("{is_chosen}", statement("views/is_chosen", PACKAGE))
