"""What the next reply should know of a customer, as the second database has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.error_text import reason_of
from signoff_db.read_connection import explained
from signoff_insight.rapport.create import REMEDY, create
from signoff_schemas import Settings, masked

__all__ = ["REMEDY", "both_explained", "context_of", "create_rapport"]


def create_rapport(settings: Settings) -> None:
    """Make the tables of the second database; what is there already stays as it is.

    Raises:
        AdoptionError: this Postgres is too old, or its encoding lacks characters.
        SettingsError: no second database is set, or the role may not make tables in it.
        DatabaseUnavailableError: it cannot be reached.
    """
    create(settings.rapport)


def context_of(connection: Connection[TupleRow], user_id: str) -> str | None:
    """The context of a customer as JSON, with how far contexts reach; None for an unknown one.

    The text is for the reader as it is: what upstreams wrote may hold numbers and depths that
    Python's JSON does not read.

    Args:
        connection: to the second database (`Settings.rapport`).
        user_id: the customer.
    """
    if "\0" in user_id:
        return None
    row = connection.execute("SELECT signoff_context(%s)::text", [user_id]).fetchone()
    return row[0] if row else None


@contextmanager
def both_explained(settings: Settings) -> Iterator[None]:
    """Turn psycopg's errors in a block that works with both databases into Signoff's own errors."""
    try:
        with explained(settings.rapport, remedy=REMEDY):
            yield
    except DatabaseUnavailableError as error:
        if not isinstance(error.__cause__, psycopg.OperationalError):
            raise
        urls = masked(settings.require("database_url")), masked(settings.require("rapport_url"))
        raise DatabaseUnavailableError(
            f"Postgres at {urls[0]} or at {urls[1]} failed: {reason_of(error.__cause__)}"
        ) from error
