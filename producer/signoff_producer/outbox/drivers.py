"""One statement on whatever connection the caller has; the driver is the caller's.

Each way tells whether the statement returned a row: by the driver's count where it counts, since a
caller's row factory may make anything of the row itself.
"""

import sys
from collections.abc import Awaitable, Iterator
from contextlib import closing
from importlib import import_module
from importlib.resources import files
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

_ADD: Final = files("signoff_producer.outbox").joinpath("add.sql").read_text("utf-8")
_MARKS: Final = {
    "format": "%s",
    "pyformat": "%(event)s",
    "named": ":event",
    "numeric": ":1",
    "qmark": "?",
}
"""How a DB-API driver wants the one parameter written, by its module's `paramstyle`."""
_BY_NAME: Final = frozenset({"pyformat", "named"})


def write(connection: Any, event: str) -> bool | Awaitable[bool]:  # noqa: ANN401 -- any driver's
    """Run the statement; whether the event is in the outbox now, to be awaited where `execute` is.

    Raises:
        TypeError: this is no connection, cursor or session.
    """
    if _is_sqlalchemys(connection):
        return _by_sqlalchemy(connection, event)
    if _made_by(connection, "asyncpg") and hasattr(connection, "fetchval"):
        return _by_asyncpg(connection, event)
    if hasattr(connection, "execute") and hasattr(connection, "fetchone"):
        return _by_cursor(connection, event)
    if hasattr(connection, "cursor"):
        return _by_connection(connection, event)
    raise TypeError(
        "outbox.add() takes the connection, cursor or session that the caller's transaction is on, "
        f"found {type(connection).__module__}.{type(connection).__qualname__}"
    )


def _is_sqlalchemys(connection: object) -> bool:
    """A connection or session of its own; its raw connections are the driver's, in a wrapper."""
    raw = hasattr(connection, "dbapi_connection")
    return _made_by(connection, "sqlalchemy") and hasattr(connection, "execute") and not raw


def _made_by(connection: object, package: str) -> bool:
    return any(kind.__module__.partition(".")[0] == package for kind in type(connection).__mro__)


def _by_sqlalchemy(connection: Any, event: str) -> bool | Awaitable[bool]:  # noqa: ANN401
    statement = import_module("sqlalchemy").text(_ADD.replace("{event}", ":event"))
    result = connection.execute(statement, {"event": event})
    if isawaitable(result):
        return _first(result)
    return bool(result.first())


async def _first(result: Awaitable[Any]) -> bool:
    return bool((await result).first())


async def _by_asyncpg(connection: Any, event: str) -> bool:  # noqa: ANN401
    return await connection.fetchval(_ADD.replace("{event}", "$1"), event) is not None


def _by_connection(connection: Any, event: str) -> bool | Awaitable[bool]:  # noqa: ANN401
    cursor = connection.cursor()
    if iscoroutinefunction(cursor.execute):
        return _by_own_awaited_cursor(cursor, event)
    with closing(cursor):
        return _by_cursor(cursor, event)


async def _by_own_awaited_cursor(cursor: Any, event: str) -> bool:  # noqa: ANN401
    async with cursor:
        return await _by_awaited_cursor(cursor, event)


def _by_cursor(cursor: Any, event: str) -> bool | Awaitable[bool]:  # noqa: ANN401
    if iscoroutinefunction(cursor.execute):
        return _by_awaited_cursor(cursor, event)
    cursor.execute(*_call(cursor, event))
    if cursor.rowcount < 0:  # not known yet, as in a pipeline
        return bool(cursor.fetchone())
    return bool(cursor.rowcount)


async def _by_awaited_cursor(cursor: Any, event: str) -> bool:  # noqa: ANN401
    await cursor.execute(*_call(cursor, event))
    if cursor.rowcount < 0:
        return bool(await cursor.fetchone())
    return bool(cursor.rowcount)


def _call(cursor: object, event: str) -> tuple[str, dict[str, str] | tuple[str]]:
    """The statement and its parameter, in the spelling of the cursor's driver."""
    if any(kind.__name__ == "RawCursorMixin" for kind in type(cursor).__mro__):
        return _ADD.replace("{event}", "$1"), (event,)  # psycopg's cursors for Postgres's own style
    style = next(_styles(cursor), "format")  # wrappers, such as Django's, have it like that
    sql = _ADD.replace("{event}", _MARKS[style])
    return sql, {"event": event} if style in _BY_NAME else (event,)


def _styles(cursor: object) -> Iterator[str]:
    """What the modules say that the cursor's class comes from, the nearest first."""
    for kind in type(cursor).__mro__:
        name = kind.__module__
        while name:
            style = getattr(sys.modules.get(name), "paramstyle", None)
            if style in _MARKS:
                yield style
            name = name.rpartition(".")[0]
