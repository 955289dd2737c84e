"""Keep the customer facts: the process behind `signoff insight run`."""

import threading
from contextlib import closing, suppress

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_db.read_connection import explained
from signoff_insight.facts.reader import FactsReader
from signoff_ops.reader_run import OnProgress, until_caught_up
from signoff_schemas import Settings

__all__ = ["catch_up", "keep_facts", "rebuild_facts"]


def keep_facts(settings: Settings, stop: threading.Event) -> None:
    """Keep the facts until `stop` is set; the first time, they are built.

    Raises:
        SettingsError: no database is set.
        MigrationError: the database lacks tables. One that cannot be reached is waited for.
    """
    url = settings.require("database_url")
    with suppress(DatabaseUnavailableError):
        require_current(url)
    _reader(settings).run(stop)


def catch_up(settings: Settings, stop: threading.Event, on_progress: OnProgress) -> bool:
    """Bring the facts up to date with the ledger; returns False if it was stopped before.

    Args:
        settings: with the database and the time zone.
        stop: set to end after the batch in hand; the next call goes on there.
        on_progress: told while the facts of all customers are computed.

    Raises:
        SettingsError: no database is set, or it does not allow this role to write the facts.
        MigrationError: the database lacks tables.
        DatabaseUnavailableError: Postgres is unavailable or read-only; what is committed stays.
    """
    url = settings.require("database_url")
    require_current(url)
    with closing(_reader(settings)) as reader, explained(url):
        return until_caught_up(reader, stop, on_progress)


def rebuild_facts(settings: Settings, stop: threading.Event, on_progress: OnProgress) -> bool:
    """Compute the facts of all customers anew from the ledger, and catch up.

    Until then, charts show the facts that are there. A process that keeps the facts meanwhile takes
    part.

    Raises:
        SettingsError, MigrationError, DatabaseUnavailableError: as `catch_up`.
    """
    url = settings.require("database_url")
    require_current(url)
    with closing(_reader(settings)) as reader, explained(url):
        reader.begin_rebuild()
    return catch_up(settings, stop, on_progress)


def _reader(settings: Settings) -> FactsReader:
    return FactsReader(settings.require("database_url"), settings.timezone)
