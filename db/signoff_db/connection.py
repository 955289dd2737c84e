"""Connections to Postgres, with the session settings that Signoff's statements count on."""

from typing import Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from signoff_schemas import SignoffError, masked

_CONNECT_TIMEOUT: Final = 10
_SESSION: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        # The batch statement is large and short: compiling it costs more than running it.
        "jit=off",
        # One plan for every batch, by index, whatever the statistics of a young table say.
        "plan_cache_mode=force_generic_plan",
        "enable_seqscan=off",
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


class BatchConnection(Connection[TupleRow]):
    """A connection on which batches are applied: it keeps their plans fresh."""

    _batches = 0

    def refresh_plans(self) -> None:
        """To be called once a batch: has plans made anew while the tables grow.

        A cached plan stays as it was made, perhaps for empty tables, until Postgres analyzes them.
        At powers of two and every 64 batches, planning costs next to nothing, and sees true sizes.
        """
        self._batches += 1
        if self._batches & (self._batches - 1) == 0 or self._batches % 64 == 0:
            self.execute("DISCARD PLANS")


def connect_for_batches(database_url: str, *, application: str) -> BatchConnection:
    """Open a connection on which batches are applied.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or refuses the connection.
    """
    return _open(BatchConnection, database_url, application, _SESSION)


def _open(kind: type[C], database_url: str, application: str, options: str) -> C:
    try:
        given = conninfo_to_dict(database_url).get("options") or ""
        return kind.connect(
            database_url,
            autocommit=True,
            application_name=application,
            connect_timeout=_CONNECT_TIMEOUT,
            options=f"{given} {options}",
        )
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0].rpartition("failed: ")[2]
        raise DatabaseUnavailableError(
            f"Postgres at {masked(database_url)} cannot be reached: {reason}"
        ) from error
