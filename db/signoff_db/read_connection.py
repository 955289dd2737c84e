"""Connections to Postgres for use cases: errors of the driver become errors of Signoff."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    connect,
    connect_for_batches,
)
from signoff_db.error_text import reason_of
from signoff_schemas import Settings, SettingsError, masked

# The driver warns if Ctrl-C interrupts a rollback; without a handler, that would be printed.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


@contextmanager
def database_of(settings: Settings) -> Iterator[Connection[TupleRow]]:
    """A connection in autocommit mode.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or the connection was lost.
        SettingsError: it lacks Signoff's tables, or does not allow their use.
    """
    url = settings.require("database_url")
    with connect(url, application="signoff cli") as connection, explained(url):
        yield connection


@contextmanager
def batches_of(settings: Settings, application: str) -> Iterator[BatchConnection]:
    """A connection on which events are applied; `application` is its name in Postgres.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or the connection was lost.
        SettingsError: it lacks Signoff's tables, or does not allow their use.
    """
    url = settings.require("database_url")
    with connect_for_batches(url, application=application) as connection, explained(url):
        yield connection


@contextmanager
def explained(url: str, *, remedy: str = "signoff migrate") -> Iterator[None]:
    """Turn psycopg's errors in the block into Signoff's own errors.

    `remedy` is the command that creates missing tables.
    """
    try:
        yield
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
    ) as error:
        raise SettingsError(
            f"the database at {masked(url)} lacks what this release works with "
            f"({error.diag.message_primary}); run `{remedy}`"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise SettingsError(
            f"the database at {masked(url)} does not allow it: {error.diag.message_primary}"
        ) from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise read_only(url) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"Postgres at {masked(url)} failed: {reason_of(error)}"
        ) from error


def require_writable(connection: Connection[TupleRow], url: str) -> None:
    """Check that the database can be written to, before an action that has to be recorded in it.

    Raises:
        DatabaseUnavailableError: it is read-only.
    """
    row = connection.execute("SELECT current_setting('transaction_read_only')").fetchone()
    if row == ("on",):
        raise read_only(url)


def read_only(url: str) -> DatabaseUnavailableError:
    """The error for a read-only database; it may be temporary, as after a failover."""
    return DatabaseUnavailableError(
        f"Postgres at {masked(url)} is read-only (a standby, or default_transaction_read_only is "
        "on), and this has to write to it; use the primary"
    )
