"""Connections to the second database, which holds the contexts of customers.

It is optional, and may be away while all else works: so its errors are of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError, connect
from signoff_db.read_connection import explained
from signoff_insight.rapport.create import REMEDY
from signoff_schemas import Settings, SettingsError


class RapportNotSetError(SettingsError):
    """No second database is set, so no contexts are kept."""


class RapportUnavailableError(DatabaseUnavailableError):
    """The second database cannot be reached, or ended the connection."""


def rapport_url(settings: Settings) -> str:
    """The URL of the second database.

    Raises:
        RapportNotSetError: none is set.
    """
    if settings.rapport_url is None:
        raise RapportNotSetError(
            "no second database is set (SIGNOFF_RAPPORT_URL), so no contexts of customers are "
            "kept; docs/rapport.md tells how to set one up"
        )
    return settings.rapport


@contextmanager
def rapport_of(settings: Settings, application: str) -> Iterator[Connection[TupleRow]]:
    """A connection to the second database; `application` is its name there.

    Raises:
        RapportNotSetError, RapportUnavailableError: there is none, or it cannot be reached.
        SettingsError: it lacks its tables, or does not allow their use.
    """
    url = rapport_url(settings)
    with rapport_explained(url), connect(url, application=application) as connection:
        yield connection


@contextmanager
def rapport_explained(url: str) -> Iterator[None]:
    """Turn errors in the block into those of the second database."""
    try:
        with explained(url, remedy=REMEDY):
            yield
    except DatabaseUnavailableError as error:
        raise RapportUnavailableError(f"the second database is unavailable: {error}") from error
