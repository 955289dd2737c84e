"""Run one statement on the caller's connection, with the caller's driver.

Each function returns whether the statement returned a row. It uses the driver's row count if there
is one, since a caller's row factory may return anything for a row.
"""

import sys
from collections.abc import Awaitable, Iterator
from contextlib import closing
from functools import cache
from importlib import import_module
from importlib.resources import files
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

from signoff_producer.outbox.validated import Row

_ADD: Final = files("signoff_producer.outbox").joinpath("add.sql").read_text("utf-8")
_MARKS: Final = {
    "format": "%s",
    "pyformat": "%({name})s",
    "named": ":{name}",
    "numeric": ":{number}",
    "qmark": "?",
}
"""The form of a parameter for a DB-API driver, by its module's `paramstyle`."""
_BY_NAME: Final = frozenset({"pyformat", "named"})
_POSTGRES_MARK: Final = "${number}"


def write(connection: Any, row: Row) -> bool | Awaitable[bool]:  # noqa: ANN401 -- any driver's
    """Run the statement; returns whether the event is in the outbox. Awaited if `execute` is.

    Raises:
        TypeError: this is not a connection, cursor or session.
    """
    if _is_sqlalchemys(connection):
        return _by_sqlalchemy(connection, row)
    if _made_by(connection, "asyncpg") and hasattr(connection, "fetchval"):
        return _by_asyncpg(connection, row)
    if hasattr(connection, "execute") and hasattr(connection, "fetchone"):
        return _by_cursor(connection, row)
    if hasattr(connection, "cursor"):
        return _by_connection(connection, row)
    raise TypeError(
        "outbox.add() takes the connection, cursor or session that the caller's transaction is on, "
        f"found {type(connection).__module__}.{type(connection).__qualname__}"
    )


def _is_sqlalchemys(connection: object) -> bool:
    """Whether it is SQLAlchemy's own connection or session, not a wrapped raw connection."""
    raw = hasattr(connection, "dbapi_connection")
    return _made_by(connection, "sqlalchemy") and hasattr(connection, "execute") and not raw


def _made_by(connection: object, package: str) -> bool:
    return any(kind.__module__.partition(".")[0] == package for kind in type(connection).__mro__)


def _by_sqlalchemy(connection: Any, row: Row) -> bool | Awaitable[bool]:  # noqa: ANN401
    statement = import_module("sqlalchemy").text(_statement(_MARKS["named"]))
    result = connection.execute(statement, row._asdict())
    if isawaitable(result):
        return _first(result)
    return bool(result.first())


async def _first(result: Awaitable[Any]) -> bool:
    return bool((await result).first())


async def _by_asyncpg(connection: Any, row: Row) -> bool:  # noqa: ANN401
    return await connection.fetchval(_statement(_POSTGRES_MARK), *row) is not None


def _by_connection(connection: Any, row: Row) -> bool | Awaitable[bool]:  # noqa: ANN401
    cursor = connection.cursor()
    if iscoroutinefunction(cursor.execute):
        return _by_own_awaited_cursor(cursor, row)
    with closing(cursor):
        return _by_cursor(cursor, row)


async def _by_own_awaited_cursor(cursor: Any, row: Row) -> bool:  # noqa: ANN401
    async with cursor:
        return await _by_awaited_cursor(cursor, row)


def _by_cursor(cursor: Any, row: Row) -> bool | Awaitable[bool]:  # noqa: ANN401
    if iscoroutinefunction(cursor.execute):
        return _by_awaited_cursor(cursor, row)
    cursor.execute(*_call(cursor, row))
    if cursor.rowcount < 0:  # not known yet, as in a pipeline
        return bool(cursor.fetchone())
    return bool(cursor.rowcount)


async def _by_awaited_cursor(cursor: Any, row: Row) -> bool:  # noqa: ANN401
    await cursor.execute(*_call(cursor, row))
    if cursor.rowcount < 0:
        return bool(await cursor.fetchone())
    return bool(cursor.rowcount)


def _call(cursor: object, row: Row) -> tuple[str, dict[str, str | bytes] | Row]:
    """The statement and its parameters, in the form that the cursor's driver takes."""
    if any(kind.__name__ == "RawCursorMixin" for kind in type(cursor).__mro__):
        return _statement(_POSTGRES_MARK), row  # psycopg's cursors for Postgres's own style
    style = next(_styles(cursor), "format")  # wrappers, such as Django's, have it like that
    return _statement(_MARKS[style]), row._asdict() if style in _BY_NAME else row


def sqlstate(error: Exception) -> str | None:
    """The SQLSTATE of a driver's error; None if it has none."""
    raised = getattr(error, "orig", None) or error  # SQLAlchemy's go around the driver's
    match raised.args:
        case [{"C": str(code)}]:  # pg8000's
            return code
    return getattr(raised, "sqlstate", None) or getattr(raised, "pgcode", None)


@cache
def _statement(mark: str) -> str:
    marks = {
        name: mark.format(name=name, number=number) for number, name in enumerate(Row._fields, 1)
    }
    return _ADD.format_map(marks)


def _styles(cursor: object) -> Iterator[str]:
    """The `paramstyle` of the modules that define the cursor's class, the nearest first."""
    for kind in type(cursor).__mro__:
        name = kind.__module__
        while name:
            style = getattr(sys.modules.get(name), "paramstyle", None)
            if style in _MARKS:
                yield style
            name = name.rpartition(".")[0]
