"""Write the facts of some customers: only the rows that are not there as they should be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Final

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.facts.arrays import arrays
from signoff_insight.facts.cells import Cells
from signoff_insight.facts.folding import Fold
from signoff_insight.facts.kept import KeptRows, Row, Rows, rows_of
from signoff_insight.facts.rows import Exposure, Facts, Purchases, Spell
from signoff_insight.facts.state import PACKAGE
from signoff_insight.report import InsightError

_FACTS: Final = tuple(field.name for field in fields(Facts))
values_of: Final = attrgetter(*_FACTS)
"""The values of `Facts`, in their order."""
_ADVANCING: Final = (
    "customer_status",
    "ltv_usd",
    "last_event_at",
    "approvals",
    "qualified_at",
    "customer_at",
    "churned_at",
    "lost_as_prospect_at",
    "lost_as_lead_at",
    "first_purchase_on",
    "last_purchase_on",
    "purchase_days",
    "purchases",
    "spent_usd",
)
"""What newer events change of facts with an approval and a status."""
_advancing: Final = attrgetter(*_ADVANCING[2:])


class FactsChangedError(InsightError):
    """Somebody else wrote facts that new events were to be added to."""


@dataclass(frozen=True)
class _Table:
    """A table whose rows have a key among those of their customer: their first column."""

    name: str
    columns: tuple[str, ...]
    """All but the customer."""
    changing: tuple[str, ...]
    """What events change of rows that are kept. No index holds these columns."""

    @cached_property
    def fixed(self) -> Callable[[Row], Row]:
        """Takes the other values of a row."""
        return itemgetter(*(n for n, name in enumerate(self.columns) if name not in self.changing))

    @cached_property
    def written(self) -> Callable[[Row], Row]:
        """Takes the key of a row, and what changes of it."""
        return itemgetter(0, *map(self.columns.index, self.changing))


_PURCHASES: Final = _Table("purchases", Purchases._fields, ("purchases", "spent_usd"))
_SPELLS: Final = _Table("spells", Spell._fields, ("ended_at", "next_status", "same_before"))
_EXPOSURES: Final = _Table("exposures", Exposure._fields, ("converted_after",))


@dataclass(frozen=True, slots=True)
class Computed:
    """The facts of a customer as they should be."""

    user_id: str
    customer: int | None
    """Its number, if it has a row of customer_facts."""
    row: Row
    """The values of that row as they should be."""
    is_right: bool
    """Whether that row has these values."""
    fold: Fold


@dataclass(frozen=True, slots=True)
class Advanced:
    """The facts of a customer after newer events."""

    customer: int
    held_at: str
    """Where its row of customer_facts is (`ctid`)."""
    ltv_usd: Decimal
    fold: Fold

    @property
    def changed(self) -> Row:
        """The values of `_ADVANCING`."""
        return self.fold.status, self.ltv_usd, *_advancing(self.fold.facts)


def add(connection: Connection[TupleRow], customers: Sequence[Advanced], rows: KeptRows) -> None:
    """Write what newer events added to what is kept, or changed of it.

    Args:
        connection: inside of a transaction, which read where the rows are.
        customers: each of them once.
        rows: the rows that are kept in place of which those of the folds should be.

    Raises:
        FactsChangedError: rows are not any more where they were.
    """
    converted = [
        (one.customer, one.fold.converted_at) for one in customers if one.fold.converted_at
    ]
    names = ("customer", "held_at", *_ADVANCING)
    changed = arrays(names, ((one.customer, one.held_at, *one.changed) for one in customers))
    with connection.pipeline():
        advanced = _run(connection, "advance_facts", changed)
        # First: what is shown after it has not converted.
        if converted:
            _run(connection, "convert_exposures", arrays(("customer", "converted_at"), converted))
        new = _update_rows(connection, [(one.customer, one.fold) for one in customers], rows)
    if advanced.rowcount != len(customers):
        raise FactsChangedError(
            "customer_facts was written by somebody else while new events were added to it; "
            "they are added again"
        )
    _add_rows(connection, new, Cells(connection))


def write(
    connection: Connection[TupleRow], customers: Sequence[Computed], rows: KeptRows, cells: Cells
) -> None:
    """Write what differs from what is kept.

    Args:
        connection: inside of a transaction.
        customers: each of them once.
        rows: the rows that are kept in place of which those of the folds should be.
        cells: the numbers of what exposures show that this transaction knows.
    """
    numbers = {one.user_id: one.customer for one in customers if one.customer is not None}
    numbers |= _add(connection, [one for one in customers if one.customer is None])
    _correct(
        connection, [one for one in customers if one.customer is not None and not one.is_right]
    )
    folds = [(numbers[one.user_id], one.fold) for one in customers]
    with connection.pipeline():
        new = _update_rows(connection, folds, rows)
    _add_rows(connection, new, cells)


def delete(connection: Connection[TupleRow], customers: Sequence[int]) -> None:
    """Delete all facts of these customers."""
    if customers:
        _run(connection, "delete_customers", {"customers": customers})


def _add(connection: Connection[TupleRow], customers: Sequence[Computed]) -> Mapping[str, int]:
    """Add rows of customer_facts; returns the numbers that they get."""
    if not customers:
        return {}
    users = [one.user_id for one in customers]
    _copy(connection, "copy_facts", ((one.user_id, *one.row) for one in customers))
    rows = rows_of(connection, "numbers", {"customers": users})
    return {users[place - 1]: customer for place, customer in rows}


def _correct(connection: Connection[TupleRow], customers: Sequence[Computed]) -> None:
    if not customers:
        return
    names = ("customer", "customer_status", "ltv_usd", *_FACTS)
    rows = ((one.customer, *one.row) for one in customers)
    _run(connection, "update_facts", arrays(names, rows))


def _update_rows(
    connection: Connection[TupleRow], folds: Sequence[tuple[int, Fold]], rows: KeptRows
) -> Mapping[_Table, list[Row]]:
    """Delete and change what is kept where that is needed; returns the rows that are to be added.

    In a pipeline Postgres does so for a table while the rows of the next one are compared.
    """
    return {
        _PURCHASES: _update(
            connection, _PURCHASES, rows.purchases, ((n, fold.purchases) for n, fold in folds)
        ),
        _SPELLS: _update(connection, _SPELLS, rows.spells, ((n, fold.spells) for n, fold in folds)),
        _EXPOSURES: _update(
            connection, _EXPOSURES, rows.exposures, ((n, fold.exposures) for n, fold in folds)
        ),
    }


def _update(
    connection: Connection[TupleRow],
    table: _Table,
    kept: Rows,
    computed: Iterable[tuple[int, Sequence[Row]]],
) -> list[Row]:
    """Make the rows that are kept those that were computed; returns those that are not there."""
    gone: list[tuple[int, object]] = []
    changed: list[Row] = []
    new: list[Row] = []
    for customer, rows in computed:
        before = kept.get(customer)
        if not before:
            new += [(customer, *row) for row in rows]
            continue
        held = {row[0]: row for row in before}
        for row in rows:
            old = held.pop(row[0], None)
            if old is None:
                new.append((customer, *row))
            elif old != row and table.fixed(old) == table.fixed(row):
                changed.append((customer, *table.written(row)))
            elif old != row:
                gone.append((customer, row[0]))
                new.append((customer, *row))
        gone += [(customer, key) for key in held]
    if gone:
        customers, keys = zip(*gone, strict=True)
        _run(connection, f"delete_{table.name}", {"customers": [*customers], "keys": [*keys]})
    if changed:
        names = ("customer", table.columns[0], *table.changing)
        _run(connection, f"update_{table.name}", arrays(names, changed))
    return new


def _add_rows(
    connection: Connection[TupleRow], new: Mapping[_Table, list[Row]], cells: Cells
) -> None:
    for table, rows in new.items():
        if rows:
            stored = cells.stored(rows) if table is _EXPOSURES else rows
            _copy(connection, f"copy_{table.name}", stored)


def _copy(connection: Connection[TupleRow], name: str, rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement(f"facts/{name}", PACKAGE)) as copy:
        for row in rows:
            copy.write_row(row)


def _run(
    connection: Connection[TupleRow], name: str, parameters: Mapping[str, object]
) -> Cursor[TupleRow]:
    text = statement(f"facts/{name}", PACKAGE)
    return connection.execute(text, parameters, prepare=True)
