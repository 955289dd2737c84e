"""Look at a database before Signoff migrates it: what is there, and the table to adopt.

Nothing is changed or judged here; see `adoption.py` for what is refused.
"""

from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement

_OUR_TABLES: Final = (
    "approvals",
    "approval_ids",
    "customers",
    "dead_letters",
    "operator_actions",
    "alerts",
    "status_transitions",
    "customer_funnel",
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a database holds in which Signoff is not installed yet."""

    server_version: int
    encoding: str
    home: str
    home_exists: bool
    may_create: bool
    in_home: list[str]
    old_schema: int | None
    old_interactions: int | None
    named: int | None
    found: int | None
    elsewhere: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is to be adopted."""

    schema: str
    name: str
    kind: str
    persistence: str
    inherits: bool
    has_rules: bool
    hides_rows: bool
    deferrable_key: str | None
    is_owner: bool
    is_taken: bool
    triggers: list[str]
    alike: list[str]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is to be adopted."""

    name: str
    type: str
    is_required: bool
    is_filled: bool
    is_generated: bool
    is_exact: bool


def survey(connection: Connection[TupleRow], named: str | None) -> Survey:
    """Survey the database by the role's own search_path; `named` is the schema of interactions."""
    with connection.cursor(row_factory=class_row(Survey)) as cursor:
        found = cursor.execute(statement("survey"), {"named": named}).fetchone()
    if found is None:
        raise AssertionError("survey.sql gives one row")
    return found


def find_table(connection: Connection[TupleRow], interactions: int) -> Table | None:
    """The table that is to be adopted, by its oid; None where it was dropped meanwhile."""
    with connection.cursor(row_factory=class_row(Table)) as cursor:
        return cursor.execute(
            statement("interactions_table"),
            {"interactions": interactions, "ours": list(_OUR_TABLES)},
        ).fetchone()


def columns_of(connection: Connection[TupleRow], interactions: int) -> list[Column]:
    """The columns of that table."""
    with connection.cursor(row_factory=class_row(Column)) as cursor:
        return cursor.execute(
            statement("interactions_columns"), {"interactions": interactions}
        ).fetchall()
