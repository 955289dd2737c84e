"""Bring a database's schema up to date.

All missing migrations are applied and noted in one transaction. So a migration that is killed, or
fails, has changed nothing. The transaction holds an advisory lock, so that one process at a time
migrates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from signoff_db import adoption
from signoff_db.adoption_survey import survey
from signoff_db.connection import connect
from signoff_db.sql import statement
from signoff_schemas import SignoffError, masked

_LOCK: Final = 0x53_6967_6E6F_6666
"""Signoff's advisory lock for migrations ("Signoff" in ASCII)."""
_LOCK_SECONDS: Final = 5
"""How long to wait for a lock on a table: other sessions have to wait behind a migration."""
_TABLES: Final = "0001.tables"
"""The migrations that an installation of release 0.1 has applied already."""
_FEED: Final = "0013.feed"
"""From this migration on, a database notices that it was restored."""
NEW_EPOCH: Final = "a new epoch of the feed (the database was restored from a dump)"
"""Stands among the migrations that a database lacks."""


class MigrationError(SignoffError):
    """The schema is behind, or could not be brought up to date; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did, or would do."""

    names: list[str]
    """The migrations, in order."""
    changes: list[str]
    """The changes of the catalog: a line for each table, column, constraint, trigger, …"""


def migrate(database_url: str, *, interactions: str | None = None) -> list[str]:
    """Apply every migration that the database lacks, all in one transaction.

    Args:
        database_url: the database; its `options` may set `signoff.schema`.
        interactions: `SCHEMA.interactions`, the table to adopt; if None, it is searched for.

    Returns:
        The names of the migrations that were applied, in order; empty if there was nothing to do.

    Raises:
        AdoptionError: the database, or its table interactions, does not fit.
        MigrationError: a migration failed; the text says which table or column is in the way.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with alone(database_url) as connection:
        return _migrate(connection, _schema_of(interactions)).names


def dry_run(database_url: str, *, interactions: str | None = None) -> Migrated:
    """Do what `migrate` does, but roll it back; the tables are locked meanwhile.

    Raises:
        AdoptionError, MigrationError, DatabaseUnavailableError: as `migrate`.
    """
    with alone(database_url, rollback=True) as connection:
        return _migrate(connection, _schema_of(interactions), with_changes=True)


def pending(database_url: str) -> list[str]:
    """The names of the migrations that the database lacks, in order; reads only.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    with connect(database_url) as connection:
        return missing_on(connection)


def require_current(database_url: str) -> None:
    """Check that the database has the tables of this release.

    Raises:
        MigrationError: migrations are missing.
        DatabaseUnavailableError: the database cannot be reached.
    """
    missing = pending(database_url)
    if missing == [NEW_EPOCH]:
        raise MigrationError(
            "the database was restored from a dump, so its transaction ids begin anew; run "
            "`signoff migrate`, which begins a new epoch of the feed"
        )
    if missing:
        raise MigrationError(
            f"the database lacks {len(missing)} migrations, from {missing[0]} on; "
            "run `signoff migrate`"
        )


@contextmanager
def alone(database_url: str, *, rollback: bool = False) -> Iterator[Connection[TupleRow]]:
    """A connection inside a transaction, while no other process migrates this database.

    Raises:
        MigrationError: Postgres refuses something in the block.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with connect(database_url, application="signoff migrate") as connection:
        try:
            with connection.transaction(force_rollback=rollback):
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationError(
                f"others use the tables for longer than {_LOCK_SECONDS} s, and what comes after "
                "them would wait behind this migration; nothing was changed: end their "
                "transactions (pg_stat_activity shows them), or try again at a quieter time"
            ) from error
        except psycopg.Error as error:
            raise MigrationError(f"{_explained(error)} ({masked(database_url)})") from error


@dataclass(frozen=True, slots=True)
class _Site:
    """The place of an existing or new installation."""

    home: str
    interactions_schema: str
    adopted: int | None = None
    """The oid of the table interactions that is adopted, if one is."""
    found_columns: list[str] | None = None
    old_schema: int | None = None
    """The oid of the schema of an installation of release 0.1, if one is to be moved."""


def _migrate(
    connection: Connection[TupleRow], named: str | None, *, with_changes: bool = False
) -> Migrated:
    missing = missing_on(connection)
    is_new = missing == _names()
    site = _look(connection, named) if is_new else _present(connection, named)
    before = _catalog(connection, site) if with_changes else {}
    if is_new:
        _create_schema(connection, site)
    else:
        _enter(connection, site)
    for name in missing:
        if name == NEW_EPOCH:
            connection.execute("SELECT signoff_begin_feed_epoch()")
            continue
        moved = name == _TABLES and site.old_schema is not None
        connection.execute(statement("move_from_0_1") if moved else _script(name))
        connection.execute("INSERT INTO migrations (name) VALUES (%s)", [name])
    after = _catalog(connection, site) if with_changes else {}
    return Migrated(missing, list(_changes(before, after)))


def _look(connection: Connection[TupleRow], named: str | None) -> _Site:
    """Find the place of a new installation, and check that it fits; changes nothing."""
    connection.execute("SET LOCAL search_path TO DEFAULT")
    seen = survey(connection, named)
    adoption.check_server(seen.server_version, seen.encoding)
    adoption.check_home(seen)
    oid = adoption.chosen_interactions(seen, named)
    if oid is None:
        return _Site(seen.home, seen.home)
    table = adoption.look_at(connection, oid)
    if seen.old_schema is None:
        adoption.check_table(table)
    connection.execute(
        sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
            sql.Identifier(table.schema, table.name)
        )
    )
    if seen.old_schema is None:
        columns = adoption.check_columns(connection, oid, table)
    else:
        adoption.check_moved(connection)
        columns = list(adoption.PUBLIC_COLUMNS)
    connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", [table.schema])
    adoption.check_rows(connection, str(table))
    return _Site(seen.home, table.schema, oid, columns, seen.old_schema)


def _present(connection: Connection[TupleRow], named: str | None) -> _Site:
    """The place of the existing installation."""
    row = connection.execute(statement("installation")).fetchone()
    if row is None:
        raise MigrationError("the table installation has lost its row; restore it from a backup")
    site = _Site(*row)
    if named is not None and named != site.interactions_schema:
        raise MigrationError(
            f"SIGNOFF_INTERACTIONS names {named}.interactions, but this installation works with "
            f"{site.interactions_schema}.interactions; correct it, or leave it unset"
        )
    return site


def _create_schema(connection: Connection[TupleRow], site: _Site) -> None:
    """Create the schema, and note in it where the interactions are."""
    home = sql.Identifier(site.home)
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(home))
    _enter(connection, site)
    connection.execute(statement("create_installation"))
    connection.execute(
        "INSERT INTO installation (interactions_schema, found_columns) VALUES (%s, %s)",
        [site.interactions_schema, site.found_columns],
    )
    if site.adopted is None:
        connection.execute("CREATE TABLE interactions (id uuid PRIMARY KEY)")
    if site.old_schema is not None:
        connection.execute(
            "SELECT set_config('signoff.moved_from', %s, true)", [str(site.old_schema)]
        )


def _enter(connection: Connection[TupleRow], site: _Site) -> None:
    """Set the search_path that workers have; functions keep it (FROM CURRENT)."""
    connection.execute(
        "SELECT set_config('search_path',"
        " concat_ws(', ', quote_ident(%s), quote_ident(nullif(%s, %s)), 'pg_temp'), true)",
        [site.home, site.interactions_schema, site.home],
    )


def _schema_of(interactions: str | None) -> str | None:
    if interactions is None:
        return None
    schema, _, table = interactions.rpartition(".")
    if not schema or table != "interactions":
        raise MigrationError(
            f"{interactions!r} does not name a table to adopt: SCHEMA.interactions is expected, "
            "such as public.interactions"
        )
    return schema


def missing_on(connection: Connection[TupleRow]) -> list[str]:
    """The migrations that this database lacks; all of them if there is no installation."""
    try:
        with connection.transaction():
            rows = connection.execute(statement("list_migrations")).fetchall()
    except psycopg.errors.UndefinedTable:
        rows = []
    applied = {name for (name,) in rows}
    missing = [name for name in _names() if name not in applied]
    return [*missing, NEW_EPOCH] if _FEED in applied and _is_restored(connection) else missing


def _is_restored(connection: Connection[TupleRow]) -> bool:
    return connection.execute("SELECT signoff_is_restored()").fetchone() == (True,)


def _catalog(
    connection: Connection[TupleRow], site: _Site
) -> dict[tuple[int, int, int], tuple[str, str]]:
    """The objects of the schema and of the table interactions, by their place in the catalog."""
    rows = connection.execute(
        statement("catalog"),
        {"home": site.home, "old": site.old_schema, "interactions": site.adopted},
    ).fetchall()
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def _changes(
    before: dict[tuple[int, int, int], tuple[str, str]],
    after: dict[tuple[int, int, int], tuple[str, str]],
) -> Iterator[str]:
    for place, (kind, identity) in before.items():
        if place not in after:
            yield f"drop {kind.removeprefix('table ')} {identity}"
        elif after[place][1] != identity:
            yield f"move {kind} {identity} to {after[place][1]}"
    for place, (kind, identity) in after.items():
        if place not in before:
            yield f"{_made(kind)} {identity}"


def _made(kind: str) -> str:
    """How a person says that there is a new one; "table column" is Postgres's term."""
    is_part = kind in {"table column", "table constraint"}
    return f"add {kind.removeprefix('table ')}" if is_part else f"create {kind}"


def _names() -> list[str]:
    scripts = (files("signoff_db") / "migrations").iterdir()
    return sorted(s.name.removesuffix(".sql") for s in scripts if s.name.endswith(".sql"))


def _script(name: str) -> LiteralString:
    return statement(f"migrations/{name}")


def _explained(error: psycopg.Error) -> str:
    hint = error.diag.message_hint
    return f"{error.diag.message_primary or error}{f'. {hint}' if hint else ''}"
