"""Connections to Postgres, with the session settings that Signoff's statements count on."""

from typing import Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg.rows import TupleRow

from signoff_db.error_text import reason_of
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
_SESSION: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        # The batch statement is large and short: compiling it costs more than running it.
        "jit=off",
        # One plan for every batch, made once, whatever the statistics of a young table say.
        "plan_cache_mode=force_generic_plan",
        "enable_seqscan=off",
        # A batch is sorted and joined in memory: what spills to disk also loses its order.
        "work_mem=64MB",
        # A worker that stands still must not hold its locks for longer than its lease.
        "idle_in_transaction_session_timeout=10000",
        # A timeout set for this role or database would end the same batch again and again.
        "statement_timeout=0",
        "lock_timeout=0",
    )
)


C = TypeVar("C", bound=Connection[TupleRow])


class DatabaseUnavailableError(SignoffError):
    """Postgres cannot be reached, or ended the connection."""


def connect(database_url: str, *, application: str = "signoff") -> Connection[TupleRow]:
    """Open a connection in autocommit mode, for reading and for explicit transactions.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    return _open(Connection, database_url, application, "-c timezone=UTC")


def answers(database_url: str) -> bool:
    """Whether Postgres answers, be it that it is recovering or has no connection left."""
    target = make_conninfo(database_url, connect_timeout=_PING_TIMEOUT).encode()
    return PGconn.ping(target) in {Ping.OK, Ping.REJECT}


class BatchConnection(Connection[TupleRow]):
    """A connection with the session settings that applying counts on."""

    refuses_events = False
    """Whether Postgres refused events of the last batch that was sifted."""


def connect_for_batches(database_url: str, *, application: str) -> BatchConnection:
    """Open a connection on which batches are applied.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    return _open(BatchConnection, database_url, application, _SESSION)


def _open(kind: type[C], database_url: str, application: str, options: str) -> C:
    try:
        given = _NETWORK | conninfo_to_dict(database_url)
        given["options"] = f"{given.get('options') or ''} {options}"
        return kind.connect(
            make_conninfo("", **given),
            autocommit=True,
            application_name=application,
            connect_timeout=_CONNECT_TIMEOUT,
        )
    except psycopg.Error as error:
        raise DatabaseUnavailableError(
            f"Postgres at {masked(database_url)} cannot be reached: {reason_of(error)}"
        ) from error
