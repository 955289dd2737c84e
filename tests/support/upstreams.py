"""Upstreams that add events to their outbox: one function for each kind of connection.

Each adds the events in one transaction, which it commits or rolls back.
"""

import asyncio
from contextlib import closing
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import psycopg2.extras
import sqlalchemy
import sqlalchemy.ext.asyncio
import sqlalchemy.orm
from psycopg.rows import class_row, dict_row
from role_password import hash_password

from signoff_producer import outbox


class Row:
    """What the caller's row factory returns."""

    def __init__(self, name: str) -> None:
        self.name = name


def psycopg_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """Psycopg's connection."""
    with psycopg.connect(url) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def psycopg_cursor(url: str, events: list[Any], *, commit: bool) -> None:
    """Psycopg's cursor, whose rows are mappings."""
    with psycopg.connect(url, row_factory=dict_row) as connection, connection.cursor() as cursor:
        for event in events:
            outbox.add(cursor, event)
        connection.commit() if commit else connection.rollback()


def psycopg_own_rows(url: str, events: list[Any], *, commit: bool) -> None:
    """psycopg, with rows that are made for the caller's own statements."""
    with psycopg.connect(url, row_factory=class_row(Row)) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def psycopg_raw(url: str, events: list[Any], *, commit: bool) -> None:
    """psycopg, with the parameters that Postgres itself has."""
    with psycopg.connect(url, cursor_factory=psycopg.RawCursor) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def psycopg_pipeline(url: str, events: list[Any], *, commit: bool) -> None:
    """psycopg, which sends on without waiting for results."""
    with psycopg.connect(url) as connection, connection.pipeline():
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def psycopg_async(url: str, events: list[Any], *, commit: bool) -> None:
    """Psycopg's awaited connection."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            for event in events:
                await outbox.add(connection, event)
            await (connection.commit() if commit else connection.rollback())

    asyncio.run(run())


def psycopg_async_cursor(url: str, events: list[Any], *, commit: bool) -> None:
    """Psycopg's awaited cursor."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            async with connection.cursor() as cursor:
                for event in events:
                    await outbox.add(cursor, event)
            await (connection.commit() if commit else connection.rollback())

    asyncio.run(run())


def psycopg2_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """psycopg2's connection, whose rows are mappings."""
    factory = psycopg2.extras.RealDictCursor
    with closing(psycopg2.connect(url, cursor_factory=factory)) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def psycopg2_cursor(url: str, events: list[Any], *, commit: bool) -> None:
    """psycopg2's cursor."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for event in events:
            outbox.add(cursor, event)
        connection.commit() if commit else connection.rollback()


def pg8000_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """pg8000's connection."""
    _hash_password_as_usual(url)
    with closing(pg8000.dbapi.connect(**parts(url))) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def asyncpg_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """A connection from asyncpg's pool."""

    async def run() -> None:
        async with asyncpg.create_pool(url, min_size=1) as pool, pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            for event in events:
                await outbox.add(connection, event)
            await (transaction.commit() if commit else transaction.rollback())

    asyncio.run(run())


def sqlalchemy_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """SQLAlchemy's connection."""
    with engine(url).connect() as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def sqlalchemy_session(url: str, events: list[Any], *, commit: bool) -> None:
    """SQLAlchemy's session, on pg8000."""
    _hash_password_as_usual(url)
    with sqlalchemy.orm.Session(engine(url, "pg8000")) as session:
        for event in events:
            outbox.add(session, event)
        session.commit() if commit else session.rollback()


def sqlalchemy_raw_connection(url: str, events: list[Any], *, commit: bool) -> None:
    """The driver's connection in the wrapper of SQLAlchemy's pool."""
    with closing(engine(url).raw_connection()) as connection:
        for event in events:
            outbox.add(connection, event)
        connection.commit() if commit else connection.rollback()


def sqlalchemy_async_session(url: str, events: list[Any], *, commit: bool) -> None:
    """SQLAlchemy's awaited session, on asyncpg."""

    async def run() -> None:
        source = sqlalchemy.ext.asyncio.create_async_engine(
            urlsplit(url)._replace(scheme="postgresql+asyncpg").geturl(),
            poolclass=sqlalchemy.NullPool,
        )
        async with sqlalchemy.ext.asyncio.AsyncSession(source) as session:
            for event in events:
                await outbox.add(session, event)
            await (session.commit() if commit else session.rollback())

    asyncio.run(run())


@cache
def _hash_password_as_usual(url: str) -> None:
    """As pg8000 wants it: the tests' server hashes in one round."""
    hash_password(url)


def engine(url: str, driver: str = "psycopg") -> sqlalchemy.Engine:
    """SQLAlchemy's way in; its connections are closed, not pooled."""
    target = urlsplit(url)._replace(scheme=f"postgresql+{driver}").geturl()
    return sqlalchemy.create_engine(target, poolclass=sqlalchemy.NullPool)


def parts(url: str) -> dict[str, Any]:
    """The URL as keyword arguments."""
    split = urlsplit(url)
    return {
        "host": split.hostname,
        "port": split.port,
        "user": split.username,
        "password": split.password,
        "database": split.path[1:],
    }


WAYS = [
    psycopg_connection,
    psycopg_cursor,
    psycopg_own_rows,
    psycopg_raw,
    psycopg_pipeline,
    psycopg_async,
    psycopg_async_cursor,
    psycopg2_connection,
    psycopg2_cursor,
    pg8000_connection,
    asyncpg_connection,
    sqlalchemy_connection,
    sqlalchemy_session,
    sqlalchemy_raw_connection,
    sqlalchemy_async_session,
]
