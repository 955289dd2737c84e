"""Read the facts that are kept of some customers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from psycopg import Connection, Cursor, ServerCursor
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from signoff_db.sql import statement
from signoff_insight.facts.arrays import array, arrays
from signoff_insight.facts.rows import Exposure, Purchases, Spell, to_row
from signoff_insight.facts.state import PACKAGE

_AS_TEXT: Final = ("timestamptz", "date", "uuid", "tid")
C = TypeVar("C", bound=Cursor[TupleRow] | ServerCursor[TupleRow])
Row: TypeAlias = tuple[object, ...]
Rows: TypeAlias = Mapping[int, Sequence[Row]]
"""Rows by customer. The first value of a row is the rest of its primary key."""


@dataclass(slots=True)
class KeptRows:
    """What the other tables than customer_facts hold of some customers."""

    purchases: Mapping[int, list[Purchases]] = field(default_factory=dict)
    spells: Mapping[int, list[Spell]] = field(default_factory=dict)
    exposures: Mapping[int, list[Exposure]] = field(default_factory=dict)


def rows_of(
    connection: Connection[TupleRow], name: str, parameters: Mapping[str, object]
) -> list[TupleRow]:
    """The rows of `facts/<name>.sql`; instants, days and UUIDs are texts."""
    text = statement(f"facts/{name}", PACKAGE)
    return as_texts(connection.cursor()).execute(text, parameters, prepare=True).fetchall()


def as_texts(cursor: C) -> C:
    """The same cursor; it gives instants, days and UUIDs as texts."""
    for kind in _AS_TEXT:
        cursor.adapters.register_loader(kind, TextLoader)
    return cursor


def kept_facts(
    connection: Connection[TupleRow], users: Sequence[str]
) -> dict[str, tuple[int, Row]]:
    """The number of each of these users, and its other values; who has no facts is not there."""
    rows = rows_of(connection, "kept_facts", array("users", users))
    return {users[number - 1]: (customer, (*values,)) for number, customer, *values in rows}


def kept_rows(connection: Connection[TupleRow], customers: Sequence[int]) -> KeptRows:
    """All that is kept of these customers."""
    if not customers:
        return KeptRows()
    return KeptRows(
        kept_purchases(connection, dict.fromkeys(customers)),
        kept_spells(connection, customers),
        kept_exposures(connection, customers),
    )


def kept_purchases(
    connection: Connection[TupleRow], days: Mapping[int, str | None]
) -> Mapping[int, list[Purchases]]:
    """The purchases of these customers: of each those of a day, or all if it is None."""
    if not days:
        return {}
    parameters = arrays(("customers", "days"), days.items())
    return _by_customer(rows_of(connection, "kept_purchases", parameters), Purchases)


def kept_spells(
    connection: Connection[TupleRow], customers: Sequence[int]
) -> Mapping[int, list[Spell]]:
    """The spells of these customers, in order."""
    if not customers:
        return {}
    rows = rows_of(connection, "kept_spells", array("customers", customers))
    return _by_customer(rows, Spell)


def kept_exposures(
    connection: Connection[TupleRow], customers: Sequence[int]
) -> Mapping[int, list[Exposure]]:
    """The exposures of these customers, in order."""
    if not customers:
        return {}
    rows = rows_of(connection, "kept_exposures", array("customers", customers))
    return _by_customer(rows, Exposure)


def _by_customer(rows: Iterable[TupleRow], kind: Any) -> Mapping[int, list[Any]]:  # noqa: ANN401 -- a class of rows
    found: dict[int, list[Any]] = defaultdict(list)
    for customer, *values in rows:
        found[customer].append(to_row(kind, values))
    return found
