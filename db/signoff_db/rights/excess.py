"""What a role may do in Postgres that no part of Signoff needs."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement


@dataclass(frozen=True, slots=True)
class Excess:
    """What the role of a session may do, by itself or as another role that it may become."""

    role: str
    is_superuser: bool
    attributes: list[str]
    """Of CREATEDB, CREATEROLE, REPLICATION and BYPASSRLS, those that it has."""
    memberships: list[str]
    """The predefined roles that read or write everything."""
    is_owner: bool
    """Whether a table is its own."""
    may_create: bool
    """Whether it may create objects in the schema."""
    truncates: list[str]
    """The tables that it may empty."""
    changes: list[str]
    """The insert-only tables whose rows it may change or delete, but for their triggers."""


def excess(connection: Connection[TupleRow]) -> Excess:
    """What the role of this session may do with the tables of its schema beyond what parts need."""
    with connection.cursor(row_factory=class_row(Excess)) as rows:
        found = rows.execute(statement("rights/excess")).fetchone()
    if found is None:
        raise AssertionError
    return found
