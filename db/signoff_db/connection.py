"""Connections to Postgres, with the session settings that Signoff's statements count on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from signoff_db.error_text import reason_of
from signoff_db.sql import statement
from signoff_schemas import SignoffError, masked

_CONNECT_TIMEOUT: Final = 10
_PING_TIMEOUT: Final = 2
_NETWORK: Final = {
    # A server whose host vanished says nothing: without these, who waits for it waits for hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
"""How long a silent network is trusted, in seconds and milliseconds; the URL may say otherwise."""
_FORMATS: Final = (
    # How values are written on the way to and fro.
    "bytea_output=hex",
    "standard_conforming_strings=on",
    # The statements count on seeing what was committed before each of them began.
    "default_transaction_isolation=read\\ committed",
    "default_transaction_deferrable=off",
)
"""What no role, database or URL may decide."""
_TIMEOUTS: Final = (
    "statement_timeout=0",
    "lock_timeout=0",
    "idle_session_timeout=0",
    "idle_in_transaction_session_timeout=0",
)
"""What no role or database may decide; the URL of a person who only looks may."""
_BATCHES: Final = (
    # Makes `open_session.sql` refuse a database that was restored and not migrated since.
    "signoff.batches=on",
    # The batch statement is large and short: compiling it costs more than running it.
    "jit=off",
    # One plan for every batch, made once, whatever the statistics of a young table say.
    "plan_cache_mode=force_generic_plan",
    "enable_seqscan=off",
    # A batch is sorted and joined in memory: what spills to disk also loses its order.
    "work_mem=64MB",
    *_TIMEOUTS,
    # A worker that stands still must not hold its locks for longer than its lease.
    "idle_in_transaction_session_timeout=10000",
)
_OUTBOX: Final = "signoff.outbox=on"
"""Makes `open_session.sql` keep the role's search_path: an outbox is found as the upstream's own
statements find it."""


C = TypeVar("C", bound=Connection[TupleRow])


class DatabaseUnavailableError(SignoffError):
    """Postgres cannot be reached, or ended the connection."""


def connect(
    database_url: str, *, application: str = "signoff", outbox: bool = False
) -> Connection[TupleRow]:
    """Open a connection in autocommit mode, for reading and for explicit transactions.

    Args:
        database_url: where; its `options` may set `signoff.schema`, where Signoff's tables are.
        application: what the connection calls itself in Postgres.
        outbox: names are looked up as the role does, not in Signoff's schema.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    return _open(Connection, database_url, application, _TIMEOUTS, _FORMATS, outbox=outbox)


def answers(database_url: str) -> bool:
    """Whether Postgres answers, be it that it is recovering or has no connection left."""
    target = make_conninfo(database_url, connect_timeout=_PING_TIMEOUT).encode()
    return PGconn.ping(target) in {Ping.OK, Ping.REJECT}


class BatchConnection(Connection[TupleRow]):
    """A connection with the session settings that applying counts on."""

    refuses_events = False
    """Whether rejected rows were found in the last batch that was looked at for them."""


def connect_for_batches(
    database_url: str, *, application: str, outbox: bool = False
) -> BatchConnection:
    """Open a connection on which batches are applied; see `connect`.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    ours = (*_FORMATS, *_BATCHES)
    return _open(BatchConnection, database_url, application, (), ours, outbox=outbox)


def pool_of(
    database_url: str, *, application: str, size: int, wait_seconds: float
) -> ConnectionPool[Connection[TupleRow]]:
    """Connections as `connect` opens them, kept for a service that answers many requests.

    Args:
        database_url: see `connect`.
        application: likewise.
        size: the most connections.
        wait_seconds: that a request waits for one; then `psycopg_pool.PoolTimeout` is raised.

    Returns:
        A pool that is not open yet. Each connection is looked at before it is lent, so that a
        restart of the server costs no request.
    """
    return ConnectionPool(
        _conninfo(database_url, _TIMEOUTS, _FORMATS, outbox=False),
        kwargs=_keywords(application),
        configure=_open_session,
        check=ConnectionPool.check_connection,
        min_size=min(1, size),
        max_size=size,
        timeout=wait_seconds,
        open=False,
    )


def _open(
    kind: type[C],
    database_url: str,
    application: str,
    defaults: Sequence[str],
    ours: Sequence[str],
    *,
    outbox: bool,
) -> C:
    """Connect and set what startup options cannot set for good."""
    try:
        connection = kind.connect(
            _conninfo(database_url, defaults, ours, outbox=outbox), **_keywords(application)
        )
    except psycopg.Error as error:
        raise DatabaseUnavailableError(
            f"Postgres at {masked(database_url)} cannot be reached: {reason_of(error)}"
        ) from error
    try:
        _open_session(connection)
    except psycopg.Error as error:
        connection.close()
        raise DatabaseUnavailableError(
            f"Postgres at {masked(database_url)} cannot be used: {reason_of(error)}"
        ) from error
    return connection


def _conninfo(
    database_url: str, defaults: Sequence[str], ours: Sequence[str], *, outbox: bool
) -> str:
    """Where and how to connect; of two settings of one name the later wins: ours at last."""
    given = _NETWORK | conninfo_to_dict(database_url)
    own = [*ours, *([_OUTBOX] if outbox else [])]
    given["options"] = " ".join(
        [*_switches(defaults), str(given.get("options") or ""), *_switches(own)]
    )
    given["client_encoding"] = "UTF8"
    return make_conninfo("", **given)


def _keywords(application: str) -> dict[str, Any]:
    return {
        "autocommit": True,
        "application_name": application,
        "connect_timeout": _CONNECT_TIMEOUT,
    }


def _open_session(connection: Connection[TupleRow]) -> None:
    connection.execute(statement("open_session"))


def _switches(settings: Iterable[str]) -> Iterator[str]:
    return (f"-c {setting}" for setting in settings)
