"""A ledger with a second database beside it."""

from collections.abc import Iterator

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import open_rapport

from signoff_db.connection import connect
from signoff_insight.rapport.create import create
from signoff_insight.rapport.reader import RapportReader
from signoff_schemas import Settings


@pytest.fixture
def rapport_url(empty_database_url: str) -> str:
    """The URL of a second database with the tables of contexts."""
    url = Settings.load(rapport_url=empty_database_url).rapport
    create(url)
    return url


@pytest.fixture
def upstream(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection of another system to the ledger's database."""
    with connect(database_url, application="upstream") as connection:
        yield connection


@pytest.fixture
def reader(database_url: str, rapport_url: str) -> Iterator[RapportReader]:
    """A reader that has not begun."""
    with open_rapport(database_url, rapport_url) as reader:
        yield reader
