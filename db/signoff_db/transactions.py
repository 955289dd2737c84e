"""Run work in one transaction, whatever comes in between: the one judge of database errors.

Three things can go wrong. Another transaction is in the way: the same work is tried again.
Postgres is unavailable, or in a state that is no event's fault: the caller waits. Postgres refuses
a row: the work is halved until the culprit stands alone, and is told apart.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError

Item = TypeVar("Item")
Result = TypeVar("Result")
Around = Callable[[], AbstractContextManager[object]]
"""Opens a transaction for the block below it."""
FindRejectedRows = Callable[[Sequence[Item]], Sequence[Item] | None]
"""Given items of which one was refused, marks the culprits; None where it finds none."""

_TRIES: Final = 6
"""How often work is tried when others are in its way, before Postgres counts as unavailable."""
_ROW_AT_FAULT: Final = frozenset({"21", "22", "23", "38", "39", "44", "54", "P0"})
"""SQLSTATE classes in which a row is refused; in any other, no event is to blame."""
_INTERNAL_ERROR: Final = "XX000"
"""What extensions and C functions raise of a row; the rest of its class is corruption."""
_IN_THE_WAY: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available: the same work may succeed at once."""


def find_none(_: Sequence[Item]) -> None:
    """Find no culprit, so that the items are halved."""


def in_transactions(
    connection: Connection[TupleRow],
    items: Sequence[Item],
    run: Callable[[Sequence[Item], psycopg.Error | None], list[Result]],
    *,
    rollback: bool = False,
    one_writes_once: bool = False,
    find_rejected_rows: FindRejectedRows[Item] = find_none,
) -> list[Result]:
    """Run the work on all items in one transaction; where a row is refused, in as few as it takes.

    Args:
        connection: in autocommit mode, outside of a transaction.
        items: what to work on.
        run: works on some of the items inside a transaction. Where one item stands alone and was
            refused, it is called once more for it, with the refusal.
        rollback: undo each transaction at its end, for a dry run.
        one_writes_once: the work on a single item writes with one statement at the most, which is
            a transaction by itself: BEGIN and COMMIT, two round trips, are left out.
        find_rejected_rows: marks the culprits for `run` to leave out; where it finds none,
            items are halved.

    Returns:
        What `run` returned, in the order of the items.

    Raises:
        DatabaseUnavailableError: the part in hand is not committed; work on it again later.
    """
    bare = one_writes_once and len(items) == 1

    def around() -> AbstractContextManager[object]:
        return nullcontext() if bare else connection.transaction(force_rollback=rollback)

    try:
        return _persistently(around, lambda: run(items, None))
    except psycopg.Error as error:
        if not _row_at_fault(connection, error):
            raise DatabaseUnavailableError(_reason(error)) from error
        refusal = error
    if len(items) == 1:
        return _told_apart(around, lambda: run(items, refusal))
    sifted = find_rejected_rows(items)
    middle = len(items) // 2
    return [
        result
        for part in ([sifted] if sifted else [items[:middle], items[middle:]])
        for result in in_transactions(
            connection, part, run, rollback=rollback, one_writes_once=one_writes_once
        )
    ]


def _told_apart(around: Around, work: Callable[[], list[Result]]) -> list[Result]:
    """The refused item once more; if its failure cannot be written either, operators must look."""
    try:
        return _persistently(around, work)
    except psycopg.Error as error:
        raise DatabaseUnavailableError(_reason(error)) from error


def _persistently(around: Around, work: Callable[[], list[Result]]) -> list[Result]:
    """Work in one transaction; again, a little later, where another one was in the way."""
    for attempt in range(1, _TRIES):
        try:
            with around():
                return work()
        except psycopg.Error as error:
            if not _in_the_way(error):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
    with around():
        return work()


def _in_the_way(error: psycopg.Error) -> bool:
    """Whether another transaction was: also where both wrote the same event to the ledger."""
    return error.sqlstate in _IN_THE_WAY or error.diag.constraint_name == "approvals_pkey"


def _row_at_fault(connection: Connection[TupleRow], error: psycopg.Error) -> bool:
    if connection.closed or _in_the_way(error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return blames_a_row(error.sqlstate)


def blames_a_row(sqlstate: str) -> bool:
    """Whether this is how Postgres refuses a row; anything else is no event's fault."""
    return sqlstate[:2] in _ROW_AT_FAULT or sqlstate == _INTERNAL_ERROR


def _reason(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or type(error).__name__
