"""Databases with facts, which the tests of a file share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from cdnow import cdnow_events
from insight import build_facts
from mixed_customers import mixed_customers
from plain_insight import PlainCustomer, plain_facts
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect


@pytest.fixture(scope="module")
def cdnow_facts(module_database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection to a database with the facts of the CDNOW sample; only to be read."""
    build_facts(module_database_url, cdnow_events())
    with connect(module_database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def cdnow_customers() -> dict[str, PlainCustomer]:
    """The customers of the CDNOW sample, computed in plain Python."""
    return plain_facts(cdnow_events())


@pytest.fixture(scope="module")
def mixed_facts(
    databases: Callable[[], AbstractContextManager[str]],
) -> Iterator[Connection[TupleRow]]:
    """A connection to a database with the facts of `mixed_customers`, in New York's days."""
    with databases() as url:
        build_facts(url, mixed_customers(), "America/New_York")
        with connect(url) as connection:
            yield connection


@pytest.fixture(scope="session")
def mixed_plain() -> dict[str, PlainCustomer]:
    """These customers, computed in plain Python."""
    return plain_facts(mixed_customers())
