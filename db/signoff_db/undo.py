"""Take an installation back: what `signoff migrate` made goes, an adopted table stays."""

from signoff_db.migrate import MigrationError, alone
from signoff_db.sql import statement


def undo(database_url: str) -> None:
    """Drop Signoff's schema with all it holds, and what was added to an adopted interactions.

    The ledger, the dead letters and the operators' actions are gone after it. Columns that
    interactions had before keep what they hold now. An outbox is an upstream's, and stays.

    Raises:
        MigrationError: there is no installation, or others build on its tables; nothing changed.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with alone(database_url) as connection:
        found = connection.execute("SELECT to_regclass('installation')").fetchone()
        if found == (None,):
            raise MigrationError("the database has no installation of this release to take back")
        connection.execute(statement("undo"))
