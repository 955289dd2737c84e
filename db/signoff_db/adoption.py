"""Checks before a migration: can the database hold Signoff, and can its interactions be adopted?

Each flaw is one sentence that says what to do. Nothing is changed here.
"""

import re
from collections.abc import Iterator
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.adoption_survey import Column, Survey, Table, columns_of, find_table
from signoff_db.sql import statement
from signoff_schemas import CUSTOMER_STATUSES, SignoffError

OLDEST_POSTGRES: Final = 15
ENCODING: Final = "UTF8"
_MIGRATIONS_OF_0_1: Final = 11
_KINDS: Final = {
    "p": "partitioned",
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
}
_TEXT: Final = r"text|character varying"
_INSTANT: Final = r"timestamp(\(6\))? with time zone"
_COLUMNS: Final = {
    "id": ("uuid", "uuid", 0),
    "user_id": (_TEXT, "text", 200),
    "review_status": (_TEXT, "text", len("approved")),
    "reviewer_id": (_TEXT, "text", 200),
    "final_bubbles": (r"text\[\]", "text[]", 0),
    "edit_tags": (r"text\[\]", "text[]", 0),
    "quality_score": ("smallint|integer|bigint", "smallint", 0),
    "reviewer_notes": (_TEXT, "text", 1000),
    "cta_data": ("jsonb", "jsonb", 0),
    "customer_status": (_TEXT, "varchar(20)", max(map(len, CUSTOMER_STATUSES))),
    "ltv_usd": (r"numeric\((8|9|1[0-4]),2\)", "numeric(8,2)", 0),
    "review_completed_at": (_INSTANT, "timestamptz", 0),
    "created_at": (_INSTANT, "timestamptz", 0),
    "updated_at": (_INSTANT, "timestamptz", 0),
}
"""For each column that people query: a pattern of the types that hold every value, the type to
change to, and the least length of a varchar."""
_NOTES: Final = (
    "last_event_id",
    "status_occurred_at",
    "status_event_id",
    "opening_customer_status",
    "opening_ltv_usd",
)
"""Columns for Signoff's own use."""
PUBLIC_COLUMNS: Final = tuple(_COLUMNS)
_EXPECTED: Final = {
    "id": "a value of its own in each row",
    "ltv_usd": "a number, or null",
}


class AdoptionError(SignoffError):
    """The database, or its table interactions, does not fit; nothing was changed."""


def check_server(version: int, encoding: str) -> None:
    """Check that this Postgres can hold every valid event.

    Raises:
        AdoptionError: it is too old, or its encoding lacks characters.
    """
    if version < OLDEST_POSTGRES * 10_000:
        raise AdoptionError(
            f"this is Postgres {version // 10_000}; use Postgres {OLDEST_POSTGRES} or newer"
        )
    if encoding != ENCODING:
        raise AdoptionError(
            f"the database's encoding is {encoding}, which cannot hold every text; make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and point Signoff there"
        )


def check_home(seen: Survey) -> None:
    """Check that the schema can be Signoff's own.

    Raises:
        AdoptionError: it holds other things already, or this role may not create it.
    """
    strangers = [name for name in seen.in_home if name != "interactions"]
    if strangers and seen.old_schema is None:
        raise AdoptionError(
            f"the schema {seen.home} is to be Signoff's own, but holds {_listed(strangers)}; name "
            "another one in SIGNOFF_SCHEMA, which may be new, and migrate again"
        )
    if not seen.may_create:
        what = f"CREATE ON SCHEMA {seen.home}" if seen.home_exists else "CREATE ON DATABASE …"
        raise AdoptionError(
            f"this role may not make the schema {seen.home} and its tables; let it, with "
            f"GRANT {what} TO …, or migrate as another role"
        )


def chosen_interactions(seen: Survey, named: str | None) -> int | None:
    """The oid of the table that is to be adopted; None if a new table is to be created.

    Raises:
        AdoptionError: the table that was named does not exist, or the user has to choose one.
    """
    if seen.old_interactions is not None:
        if named is not None and seen.named != seen.old_interactions:
            raise AdoptionError(
                f"the installation of release 0.1 works with another table than {named}."
                "interactions; leave SIGNOFF_INTERACTIONS unset"
            )
        return seen.old_interactions
    if named is not None:
        if seen.named is None and named != seen.home:
            raise AdoptionError(
                f"SIGNOFF_INTERACTIONS names {named}.interactions, which is not there; correct it, "
                "or leave it unset"
            )
        return seen.named
    if seen.found is None and seen.elsewhere:
        raise AdoptionError(
            f"{_listed(seen.elsewhere)} exists outside of this role's search_path; to adopt it set "
            f"SIGNOFF_INTERACTIONS={seen.elsewhere[0]}, to begin with an empty table set "
            f"SIGNOFF_INTERACTIONS={seen.home}.interactions, and migrate again"
        )
    return seen.found


def check_moved(connection: Connection[TupleRow]) -> None:
    """Check that an installation of release 0.1 is complete.

    Raises:
        AdoptionError: it is of an earlier release.
    """
    (applied,) = connection.execute(statement("migrations_of_0_1")).fetchone() or (0,)
    if applied != _MIGRATIONS_OF_0_1:
        raise AdoptionError(
            f"the installation has {applied} of the {_MIGRATIONS_OF_0_1} migrations of release "
            "0.1.0; run `signoff migrate` of that release first, then of this one"
        )


def look_at(connection: Connection[TupleRow], interactions: int) -> Table:
    """Read the description of the table to adopt; `check_table` checks it.

    Raises:
        AdoptionError: it was dropped meanwhile.
    """
    table = find_table(connection, interactions)
    if table is None:
        raise AdoptionError("the table interactions was dropped meanwhile; migrate again")
    return table


def check_table(table: Table) -> None:
    """Check that events can be written to the table, row by row.

    Raises:
        AdoptionError: it is not; the text says what to do.
    """
    for flaw in _flaws(table):
        raise AdoptionError(f"{table} cannot be adopted: {flaw}; nothing was changed")


def _flaws(table: Table) -> Iterator[str]:
    if table.kind in _KINDS:
        yield (
            f"it is {_KINDS[table.kind]}, and Signoff writes to one plain table; name another in "
            "SIGNOFF_INTERACTIONS, or let Signoff make its own with "
            "SIGNOFF_INTERACTIONS=signoff.interactions"
        )
    if table.inherits:
        yield "it inherits, or is inherited from; take it out with ALTER TABLE … NO INHERIT …"
    if table.persistence != "p":
        yield f"a crash would empty it, since it is not logged; run ALTER TABLE {table} SET LOGGED"
    if table.is_taken:
        yield "another installation of Signoff works with it; set SIGNOFF_SCHEMA to its schema"
    if not table.is_owner:
        yield "this role does not own it, and may not add columns; migrate as its owner"
    if table.has_rules:
        yield "it has rules (CREATE RULE), which change what is written; make them triggers"
    if table.deferrable_key:
        yield (
            f"its key {table.deferrable_key} is DEFERRABLE, which INSERT … ON CONFLICT does not "
            "allow; drop the key, and make it anew without"
        )
    if table.hides_rows:
        yield (
            "row-level security hides rows of it from this role; migrate and work as a role that "
            "owns it or has BYPASSRLS"
        )
    if table.triggers and table.alike:
        yield (
            f"its triggers' functions {_listed(table.triggers)} would find Signoff's tables where "
            f"they mean those of {table.schema} ({_listed(table.alike)}); run "
            f"ALTER FUNCTION {table.triggers[0]} SET search_path = {table.schema}, and so on"
        )


def check_columns(connection: Connection[TupleRow], interactions: int, table: Table) -> list[str]:
    """Check that each column can hold every valid event's value; returns the columns' names.

    Raises:
        AdoptionError: some cannot; the text names each, and what to change.
    """
    columns = columns_of(connection, interactions)
    flaws = [flaw for column in columns if (flaw := _flaw(column))]
    names = [column.name for column in columns]
    if "id" not in names:
        flaws.append("it has no column id, a uuid by which events name their interaction")
    if flaws:
        raise AdoptionError(
            f"{table} cannot be adopted: {'; '.join(flaws)}. Change it with ALTER TABLE {table} "
            "ALTER COLUMN …, or let Signoff make its own table with "
            "SIGNOFF_INTERACTIONS=signoff.interactions; nothing was changed"
        )
    return names


def _flaw(column: Column) -> str | None:
    """What is wrong with a column."""
    if column.name in _NOTES:
        return f"{column.name} is a name that Signoff needs: RENAME COLUMN {column.name}"
    if column.name in _COLUMNS:
        return _flaw_of_type(column)
    if column.is_required and not column.is_filled:
        return f"{column.name} is NOT NULL without a default, and events give none: SET DEFAULT …"
    return None


def _flaw_of_type(column: Column) -> str | None:
    """Why a column cannot hold every value of an event exactly; None if it can."""
    pattern, wanted, length = _COLUMNS[column.name]
    kind, _, limit = column.type.partition("(") if length else (column.type, "", "")
    if not re.fullmatch(pattern, kind):
        return f"{column.name} is {column.type}, expected {wanted}: TYPE {wanted}"
    if limit and int(limit.rstrip(")")) < length:
        return f"{column.name} is {column.type}, and values have up to {length} characters"
    if column.is_generated:
        return f"{column.name} is generated, and events give its value: DROP EXPRESSION"
    if not column.is_exact:
        return f"{column.name} takes different texts for equal: COLLATE a deterministic collation"
    return None


def check_rows(connection: Connection[TupleRow], table: str) -> None:
    """Check that each row can be identified and counted.

    The session's search_path has to find the table.

    Raises:
        AdoptionError: some cannot; the text names the column and values for example.
    """
    odd = connection.execute(statement("odd_rows")).fetchall()
    flaws = [
        f"{column} holds, in {rows:,} rows, values such as {_examples(values)}; expected "
        f"{_EXPECTED[column]}"
        for column, rows, values in odd
    ]
    if flaws:
        raise AdoptionError(
            f"{table} cannot be adopted: {'. '.join(flaws)}. Give these rows such a value, and "
            "migrate again; nothing was changed"
        )


def _examples(values: list[str | None]) -> str:
    return ", ".join("null" if value is None else repr(value) for value in values)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
