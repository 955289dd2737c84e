"""Which keys change, as Postgres notifies it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_db.read_connection import explained

_CHANNEL: Final = "signoff_keys"
"""The channel that the triggers of `api_keys` notify."""
ALL_KEYS: Final = ""
"""What is notified instead of an id where all keys may have changed."""


class KeyChanges:
    """A connection that listens."""

    def __init__(self, connection: Connection[TupleRow], database_url: str) -> None:
        self._connection = connection
        self._database_url = database_url

    def wait(self, seconds: float) -> list[str]:
        """Wait for changes for so long; returns the ids of keys that changed.

        Raises:
            DatabaseUnavailableError: the connection was lost.
        """
        with explained(self._database_url):
            heard = self._connection.notifies(timeout=seconds, stop_after=1)
            return [notice.payload for notice in heard]

    def check(self) -> None:
        """Check that Postgres still answers.

        Raises:
            DatabaseUnavailableError: the connection was lost.
        """
        with explained(self._database_url):
            self._connection.execute("SELECT 1")


@contextmanager
def listening(database_url: str) -> Iterator[KeyChanges]:
    """Listen on a connection of its own.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or is a standby.
    """
    with (
        connect(database_url, application="signoff-web keys") as connection,
        explained(database_url),
    ):
        connection.execute(f"LISTEN {_CHANNEL}")
        yield KeyChanges(connection, database_url)
