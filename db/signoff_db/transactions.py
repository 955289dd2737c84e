"""Run work in transactions, with retries; the one place that classifies errors of Postgres.

Three things can go wrong.

1. A conflict with another transaction: the same work is tried again.
2. An outage: Postgres is unavailable, or in a state that is no item's fault. What counts as an
   outage is a closed list of SQLSTATEs and connection errors. The caller waits.
3. Any other error is the fault of an item. The items are halved until only that item is left; then
   the work is called once more with the reason.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError
from signoff_schemas import SignoffError

Item = TypeVar("Item")
Result = TypeVar("Result")
Around = Callable[[], AbstractContextManager[object]]
"""Opens a transaction for a block."""
FindRejectedRows = Callable[[Sequence[Item]], Sequence[Item] | None]
"""Finds and marks the rejected items, if Postgres refused one of them; None if it finds none."""

_TRIES: Final = 6
"""How often work is tried after conflicts; after that, the conflict counts as any other error."""
_IN_THE_WAY: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available: the same work may succeed at once."""
_OUTAGE_CLASSES: Final = frozenset(
    {
        "08",  # connection exception
        "0A",  # not supported: a plan or table that another release left
        "0B",  # invalid transaction initiation
        "25",  # invalid transaction state: read only, timeouts of transactions
        "26",  # invalid statement name: a pooler lost a prepared statement
        "28",  # invalid authorization
        "34",  # invalid cursor name
        "3B",  # savepoint exception
        "3D",  # invalid database
        "3F",  # invalid schema
        "40",  # transaction rollback
        "42",  # a missing table, column, function or privilege
        "53",  # insufficient resources: disk, memory, connections
        "55",  # an object is not in the state that is needed
        "57",  # operator intervention: shutdown, cancel, crash
        "58",  # system error: I/O
        "72",  # snapshot too old
        "F0",  # configuration file error
    }
)
"""SQLSTATE classes in which the server or its configuration is at fault, and no item."""
_OUTAGE_STATES: Final = frozenset({"HV00N", "XX001", "XX002"})
"""A foreign server is unavailable; data or an index is corrupted. Other SQLSTATEs of these classes
may be a row's fault."""
_ROW_SECURITY: Final = "ExecWithCheckOptions"
"""The function of Postgres in which a policy refuses a row; its SQLSTATE is that of a privilege."""
_RAISE: Final = "exec_stmt_raise"
"""The function of Postgres that runs RAISE in PL/pgSQL: an installation's rule refuses a row."""
_RAISED_AT_WILL: Final = frozenset({"0A", "42", "55"})
"""Classes that such a rule may choose for its refusal; by themselves they are outages."""


class RefusedError(SignoffError):
    """Postgres refuses what an operator wants to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the work on a single item failed."""

    error: Exception
    unwritable: bool = False
    """Whether the record of this failure could not be written either."""


def find_none(_: Sequence[Item]) -> None:
    """Mark no item, so that the items are halved."""


def in_transactions(
    connection: Connection[TupleRow],
    items: Sequence[Item],
    run: Callable[[Sequence[Item], Refusal | None], list[Result]],
    *,
    rollback: bool = False,
    one_writes_once: bool = False,
    find_rejected_rows: FindRejectedRows[Item] = find_none,
) -> list[Result]:
    """Run the work on all items in one transaction or, if an item is refused, in a few.

    Args:
        connection: in autocommit mode; inside of a transaction, each transaction is a savepoint.
            Then a conflict is not retried: the outer transaction would keep its locks meanwhile.
        items: what to work on.
        run: works on some of the items inside a transaction. If a single item is refused, it is
            called again for this item, with the refusal.
        rollback: undo each transaction at its end.
        one_writes_once: the work on a single item writes with at most one statement, which is its
            own transaction: BEGIN and COMMIT, two round trips, are left out.
        find_rejected_rows: marks the rejected items, which `run` leaves out; if it finds none, the
            items are halved.

    Returns:
        What `run` returned, in the order of the items.

    Raises:
        DatabaseUnavailableError: the current part is not committed; work on it again later.
        SignoffError: `run` raised it; the current part is not committed.
    """
    bare = one_writes_once and len(items) == 1

    def around() -> AbstractContextManager[object]:
        return nullcontext() if bare else connection.transaction(force_rollback=rollback)

    try:
        return _persistently(connection, around, lambda: run(items, None))
    except SignoffError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever is no outage is the fault of an item
        _raise_outage(connection, error)
        refusal = error
    if len(items) == 1:
        return _settle_refused(connection, around, items, run, refusal)
    marked = find_rejected_rows(items)
    middle = len(items) // 2
    return [
        result
        for part in ([marked] if marked else [items[:middle], items[middle:]])
        for result in in_transactions(
            connection, part, run, rollback=rollback, one_writes_once=one_writes_once
        )
    ]


def in_one_transaction(
    connection: Connection[TupleRow], work: Callable[[], Result], *, rollback: bool = False
) -> Result:
    """Run work in one transaction: all of it, or none.

    Raises:
        DatabaseUnavailableError: nothing is committed; try again later.
        RefusedError: nothing is committed; Postgres refuses it.
        SignoffError: the work raised it; nothing is committed.
    """
    try:
        return _persistently(
            connection, lambda: connection.transaction(force_rollback=rollback), work
        )
    except psycopg.Error as error:
        _raise_outage(connection, error)
        raise RefusedError(f"Postgres refuses it: {_reason(error)}") from error


@contextmanager
def raising_outages(connection: Connection[TupleRow]) -> Iterator[None]:
    """Turn the errors of an outage in the block into an error of Signoff; others are raised.

    Raises:
        DatabaseUnavailableError: try again later.
    """
    try:
        yield
    except SignoffError:
        raise
    except Exception as error:
        _raise_outage(connection, error)
        raise


def _settle_refused(
    connection: Connection[TupleRow],
    around: Around,
    item: Sequence[Item],
    run: Callable[[Sequence[Item], Refusal | None], list[Result]],
    error: Exception,
) -> list[Result]:
    """Work on the refused item again; if its failure cannot be recorded, again with less text."""
    last = error
    for refusal in (Refusal(error), Refusal(error, unwritable=True)):
        try:
            return _persistently(connection, around, partial(run, item, refusal))
        except SignoffError:
            raise
        except Exception as again:  # noqa: BLE001 -- likewise
            _raise_outage(connection, again)
            last = again
    raise DatabaseUnavailableError(f"a failure cannot be written down: {_reason(last)}") from last


def _persistently(
    connection: Connection[TupleRow], around: Around, work: Callable[[], Result]
) -> Result:
    """Run work in one transaction; after a conflict with another transaction, retry it.

    Inside of a transaction, only what needs no waiting is retried: an event that the other one has
    written. Whoever waits for a lock there would keep the locks that it holds already.
    """
    for attempt in range(1, _TRIES):
        try:
            with around():
                return work()
        except psycopg.Error as error:
            if _wrote_the_same_event(error):
                continue
            if not is_conflict(error) or _is_in_transaction(connection):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
    with around():
        return work()


def is_conflict(error: BaseException | None) -> bool:
    """Whether another transaction is in the way: the same work may succeed later."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _IN_THE_WAY


def _wrote_the_same_event(error: psycopg.Error) -> bool:
    """Whether another transaction wrote the same event to the ledger, and is committed."""
    name = error.diag.constraint_name or ""
    # Each partition of the ledger has a primary key of its own.
    return name.startswith("approvals") and name.endswith("_pkey")


def _is_in_transaction(connection: Connection[TupleRow]) -> bool:
    """Whether an outer transaction is open."""
    return connection.info.transaction_status is not TransactionStatus.IDLE


def _raise_outage(connection: Connection[TupleRow], error: Exception) -> None:
    if _is_outage(connection, error):
        raise DatabaseUnavailableError(_reason(error)) from error


def _is_outage(connection: Connection[TupleRow], error: Exception) -> bool:
    if connection.closed:
        return True
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError) and not _answers(connection)
    return is_outage(error.sqlstate) and not _is_refusal(error.sqlstate, error.diag.source_function)


def _is_refusal(sqlstate: str, source: str | None) -> bool:
    """Whether a policy or a rule of the installation refused the row."""
    return source == _ROW_SECURITY or (source == _RAISE and sqlstate[:2] in _RAISED_AT_WILL)


def is_outage(sqlstate: str) -> bool:
    """Whether the server or its configuration is at fault; anything else is a row's fault."""
    return sqlstate[:2] in _OUTAGE_CLASSES or sqlstate in _OUTAGE_STATES


def _answers(connection: Connection[TupleRow]) -> bool:
    try:
        connection.execute("SELECT")
    except psycopg.Error:
        return False
    return True


def _reason(error: Exception) -> str:
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error).strip() or type(error).__name__
