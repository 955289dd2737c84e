"""Bring a database's schema up to date, with yoyo-migrations.

Safe to run twice, and from many machines at once: a Postgres advisory lock lets one at a time in,
and goes by itself when its holder dies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any, Final

import psycopg
from yoyo import get_backend, read_migrations

from signoff_db.connection import connect
from signoff_db.sql import statement
from signoff_schemas import SignoffError, masked

_TABLE: Final = "signoff_migrations"
_LOCK: Final = 0x53_6967_6E6F_6666
"""Signoff's advisory lock for migrations ("Signoff" in ASCII)."""


class MigrationError(SignoffError):
    """The schema is behind, or could not be brought up to date; no migration is half done."""


def migrate(database_url: str) -> list[str]:
    """Apply every migration that the database lacks, each in its own transaction.

    Returns:
        The names of the migrations that were applied, in order; empty if there was nothing to do.

    Raises:
        MigrationError: a migration failed; the text says which table or column is in the way.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with _alone(database_url) as (backend, migrations):
        missing = backend.to_apply(migrations)
        names = [migration.id for migration in missing]
        backend.apply_migrations(missing)
        return names


def pending(database_url: str) -> list[str]:
    """The names of the migrations that the database lacks, in order; reads only.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    with connect(database_url) as connection:
        try:
            rows = connection.execute(statement("list_migrations")).fetchall()
        except psycopg.errors.UndefinedTable:
            rows = []
    applied = {name for (name,) in rows}
    return [name for name in _names() if name not in applied]


def require_current(database_url: str) -> None:
    """See that the database holds the tables this release works with.

    Raises:
        MigrationError: migrations are missing.
        DatabaseUnavailableError: the database cannot be reached.
    """
    missing = pending(database_url)
    if missing:
        raise MigrationError(
            f"the database lacks {len(missing)} migrations, from {missing[0]} on; "
            "run `signoff migrate`"
        )


def roll_back(database_url: str) -> list[str]:
    """Undo every migration, the newest first; the ledger and the dead letters are gone after it.

    Returns:
        The names of the migrations that were undone, in order.
    """
    with _alone(database_url) as (backend, migrations):
        applied = backend.to_rollback(migrations)
        names = [migration.id for migration in applied]
        backend.rollback_migrations(applied)
        return names


@contextmanager
def _alone(database_url: str) -> Iterator[tuple[Any, Any]]:
    """Yoyo's backend and the migrations, while no other machine migrates."""
    scheme, _, rest = database_url.partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise MigrationError(
            f"the database URL {masked(database_url)} must start with postgresql://"
        )
    with connect(database_url) as lock, as_file(files("signoff_db") / "migrations") as folder:
        lock.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            with get_backend(f"postgresql+psycopg://{rest}", migration_table=_TABLE) as backend:
                yield backend, read_migrations(str(folder))
        except psycopg.Error as error:
            raise MigrationError(_explained(error)) from error
        except ValueError as error:
            raise MigrationError(
                f"migrations cannot use the database URL {masked(database_url)}: {error}; "
                "give them one host, with its port"
            ) from error


def _names() -> list[str]:
    scripts = (files("signoff_db") / "migrations").iterdir()
    names = {s.name.removesuffix(".sql") for s in scripts if s.name.endswith(".sql")}
    return sorted(name for name in names if not name.endswith(".rollback"))


def _explained(error: psycopg.Error) -> str:
    hint = error.diag.message_hint
    return f"{error.diag.message_primary or error}{f'. {hint}' if hint else ''}"
