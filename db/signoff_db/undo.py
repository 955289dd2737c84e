"""Undo an installation: drop what `signoff migrate` created; an adopted table stays."""

from signoff_db.migrate import MigrationError, alone
from signoff_db.sql import statement


def undo(database_url: str) -> None:
    """Drop Signoff's schema with all its objects, and what was added to an adopted interactions.

    This deletes the ledger, the dead letters and the operators' actions. Columns that interactions
    had before keep their present values. An outbox is an upstream's, and stays.

    Raises:
        MigrationError: there is no installation, or other objects depend on its tables; nothing
            was changed.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with alone(database_url) as connection:
        found = connection.execute("SELECT to_regclass('installation')").fetchone()
        if found == (None,):
            raise MigrationError("the database has no installation of this release to take back")
        connection.execute(statement("undo"))
