"""Keep the contexts of customers: the process behind `signoff rapport run`."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_insight.rapport.reader import RapportReader
from signoff_ops.rapport import both_explained
from signoff_ops.reader_run import OnProgress, until_caught_up
from signoff_schemas import Settings

__all__ = ["catch_up", "keep_contexts", "rebuild_contexts"]


def keep_contexts(settings: Settings, stop: threading.Event) -> None:
    """Keep the contexts until `stop` is set; the first time, all are computed.

    Raises:
        SettingsError: one of the two databases is not set.
        MigrationError: the ledger's database lacks tables. A database that cannot be reached is
            waited for.
    """
    with suppress(DatabaseUnavailableError):
        require_current(settings.require("database_url"))
    _reader(settings).run(stop)


def catch_up(settings: Settings, stop: threading.Event, on_progress: OnProgress) -> bool:
    """Bring the contexts up to date with the ledger; returns False if it was stopped before.

    Args:
        settings: with both databases.
        stop: set to end after the turn in hand; the next call goes on there.
        on_progress: told while the contexts of all customers are computed.

    Raises:
        SettingsError: one of the two databases is not set.
        MigrationError: the ledger's database lacks tables.
        NotCreatedError: the second database lacks tables.
        FeedRestoredError: the ledger is not the one that the contexts were computed from.
        DatabaseUnavailableError: a server is unavailable; what is committed stays.
    """
    with _opened(settings) as reader:
        return until_caught_up(reader, stop, on_progress)


def rebuild_contexts(settings: Settings, stop: threading.Event, on_progress: OnProgress) -> bool:
    """Compute the contexts of all customers anew from the ledger, and catch up.

    Until then, the contexts that are there are shown. A process that keeps them meanwhile takes
    part.

    Raises:
        SettingsError, MigrationError, NotCreatedError, DatabaseUnavailableError: as `catch_up`.
    """
    with _opened(settings) as reader:
        reader.begin_rebuild()
    return catch_up(settings, stop, on_progress)


@contextmanager
def _opened(settings: Settings) -> Iterator[RapportReader]:
    ledger_url = settings.require("database_url")
    require_current(ledger_url)
    with closing(_reader(settings)) as reader, both_explained(settings):
        yield reader


def _reader(settings: Settings) -> RapportReader:
    return RapportReader(settings.require("database_url"), settings.rapport)
