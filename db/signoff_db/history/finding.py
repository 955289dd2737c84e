"""Which things of Postgres have an id."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement

_LOOKED_AT: Final = 100
"""Ids that are read to find those that begin with a text."""


@dataclass(frozen=True, slots=True)
class Known:
    """What has the id; an event is looked for apart."""

    is_interaction: bool
    is_review: bool
    is_interaction_of_letter: bool
    is_customer: bool
    is_customer_of_review: bool
    is_customer_of_letter: bool
    is_letter: bool
    is_cause: bool
    """Whether it is the fingerprint of open letters."""


def known(
    connection: Connection[TupleRow], text: str, *, id_: UUID | None, number: int | None
) -> Known:
    """What has this id, which may also be read as a UUID or as a number."""
    with connection.cursor(row_factory=class_row(Known)) as cursor:
        parameters = {"text": text, "id": id_, "number": number}
        found = cursor.execute(statement("history/found"), parameters).fetchone()
    if found is None:
        raise AssertionError
    return found


def customers_like(connection: Connection[TupleRow], beginning: str, *, limit: int) -> list[str]:
    """Customers whose id begins with a text, and is longer."""
    parameters = {"beginning": beginning, "looked_at": _LOOKED_AT, "limit": limit}
    rows = connection.execute(statement("history/similar_customers"), parameters).fetchall()
    return [row[0] for row in rows]
