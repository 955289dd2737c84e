"""Read the customer facts without slowing what is more urgent: read-only, and not for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.reading import snapshot
from signoff_ops.insight_errors import TooSlowError

SECONDS: Final = 8.0
"""How long a statement of a view may take."""


@contextmanager
def reading(connection: Connection[TupleRow], what: str, seconds: float) -> Iterator[None]:
    """A read-only transaction, which sees one state, and whose statements may take so long each.

    Raises:
        TooSlowError: one took longer; the message names `what` was read.
    """
    try:
        with snapshot(connection):
            # Compiling a plan takes longer than these statements do.
            connection.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true)",
                [f"{round(seconds * 1000)}ms"],
            )
            yield
    except psycopg.errors.QueryCanceled as error:
        raise TooSlowError(
            f"{what} took longer than {seconds:g} s and was cut off; ask for a shorter time or "
            "fewer customers, or try again when the database has less to do"
        ) from error
