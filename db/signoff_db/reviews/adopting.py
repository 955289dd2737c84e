"""Make reviews of the rows of `interactions` that wait for a reviewer in a system that is replaced.

It may be repeated: a row that has a review already is left alone.
"""

from dataclasses import dataclass
from typing import Final

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_schemas import SignoffError

_MESSAGES: Final = ("customer_message", "user_message", "message")
_DRAFTS: Final = ("draft_bubbles", "final_bubbles")
"""Columns that are taken if none is named, the first that exists."""
_TEXTS: Final = frozenset({"text", "character varying"})


class NoSuchColumnError(SignoffError):
    """The table interactions has no such column, or it does not hold texts."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of the rows that wait."""

    waiting: int
    """Rows with `review_status` pending to which no event was applied."""
    without_user: int
    """Of these, rows without a usable `user_id`: they cannot be reviewed."""
    adopted: int
    """Rows that became reviews now; others had one already."""
    without_draft: int
    """Of these, reviews without a draft."""


def adopt(
    connection: Connection[TupleRow], *, message: str | None = None, draft: str | None = None
) -> Adopted:
    """Make reviews of the rows that wait.

    Args:
        connection: in autocommit mode.
        message: the column with the customer's message; else the first of the usual names.
        draft: the column with the proposed messages, `text[]` or `text`; likewise.

    Raises:
        NoSuchColumnError: a column that was named does not exist, or does not hold texts.
    """
    columns: dict[str, str] = dict(
        connection.execute(statement("reviews/adopt_columns")).fetchall()
    )
    query = sql.SQL(statement("reviews/adopt")).format(
        message=_message(columns, message), draft=_draft(columns, draft)
    )
    with connection.cursor(row_factory=class_row(Adopted)) as cursor:
        found = cursor.execute(query).fetchone()
    if found is None:
        raise AssertionError
    return found


def _message(columns: dict[str, str], named: str | None) -> sql.Composable:
    name = named or next((one for one in _MESSAGES if columns.get(one) in _TEXTS), None)
    if name is None:
        return sql.SQL("NULL::text")
    if columns.get(name) not in _TEXTS:
        raise _no_column(name, columns, "text")
    return sql.Identifier("i", name)


def _draft(columns: dict[str, str], named: str | None) -> sql.Composable:
    name = named or next((one for one in _DRAFTS if one in columns), None)
    if name is None:
        return sql.SQL("NULL::text[]")
    if columns.get(name) in _TEXTS:
        return sql.SQL("ARRAY[{}]::text[]").format(sql.Identifier("i", name))
    if columns.get(name) in {f"{kind}[]" for kind in _TEXTS}:
        return sql.SQL("{}::text[]").format(sql.Identifier("i", name))
    raise _no_column(name, columns, "text[] or text")


def _no_column(name: str, columns: dict[str, str], expected: str) -> NoSuchColumnError:
    found = columns.get(name)
    what = f"holds {found}" if found else "is not a column of it"
    return NoSuchColumnError(
        f"interactions: {name} {what}; expected a column of type {expected}, one of "
        f"{', '.join(sorted(columns))}"
    )
