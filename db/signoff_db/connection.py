"""Connections to Postgres, with the session settings that Signoff's statements need."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool

from signoff_db.error_text import reason_of
from signoff_db.instants import read_all_instants
from signoff_db.json_numbers import read_json
from signoff_db.sql import statement
from signoff_schemas import SignoffError, masked

_CONNECT_TIMEOUT: Final = 10
_PING_TIMEOUT: Final = 2
_NETWORK: Final = {
    # If the server's host is lost, no error arrives: without these, a client would wait for hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
"""When a silent connection counts as lost, in seconds and milliseconds; the URL may override it."""
_FORMATS: Final = (
    # The formats of values in both directions.
    "bytea_output=hex",
    "standard_conforming_strings=on",
    "array_nulls=on",
    "extra_float_digits=1",
    # Names of types and columns are compared as Postgres spells them.
    "quote_all_identifiers=off",
    # Each statement must see what was committed before it began.
    "default_transaction_isolation=read\\ committed",
    "default_transaction_deferrable=off",
)
"""Settings that no role, database or URL may override."""
_TIMEOUTS: Final = (
    "statement_timeout=0",
    "lock_timeout=0",
    "idle_session_timeout=0",
    "idle_in_transaction_session_timeout=0",
)
"""Settings that no role or database may override; the URL may, on connections that only read."""
_BATCHES: Final = (
    # Makes `open_session.sql` refuse a database that was restored and not migrated since.
    "signoff.batches=on",
    # The batch statement is long and runs for a short time: compiling it costs more than it saves.
    "jit=off",
    # One plan for every batch, made once, whatever the statistics of a new table are.
    "plan_cache_mode=force_generic_plan",
    "enable_seqscan=off",
    # A batch is sorted and joined in memory: rows that spill to disk would lose their order.
    "work_mem=64MB",
    *_TIMEOUTS,
    # A worker that is stuck must not hold its locks for longer than its lease.
    "idle_in_transaction_session_timeout=10000",
)
_SERVICE: Final = ("statement_timeout=8000", *_TIMEOUTS[1:])
"""Of connections on which a service answers requests; the URL may override them too."""
_ANSWER_SECONDS: Final = 10.0
"""How long a service waits for an answer: longer than statements may take there."""
_OUTBOX: Final = "signoff.outbox=on"
"""Makes `open_session.sql` keep the role's search_path, as the upstream's own statements use it to
find the outbox."""


C = TypeVar("C", bound=Connection[TupleRow])
T = TypeVar("T")


class DatabaseUnavailableError(SignoffError):
    """Postgres cannot be reached, or ended the connection."""


def connect(
    database_url: str, *, application: str = "signoff", outbox: bool = False
) -> Connection[TupleRow]:
    """Open a connection in autocommit mode, for reading and for explicit transactions.

    Args:
        database_url: its `options` may set `signoff.schema`, the schema of Signoff's tables.
        application: the connection's application name in Postgres.
        outbox: names are looked up in the role's search_path, not in Signoff's schema.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    opened = _open(Connection, database_url, application, _TIMEOUTS, _FORMATS, outbox=outbox)
    _read_as_written_by_others(opened)
    return opened


def answers(database_url: str) -> bool:
    """Whether Postgres answers; also if it is recovering or has no connection left."""
    target = make_conninfo(database_url, connect_timeout=_PING_TIMEOUT).encode()
    return PGconn.ping(target) in {Ping.OK, Ping.REJECT}


class BatchConnection(Connection[TupleRow]):
    """A connection with the session settings that `apply` needs."""

    refuses_events = False
    """Whether rejected rows were found in the last batch that was searched for them."""


class ServiceConnection(Connection[TupleRow]):
    """A connection of a service: if the server is silent, its requests do not wait for long."""

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:  # noqa: ANN401 -- as psycopg has them
        """Wait for an answer (psycopg calls this).

        Raises:
            psycopg.OperationalError: none came in time; the connection is closed.
        """
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: PQGen[T]) -> PQGen[T]:
        end = time.monotonic() + _ANSWER_SECONDS
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and time.monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer for {_ANSWER_SECONDS:g} s")
                state = gen.send(ready)
        except StopIteration as answered:
            answer: T = answered.value
            return answer


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
    database_url: str, *, application: str, size: int, wait_seconds: float, outbox: bool = False
) -> ConnectionPool[ServiceConnection]:
    """A pool of connections as `connect` opens them, for a service that answers many requests.

    Statements that take too long, and servers that do not answer, are errors.

    Args:
        database_url: see `connect`.
        application: likewise.
        size: the most connections.
        wait_seconds: how long a request waits; then `psycopg_pool.PoolTimeout` is raised.
        outbox: see `connect`; such connections are opened when they are needed.

    Returns:
        A pool that is not open yet. Each connection is checked before it is lent, so that no
        request fails because the server was restarted.
    """
    return ConnectionPool(
        _conninfo(database_url, _SERVICE, _FORMATS, outbox=outbox),
        connection_class=ServiceConnection,
        kwargs=_keywords(application),
        configure=_configure,
        check=ConnectionPool.check_connection,
        min_size=0 if outbox else min(1, size),
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
    """Connect, and set what startup options cannot set reliably."""
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
    """The connection parameters; if a setting occurs twice, the later one wins: ours are last."""
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


def _configure(connection: Connection[TupleRow]) -> None:
    """Prepare a connection of a pool."""
    _open_session(connection)
    _read_as_written_by_others(connection)


def _read_as_written_by_others(connection: Connection[TupleRow]) -> None:
    """Read values of an upstream's tables that psycopg does not."""
    set_json_loads(read_json, connection)
    read_all_instants(connection.adapters)


def _open_session(connection: Connection[TupleRow]) -> None:
    connection.execute(statement("open_session"))


def _switches(settings: Iterable[str]) -> Iterator[str]:
    return (f"-c {setting}" for setting in settings)
