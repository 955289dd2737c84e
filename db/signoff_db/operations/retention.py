"""What is kept of operations and audits that have ended, and for how long."""

from datetime import timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement

LETTERS_KEPT: Final = timedelta(days=7)
"""So long after its end an operation's letters can be taken by another one; its results stay."""
AUDITS_KEPT: Final = timedelta(days=90)
"""So long the results of audits stay; the last one stays anyway."""


def letters_kept(connection: Connection[TupleRow], operation_id: int) -> bool:
    """Whether another operation can take the letters of this one."""
    parameters = {"operation": operation_id}
    return connection.execute(statement("operations/letters_kept"), parameters).fetchone() == (
        True,
    )


def forget(connection: Connection[TupleRow]) -> bool:
    """Forget the letters of one operation that ended long ago; whether there was one.

    If there was none, old audits are forgotten.

    Raises:
        psycopg.errors.InsufficientPrivilege: the role may not delete them.
    """
    kept = {"kept": LETTERS_KEPT}
    if connection.execute(statement("operations/forget_letters"), kept).rowcount:
        return True
    connection.execute(statement("audits/forget"), {"kept": AUDITS_KEPT})
    return False
