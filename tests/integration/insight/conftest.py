"""Databases with facts, which all tests of a process share: they only read them."""

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


@pytest.fixture(scope="session")
def cdnow_url(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The URL of a database with the facts of the CDNOW sample."""
    with databases() as url:
        build_facts(url, cdnow_events())
        yield url


@pytest.fixture(scope="session")
def cdnow_facts(cdnow_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection to it."""
    with connect(cdnow_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def cdnow_customers() -> dict[str, PlainCustomer]:
    """The customers of the CDNOW sample, computed in plain Python."""
    return plain_facts(cdnow_events())


@pytest.fixture(scope="session")
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
