"""The database's schema: bring it up to date, try that out, or take all of it back."""

from signoff_db import migrate as migrations
from signoff_db import undo as undoing
from signoff_db.migrate import Migrated
from signoff_ops.outbox import complete_outbox
from signoff_schemas import Settings


def migrate(settings: Settings) -> list[str]:
    """Apply every migration that the database lacks, all in one transaction.

    Then the database gets an outbox, from which the review desk's approvals are published. If the
    role may not make tables where relays look for it, it is left out: `signoff doctor` says so.

    Returns:
        The names of the migrations that were applied, in order; empty if there was nothing to do.

    Raises:
        AdoptionError: the database, or its table interactions, does not fit.
        MigrationError: a migration failed; nothing was changed.
        DatabaseUnavailableError: the database cannot be reached.
        SettingsError: no database is set.
    """
    url = settings.require("database_url")
    applied = migrations.migrate(url, interactions=settings.interactions)
    complete_outbox(url)
    return applied


def dry_run(settings: Settings) -> Migrated:
    """Do what `migrate` would do, return it, and roll it back; the tables are locked meanwhile.

    Raises:
        AdoptionError, MigrationError, DatabaseUnavailableError, SettingsError: as `migrate`.
    """
    return migrations.dry_run(settings.require("database_url"), interactions=settings.interactions)


def pending(settings: Settings) -> list[str]:
    """The names of the migrations that the database lacks, in order; reads only.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
        SettingsError: no database is set.
    """
    return migrations.pending(settings.require("database_url"))


def undo(settings: Settings) -> str:
    """Drop Signoff's schema with all it holds, the ledger too; returns the schema's name.

    A table interactions that was adopted stays, with the values that it holds now.

    Raises:
        MigrationError: there is no installation, or others build on its tables; nothing changed.
        DatabaseUnavailableError: the database cannot be reached.
        SettingsError: no database is set.
    """
    undoing.undo(settings.require("database_url"))
    return settings.db_schema
