"""Run an operation that was taken, until it ends, pauses, or is to be given back.

A replay is what `signoff dlq replay` does, batch by batch. A dry run tries pages of whole
customers. Each page is a transaction of its own that is rolled back; so what it locks is free
again in a moment, and the sum over the pages is the effect of all. Between the pages it rests, so
that workers keep their speed: the busier they are, the longer.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, groupby
from typing import Final

from signoff_db.connection import BatchConnection
from signoff_db.discard import discard_batch, still_dead
from signoff_db.operations.batches import Batch, batches, letters_between
from signoff_db.operations.lease import Claimed, End
from signoff_db.operations.load import Load, load_of_workers
from signoff_db.operations.operation import OperationAction, OperationState
from signoff_db.operations.progress import Progress
from signoff_db.replay import STREAK, BlockedError, Tried, replay_batch, rolled_back
from signoff_db.transactions import in_one_transaction

_DUTY: Final = {Load.NONE: 0.8, Load.SOME: 0.1, Load.FULL: 0.03}
"""How much of the time a dry run works, by what workers do; the rest it leaves to them. They use
both cores of a small machine, so each percent here is one that they lose."""
_LONGEST_REST: Final = 5.0
_LOCK_TIMEOUT_MS: Final = 100
"""How long a page waits for a lock."""
_AGAIN: Final = 0.2
"""Seconds until a page that met a lock is tried again; meanwhile it holds none itself."""
_PAGE_SECONDS: Final = 10.0
"""After so long, letters of a page that are still locked count as not known."""
_MOST_TAKES: Final = 5
"""So many runners may end, without progress, while they have an operation; then it has failed."""
_DISCARDED_AT_ONCE: Final = 1_000

Pause = float
"""Seconds until it goes on."""
_DONE: Final = End(OperationState.DONE)


def run(
    connection: BatchConnection,
    claimed: Claimed,
    *,
    reading: BatchConnection,
    should_stop: Callable[[], bool],
    rest: Callable[[float], object] = time.sleep,
) -> End | Pause:
    """Go on with an operation; returns how it ended, or when to go on.

    Args:
        connection: in autocommit mode, outside of a transaction.
        claimed: the operation.
        reading: another one; the next letters are read on it while a batch is tried.
        should_stop: called before each batch; whether to give the operation back.
        rest: waits for some seconds.

    Raises:
        LeaseLostError: it was cancelled, or another runner has it; the last batch is undone.
        DatabaseUnavailableError: the last batch is not committed.
    """
    if claimed.takes > _MOST_TAKES:
        message = f"{_MOST_TAKES} processes ended while they had it, and it got no further"
        return End(OperationState.FAILED, message)
    progress = Progress(connection, claimed)
    if claimed.action is OperationAction.DISCARD:
        return _discard(connection, claimed, progress, should_stop)
    left = batches(reading, claimed)
    if claimed.dry_run:
        return _dry_run(connection, left, claimed, progress, should_stop=should_stop, rest=rest)
    return _replay(connection, left, claimed, progress, should_stop)


def _replay(
    connection: BatchConnection,
    left: Iterator[Batch],
    claimed: Claimed,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> End | Pause:
    if stopped := _stopped(claimed, progress, claimed.place):
        return stopped
    for batch in left:
        if should_stop():
            return 0.0
        started = time.monotonic()
        _replay_batch(connection, claimed, batch, progress)
        if stopped := _stopped(claimed, progress, batch.upto):
            return stopped
        if claimed.rate is not None and batch.upto < claimed.letters:
            return max(0.0, len(batch.letters) / claimed.rate - (time.monotonic() - started))
    return _DONE


def _replay_batch(
    connection: BatchConnection, claimed: Claimed, batch: Batch, progress: Progress
) -> None:
    if not batch.letters:
        in_one_transaction(connection, partial(progress.note, batch, (), ()))
        return
    for _ in replay_batch(
        connection,
        batch.letters,
        claimed.actor,
        claimed.reason,
        with_balances=True,
        operation=claimed.id,
        on_settled=lambda tried, gone: progress.note(batch, [tried], gone),
    ):
        """Each part is committed, and noted."""


def _stopped(claimed: Claimed, progress: Progress, place: int) -> End | None:
    """The end of a replay in which one cause keeps recurring, while letters are left."""
    cause, length = progress.streak
    if length < STREAK or claimed.keep_going or place >= claimed.letters:
        return None
    return End(OperationState.STOPPED, stopped_by=cause)


def _dry_run(
    connection: BatchConnection,
    left: Iterator[Batch],
    claimed: Claimed,
    progress: Progress,
    *,
    should_stop: Callable[[], bool],
    rest: Callable[[float], object],
) -> End | Pause:
    began = time.monotonic()
    for batch in left:
        if should_stop():
            return 0.0
        parts, locked = _try_page(connection, claimed, batch, rest)
        gone = batch.ids - {one.letter.id for part in parts for one in part} - locked
        in_one_transaction(connection, partial(progress.note, batch, parts, gone, locked=locked))
        duty = _DUTY[load_of_workers(connection)]
        worked = time.monotonic() - began  # the next page was read meanwhile
        rest(min(worked * (1 / duty - 1), _LONGEST_REST))
        began = time.monotonic()
    return _DONE


def _try_page(
    connection: BatchConnection,
    claimed: Claimed,
    batch: Batch,
    rest: Callable[[float], object],
) -> tuple[list[list[Tried]], frozenset[int]]:
    """The letters of a page with their results; and those that stayed locked by others."""
    deadline = time.monotonic() + _PAGE_SECONDS
    while batch.letters:
        try:
            return _undone(connection, claimed, batch), frozenset()
        except BlockedError:
            if time.monotonic() > deadline:
                return [], batch.ids
            rest(_AGAIN)
    return [], frozenset()


def _undone(connection: BatchConnection, claimed: Claimed, batch: Batch) -> list[list[Tried]]:
    """Replay a page and roll it back."""
    with rolled_back(connection, _LOCK_TIMEOUT_MS):
        committed = replay_batch(
            connection, batch.letters, claimed.actor, claimed.reason, with_balances=True
        )
        tried = chain.from_iterable(committed)
        # What one statement tried has the same balances.
        return [list(part) for _, part in groupby(tried, key=lambda one: id(one.touched))]


def _discard(
    connection: BatchConnection,
    claimed: Claimed,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> End | Pause:
    size = _DISCARDED_AT_ONCE
    if claimed.rate is not None:
        size = max(1, min(size, int(claimed.rate)))
    for after in range(claimed.place, claimed.letters, size):
        if should_stop():
            return 0.0
        upto = min(after + size, claimed.letters)
        started = time.monotonic()
        in_one_transaction(
            connection, partial(_discard_batch, connection, claimed, progress, after, upto)
        )
        if claimed.rate is not None and upto < claimed.letters:
            return max(0.0, (upto - after) / claimed.rate - (time.monotonic() - started))
    return _DONE


def _discard_batch(
    connection: BatchConnection, claimed: Claimed, progress: Progress, after: int, upto: int
) -> None:
    ids = letters_between(connection, claimed, after, upto)
    if claimed.dry_run:
        discarded = still_dead(connection, ids)
    else:
        reason = claimed.reason or ""
        discarded = discard_batch(
            connection, ids, actor=claimed.actor, reason=reason, operation=claimed.id
        )
    progress.note_discarded(after, upto, len(discarded))
