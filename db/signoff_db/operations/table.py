"""Read, list and cancel operations; they are rows in Postgres."""

from datetime import timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.operations.operation import Operation, OperationAction
from signoff_db.operator_actions import Action, note
from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.sql import statement
from signoff_schemas import SignoffError

RUNNER_APPLICATION: Final = "signoff operations"
"""The application name of the connection of a process that runs operations."""
_LIST: Final = "operations"


class NoSuchOperationError(SignoffError):
    """There is no operation of this number."""


class OperationEndedError(SignoffError):
    """The operation has ended already."""


def read(connection: Connection[TupleRow], operation_id: int) -> Operation | None:
    """One operation; None if there is none of this number."""
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        return rows.execute(statement("operations/read"), {"operation": operation_id}).fetchone()


def page(
    connection: Connection[TupleRow],
    *,
    action: OperationAction | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Operation]:
    """A page of operations, the newest first, without the results of letters.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    parameters = {
        "limit": limit + 1,
        "before": key_of(cursor, _LIST, row_id),
        "action": None if action is None else str(action),
    }
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        found = rows.execute(statement("operations/list"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda operation: operation.id)


def followers(connection: Connection[TupleRow], operation_id: int, limit: int) -> list[Operation]:
    """The newest operations on the letters of another one."""
    parameters = {"operation": operation_id, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        return rows.execute(statement("operations/followers"), parameters).fetchall()


def cancel(connection: Connection[TupleRow], operation_id: int, actor: str) -> None:
    """End an operation; a batch that a runner has in hand is rolled back.

    Raises:
        NoSuchOperationError: there is no such operation.
        OperationEndedError: it has ended already.
    """
    with connection.transaction():
        parameters = {"operation": operation_id, "actor": actor}
        ended = connection.execute(statement("operations/cancel"), parameters).fetchone()
        if ended is None:
            raise _why_not(read(connection, operation_id), operation_id)
        letters, tried = ended
        note(
            connection,
            actor,
            Action.CANCEL_OPERATION,
            [],
            None,
            before={"operation": operation_id, "letters": letters, "tried": tried},
            after="cancelled",
            operation=operation_id,
        )


def count_open(connection: Connection[TupleRow], *, most: int) -> int:
    """How many operations have not ended; `most` stands for that many or more."""
    row = connection.execute(statement("operations/open"), {"most": most}).fetchone()
    return int(row[0]) if row else 0


def may_read(connection: Connection[TupleRow]) -> bool:
    """Whether the role of the connection may read operations and their runners."""
    return connection.execute(statement("operations/may_read")).fetchone() == (True,)


def has_runner(connection: Connection[TupleRow], within: timedelta) -> bool:
    """Whether a process runs operations: it was seen within this time, or is connected."""
    parameters = {"within": within, "application": RUNNER_APPLICATION}
    row = connection.execute(statement("operations/runner_seen"), parameters).fetchone()
    return row == (True,)


def _why_not(operation: Operation | None, operation_id: int) -> SignoffError:
    """The reason why an operation cannot be cancelled."""
    if operation is None:
        return NoSuchOperationError(f"there is no operation {operation_id}")
    return OperationEndedError(f"operation {operation_id} has ended already: {operation.state}")
