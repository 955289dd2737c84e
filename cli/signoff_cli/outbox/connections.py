"""The connection to the outbox's database, for commands that look at it or mend it."""

from collections.abc import Iterator
from contextlib import contextmanager

from signoff_cli.database import explained
from signoff_cli.outbox.table import OutboxTable
from signoff_db.connection import connect
from signoff_schemas import Settings, SettingsError, masked


@contextmanager
def outbox_if_any(settings: Settings) -> Iterator[OutboxTable | None]:
    """The outbox, on a connection in autocommit mode; None where the database has none.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or went away.
    """
    url = settings.outbox
    with (
        connect(url, application="signoff cli") as connection,
        explained(url, remedy="signoff outbox create"),
    ):
        table = OutboxTable(connection)
        yield table if table.exists() else None


@contextmanager
def outbox_of(settings: Settings) -> Iterator[OutboxTable]:
    """The outbox, which must be there.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or went away.
        SettingsError: the database has no outbox.
    """
    with outbox_if_any(settings) as table:
        if table is None:
            raise SettingsError(
                f"the database at {masked(settings.outbox)} has no table signoff_outbox; make it "
                "with `signoff outbox create`, or set SIGNOFF_OUTBOX_URL to the database with it"
            )
        yield table
