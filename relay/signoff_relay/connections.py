"""The connection to the outbox's database, for commands that read or change it."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_db.read_connection import explained
from signoff_relay.table import OutboxTable
from signoff_schemas import Settings, SettingsError, masked


@contextmanager
def outbox_if_any(settings: Settings) -> Iterator[OutboxTable | None]:
    """The outbox, on a connection in autocommit mode; None if the database has none.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or the connection was lost.
    """
    url = settings.outbox
    with (
        connect(url, application="signoff cli", outbox=True) as connection,
        explained(url, remedy="signoff outbox create"),
    ):
        yield table_if_any(connection)


@contextmanager
def outbox_of(settings: Settings) -> Iterator[OutboxTable]:
    """The outbox, which must exist.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or the connection was lost.
        SettingsError: the database has no outbox, or one that an earlier release made.
    """
    with outbox_if_any(settings) as table:
        yield current(table, settings.outbox)


def table_if_any(connection: Connection[TupleRow]) -> OutboxTable | None:
    """The outbox in the connection's database; None if there is none."""
    table = OutboxTable(connection)
    return table if table.exists() else None


def current(table: OutboxTable | None, url: str) -> OutboxTable:
    """The outbox, if it exists and is up to date.

    Raises:
        SettingsError: it does not exist, or an earlier release made it.
    """
    if table is None:
        raise SettingsError(
            f"the database at {masked(url)} has no table signoff_outbox; make it "
            "with `signoff outbox create`, or set SIGNOFF_OUTBOX_URL to the database with it"
        )
    if lacking := table.lacking():
        raise SettingsError(
            f"the table signoff_outbox at {masked(url)} was made by an earlier release and lacks "
            f"the column {' and '.join(lacking)}; run `signoff outbox create`, or what "
            "`signoff outbox sql` prints, which adds it in a moment and keeps every row"
        )
    return table
