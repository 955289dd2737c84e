"""Make the tables of the second database."""

from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.adoption import check_server
from signoff_db.connection import connect
from signoff_db.read_connection import explained
from signoff_db.sql import statement
from signoff_insight.rapport.state import PACKAGE
from signoff_insight.report import InsightError
from signoff_schemas.database_url import RAPPORT_SCHEMA

REMEDY: Final = "signoff rapport create"
_LOCK: Final = 0x5A99
_MAKE_SCHEMA: Final = f"CREATE SCHEMA IF NOT EXISTS {RAPPORT_SCHEMA}"


class NotCreatedError(InsightError):
    """The second database has no tables for contexts."""


def create(rapport_url: str) -> None:
    """Make the tables and the function `signoff_context`; what is there already stays.

    Args:
        rapport_url: the second database; its `options` name the schema (`Settings.rapport`).

    Raises:
        AdoptionError: this Postgres is too old, or its encoding lacks characters.
        SettingsError: the role may not make them.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with (
        connect(rapport_url, application="signoff rapport create") as connection,
        explained(rapport_url),
        connection.transaction(),
    ):
        version = connection.info.server_version
        check_server(version, connection.info.parameter_status("server_encoding") or "")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_MAKE_SCHEMA)
        if not is_created(connection):
            connection.execute(statement("feed_readers_table"))
        connection.execute(statement("rapport/create", PACKAGE))


def is_created(connection: Connection[TupleRow]) -> bool:
    """Whether the tables are there."""
    found = connection.execute("SELECT to_regclass('feed_readers') IS NOT NULL").fetchone()
    return found == (True,)


def require_created(connection: Connection[TupleRow]) -> None:
    """Check that the tables are there.

    Raises:
        NotCreatedError: they are not.
    """
    if not is_created(connection):
        raise NotCreatedError(
            f"the second database (SIGNOFF_RAPPORT_URL) has no tables for contexts; run `{REMEDY}`"
        )
