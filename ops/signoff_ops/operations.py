"""Operations: replay or discard many dead letters in a process beside the request.

An operation acts on a fixed set of dead letters. It is a row in Postgres, so it goes on after a
restart of whoever started it or runs it (`operation_run.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import psycopg

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.letter_search import Counted
from signoff_db.operations import dead_letters, retention, starting, table
from signoff_db.operations.effect import Effect, FailingCause, Holders
from signoff_db.operations.operation import Operation, OperationAction, OperationState
from signoff_db.operations.retention import LETTERS_KEPT
from signoff_db.operations.starting import (
    KeyUsedError,
    NothingMatchesError,
    TooManyOperationsError,
    Wanted,
)
from signoff_db.operations.table import NoSuchOperationError, OperationEndedError
from signoff_db.pages import Page
from signoff_db.selection import Selection
from signoff_ops.operating import Operator
from signoff_ops.servers import Servers
from signoff_schemas import SignoffError

__all__ = [
    "LETTERS_KEPT",
    "DatabaseUnavailableError",
    "Effect",
    "FailingCause",
    "Holders",
    "KeyUsedError",
    "NoSuchOperationError",
    "NothingMatchesError",
    "Operation",
    "OperationAction",
    "OperationEndedError",
    "OperationState",
    "TooManyOperationsError",
    "WrongOperationError",
    "cancel_operation",
    "dead_letters_of",
    "followers",
    "letters_kept",
    "operation",
    "operations_page",
    "runner_note",
    "start_from",
    "start_operation",
]

LONGEST_REASON: Final = 2000
SLOWEST_RATE: Final = 0.1
"""Letters a second."""
_APPLICATION: Final = "signoff operations start"
_MOST_FOLLOWERS: Final = 20
_COUNT_SECONDS: Final = 0.2
"""How long a page waits for a number of letters."""
RUNNER_AWAY_AFTER: Final = timedelta(seconds=45)
"""A runner that was last seen longer ago than this does not run."""


class WrongOperationError(SignoffError):
    """What was asked for cannot be an operation."""


def start_operation(
    servers: Servers,
    selection: Selection,
    operator: Operator,
    action: OperationAction,
    *,
    limit: int | None = None,
    rate: float | None = None,
    keep_going: bool = False,
    request_key: UUID | None = None,
) -> Operation:
    """Start an operation on the chosen letters that are dead now: all, or the oldest `limit`.

    Args:
        servers: where.
        selection: which letters.
        operator: who acts, why, and whether it is a dry run.
        action: what to do with them.
        limit: the most letters.
        rate: the most letters a second; a dry run ignores it.
        keep_going: do not stop when one cause keeps recurring.
        request_key: if the same request was made before, the operation that it started is returned.

    Raises:
        NothingMatchesError: no letter matches.
        WrongOperationError: a discard without a reason; a limit, rate or reason out of bounds.
        KeyUsedError: the key belongs to another request.
        TooManyOperationsError: too many wait or run already.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    wanted = _wanted(action, operator, limit, rate, request_key, keep_going=keep_going)
    with servers.batches(_APPLICATION) as connection, _choosing():
        return _found(table.read(connection, starting.start(connection, selection, wanted)))


def start_from(
    servers: Servers,
    operation_id: int,
    operator: Operator,
    *,
    limit: int | None = None,
    rate: float | None = None,
    keep_going: bool = False,
    request_key: UUID | None = None,
) -> Operation:
    """Start an operation on the letters of another one that are still dead; it does the same.

    After a dry run, this is how to do it; after the first ten, how to do the rest.

    Raises:
        NoSuchOperationError: there is no such operation.
        NothingMatchesError: none of its letters is dead any more, or they are not kept.
        WrongOperationError, KeyUsedError, TooManyOperationsError, DatabaseUnavailableError: as
            `start_operation`.
    """
    with servers.batches(_APPLICATION) as connection, _choosing():
        source = table.read(connection, operation_id)
        if source is None:
            raise NoSuchOperationError(f"there is no operation {operation_id}")
        wanted = _wanted(source.action, operator, limit, rate, request_key, keep_going=keep_going)
        started = starting.start_from(connection, operation_id, wanted)
        return _found(table.read(connection, started))


def has_dry_run(servers: Servers, selection: Selection) -> bool:
    """Whether a dry run of a replay of exactly these letters is done.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return starting.has_dry_run(connection, selection)


def operation(servers: Servers, operation_id: int) -> Operation | None:
    """One operation; None if there is none of this number.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.read(connection, operation_id)


def operations_page(
    servers: Servers,
    *,
    action: OperationAction | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Operation]:
    """A page of operations, the newest first, without the results of letters.

    Raises:
        CursorError: the cursor is not one of this list.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.page(connection, action=action, limit=limit, cursor=cursor)


def cancel_operation(servers: Servers, operation_id: int, actor: str) -> Operation:
    """End an operation. What it has done stays; a batch in hand is rolled back.

    Raises:
        NoSuchOperationError: there is no such operation.
        OperationEndedError: it has ended already.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        table.cancel(connection, operation_id, actor)
        return _found(table.read(connection, operation_id))


def followers(servers: Servers, operation_id: int) -> list[Operation]:
    """The newest operations on the letters of another one.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.followers(connection, operation_id, _MOST_FOLLOWERS)


def dead_letters_of(servers: Servers, operation_id: int) -> Counted | None:
    """How many letters of an operation are still dead, up to 10,000; None if it took too long.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return dead_letters.count_dead(connection, operation_id, seconds=_COUNT_SECONDS)


def letters_kept(servers: Servers, operation_id: int) -> bool:
    """Whether `start_from` can take this operation's letters: for `LETTERS_KEPT` after its end.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return retention.letters_kept(connection, operation_id)


def runner_note(servers: Servers, operation: Operation) -> str | None:
    """What people must know if an operation waits and no process is there that runs it.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    if operation.state.ended or operation.held:
        return None
    with servers.database() as connection:
        if table.has_runner(connection, RUNNER_AWAY_AFTER):
            return None
    return (
        "It waits, and no process is there that runs operations. Start one: signoff operations "
        "run, or signoff serve, which brings one along."
    )


@contextmanager
def _choosing() -> Iterator[None]:
    """Say what to do if choosing letters takes too long."""
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise WrongOperationError(
            "choosing the letters took too long; choose fewer: by cause, kind, customer or time"
        ) from None


def _stripped(reason: str | None) -> str | None:
    return (reason or "").strip() or None


def _wanted(
    action: OperationAction,
    operator: Operator,
    limit: int | None,
    rate: float | None,
    request_key: UUID | None,
    *,
    keep_going: bool,
) -> Wanted:
    reason, dry_run = _stripped(operator.reason), operator.dry_run
    return _checked(
        Wanted(action, operator.actor, reason, dry_run, limit, rate, keep_going, request_key)
    )


def _checked(wanted: Wanted) -> Wanted:
    """Check what Postgres would refuse with an error.

    Raises:
        WrongOperationError: it cannot be done.
    """
    if wanted.action is OperationAction.DISCARD and wanted.reason is None:
        raise WrongOperationError("a discard wants a reason: it is kept in operator_actions")
    if wanted.reason is not None and len(wanted.reason) > LONGEST_REASON:
        raise WrongOperationError(
            f"the reason has {len(wanted.reason):,} characters; at most {LONGEST_REASON:,} are kept"
        )
    if wanted.limit is not None and wanted.limit < 1:
        raise WrongOperationError(f"the limit is {wanted.limit}; it must be 1 or more")
    if wanted.rate is not None and not SLOWEST_RATE <= wanted.rate < float("inf"):
        raise WrongOperationError(
            f"the rate is {wanted.rate:g} a second; it must be {SLOWEST_RATE:g} or more"
        )
    return wanted


def _found(operation: Operation | None) -> Operation:
    """An operation that was just written."""
    if operation is None:
        raise AssertionError
    return operation
