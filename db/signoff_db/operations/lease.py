"""A runner takes an operation under a lease, and gives it back or ends it.

No lock is held while an operation runs. The lease's id is a fencing token: whoever has lost the
lease can note nothing, and its batch is rolled back (`progress.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.operations.operation import OperationAction, OperationState
from signoff_db.sql import statement
from signoff_schemas import SignoffError

LEASE: Final = timedelta(seconds=30)
"""How long an operation waits for a runner that was killed."""


class LeaseLostError(SignoffError):
    """Another runner has the operation, or it was cancelled: what is not committed is undone."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An operation that a runner has taken, as it was then."""

    id: int
    lease: UUID
    action: OperationAction
    dry_run: bool
    actor: str
    reason: str | None
    rate: float | None
    keep_going: bool
    letters: int
    place: int
    """All letters up to this place are tried."""
    tried_ahead: Sequence[int]
    """Letters after that place that are tried already."""
    streak_of: str | None
    """The cause of the latest failures in a row."""
    streak: int
    """Their number."""
    takes: int
    """How many runners have taken it since the last progress, this one included."""
    length: timedelta
    """That of the lease."""


@dataclass(frozen=True, slots=True)
class End:
    """How an operation ended."""

    state: OperationState
    message: str | None = None
    stopped_by: str | None = None


def claim(connection: Connection[TupleRow], *, lease: timedelta = LEASE) -> Claimed | None:
    """Take the operation that has been due for longest; None if none is due."""
    row = connection.execute(statement("operations/claim"), {"lease": lease}).fetchone()
    if row is None:
        return None
    number, token, action, *others = row
    return Claimed(number, token, OperationAction(action), *others)


def release(connection: Connection[TupleRow], claimed: Claimed, seconds: float = 0.0) -> None:
    """Let any runner take it again, after some seconds."""
    parameters = {"operation": claimed.id, "lease": claimed.lease, "seconds": seconds}
    connection.execute(statement("operations/release"), parameters)


def end(connection: Connection[TupleRow], claimed: Claimed, ended: End) -> None:
    """Note how it ended, unless the lease is lost."""
    connection.execute(
        statement("operations/end"),
        {
            "operation": claimed.id,
            "lease": claimed.lease,
            "state": str(ended.state),
            "message": ended.message,
            "stopped_by": ended.stopped_by,
        },
    )


def seconds_to_next(connection: Connection[TupleRow]) -> float | None:
    """In how many seconds the next operation is due; None if there is none."""
    row = connection.execute(statement("operations/next_due")).fetchone()
    return row[0] if row else None


def others_wait(connection: Connection[TupleRow], claimed: Claimed) -> bool:
    """Whether another operation is due."""
    parameters = {"operation": claimed.id}
    row = connection.execute(statement("operations/others_wait"), parameters).fetchone()
    return row == (True,)


def beat(connection: Connection[TupleRow], runner: UUID, name: str) -> None:
    """Note that a runner runs, for people who look."""
    connection.execute(statement("operations/beat"), {"id": runner, "name": name})


def leave(connection: Connection[TupleRow], runner: UUID) -> None:
    """Note that a runner has ended."""
    connection.execute(statement("operations/leave"), {"id": runner})
