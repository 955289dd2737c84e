"""Discard dead letters for good: their events are not applied unless they arrive again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.batches import batches_of, never
from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction

_BATCH: Final = 1000
"""Letters discarded in one transaction."""


def discard(
    connection: Connection[TupleRow],
    ids: Sequence[int],
    *,
    actor: str,
    reason: str,
    dry_run: bool = False,
    on_batch: Callable[[Sequence[int]], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> list[int]:
    """Discard those of the letters that are still dead, in batches, one transaction each.

    Args:
        connection: in autocommit mode, outside of a transaction.
        ids: see `dead_letters.choose`.
        actor: who acts.
        reason: why.
        dry_run: change nothing.
        on_batch: called with the letters of each batch when it is committed.
        should_stop: called before each batch; the batches before it stay committed.

    Returns:
        The ids of the discarded letters; with `dry_run`, of those that would be discarded.

    Raises:
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
    """
    work = still_dead if dry_run else partial(discard_batch, actor=actor, reason=reason)
    discarded: list[int] = []
    for some in batches_of(sorted(ids), _BATCH, should_stop):
        batch = in_one_transaction(connection, partial(work, connection, some))
        discarded += batch
        on_batch(batch)
    return discarded


def still_dead(connection: Connection[TupleRow], ids: Sequence[int]) -> list[int]:
    """Those of the letters that are dead."""
    rows = connection.execute(statement("open_dead_letters"), {"letters": list(ids)})
    return [row[0] for row in rows]


def discard_batch(
    connection: Connection[TupleRow],
    ids: Sequence[int],
    *,
    actor: str,
    reason: str,
    operation: int | None = None,
) -> list[int]:
    """Discard those of the letters that are dead, inside a transaction, and record it."""
    rows = connection.execute(statement("discard_dead_letters"), {"letters": list(ids)})
    discarded = sorted(row[0] for row in rows)
    if discarded:
        note(
            connection, actor, Action.DISCARD, discarded, reason,
            before="dead", after="discarded", operation=operation,
        )  # fmt: skip
    return discarded
