"""Read rows of facts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, LiteralString, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE

Row = TypeVar("Row")
_SETTINGS: Final = (
    # Compiling a plan takes longer than these statements do. Groups of millions of rows are kept in
    # memory. All rows of a stream are read.
    "SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true),"
    " set_config('cursor_tuple_fraction', '1', true)"
)
_ROWS: Final = 20_000
"""Rows that a stream fetches together."""


def read(
    connection: Connection[TupleRow],
    name: str,
    parameters: Mapping[str, object],
    row: type[Row],
) -> Sequence[Row]:
    """The rows of the statement `views/<name>.sql`, as values of the class `row`.

    `{is_chosen}` in it stands for the filters by cohort, reviewer and tag, of a row `f` of
    customer_facts; `{customer_is_chosen}` for the same of a row `s` of another table of facts, and
    `{row_is_chosen}` of one with the first tags of its customer.

    They are planned for these parameters each time: a plan for any parameters would not know that
    most filters are not used.
    """
    with connection.transaction(), connection.cursor(row_factory=class_row(row)) as cursor:
        connection.execute(_SETTINGS)
        return cursor.execute(text_of(name, parameters), parameters, prepare=False).fetchall()


def stream(
    connection: Connection[TupleRow], name: str, parameters: Mapping[str, object]
) -> Iterator[TupleRow]:
    """The same rows one by one, as tuples, without holding all of them."""
    with connection.transaction():
        connection.execute(_SETTINGS)
        with connection.cursor("rows", scrollable=False) as cursor:
            cursor.execute(text_of(name, parameters), parameters, binary=True)
            while rows := cursor.fetchmany(_ROWS):
                yield from rows


def text_of(name: str, parameters: Mapping[str, object]) -> LiteralString:
    """The statement, with the conditions that several of them share."""
    text = statement(f"views/{name}", PACKAGE)
    filters = ["cohort_begins", "reviewer"]
    if "{row_is_chosen}" in text:
        text = text.replace("{row_is_chosen}", statement("views/row_is_chosen", PACKAGE))
    else:
        filters.append("tag_bit")
    # Other tables are joined with that of the customers only where that is needed.
    chooses = any(parameters.get(name) is not None for name in filters)
    of_row = statement("views/customer_is_chosen", PACKAGE) if chooses else "true"
    text = text.replace("{customer_is_chosen}", of_row)
    return text.replace("{is_chosen}", statement("views/is_chosen", PACKAGE))
