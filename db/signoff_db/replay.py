"""Replay dead letters: apply their events with the same function as workers.

Each batch is one transaction: the letters are locked, their events applied, the letters resolved
and the operator's action recorded, or none of it. So each event takes effect once, also after a
double click, with two operators at the same time, and after a crash.

Like workers, it locks no interactions first: events whose interaction another transaction changed
meanwhile go through a second transaction. Each transaction records its own action.

A dry run is one transaction around all batches, each a savepoint, and is rolled back at its end. So
its results are those of a replay at this moment.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from signoff_db import dead_letters
from signoff_db.apply import Outcome, Result, apply_in_transaction
from signoff_db.balances import Balance, Balances, Touched, balances_of
from signoff_db.batches import never
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.operator_actions import Action, note
from signoff_db.read_ahead import Letter, read_ahead
from signoff_db.rejected_rows import find_rejected_beforehand, find_rejected_rows
from signoff_db.transactions import Refusal, in_transactions, is_conflict
from signoff_schemas import SignoffError, Verdict

STREAK: Final = 10
"""This many failures of one cause in a row, without a success in between, stop a replay."""
_LOCK_TIMEOUT_MS: Final = 2000
"""How long a dry run waits for a lock; it waits once, since it keeps the locks that it holds."""
_DRY_RUN_LIMIT: Final = 10_000
"""The most letters of a dry run: it holds the locks of all of them until its end."""


class BlockedError(SignoffError):
    """A dry run stopped, since another transaction holds a lock for too long."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of the replay of one dead letter."""

    letter_id: int
    event_id: UUID | None
    result: Result
    """The verdict, or the failure kind."""
    message: str | None
    fingerprint: str | None
    """The fingerprint of the failure, if it failed again."""
    before: Balance | None
    """The interaction before the batch, for a status decision the customer; None if it is not in
    Postgres or was not requested."""
    after: Balance | None
    """The same after the batch."""
    event_type: str | None
    """The kind of event; None if it could not be read."""

    @property
    def resolved(self) -> bool:
        """Whether the event is in the ledger now."""
        return self.message is None


@dataclass(slots=True)
class ReplayReport:
    """The results of a replay."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped_by: str | None = None
    """The fingerprint that recurred too often, if that ended the replay."""
    left_out: int = 0
    """Letters that a dry run left out, since they were too many for one transaction."""

    @property
    def replayed(self) -> int:
        """How many letters were tried."""
        return self.counts.total()


def replay(
    connection: BatchConnection,
    ids: Sequence[int],
    *,
    actor: str,
    reason: str | None = None,
    dry_run: bool = False,
    rate: float | None = None,
    keep_going: bool = False,
    balances: int | None = None,
    on_batch: Callable[[Sequence[Replayed]], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> ReplayReport:
    """Apply the events of those of the letters that are still dead, the oldest first.

    Args:
        connection: in autocommit mode, outside of a transaction.
        ids: see `dead_letters.choose`.
        actor: who replays, for `operator_actions`.
        reason: why, for `operator_actions`.
        dry_run: do all of it and roll back: the verdicts are those of this moment. It tries at most
            the first 10,000 letters, and ignores the rate.
        rate: the most letters to try per second.
        keep_going: do not stop when one cause keeps recurring.
        balances: the number of letters, from the first on, for which the interactions' balances
            before and after are read; None reads all, which takes a tenth of the time.
        on_batch: called with the results of each batch when it is committed; if events raced, with
            each part of it.
        should_stop: called before each batch; the batches before it stay committed.

    Raises:
        BlockedError: another transaction held a lock for too long for a dry run.
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
        psycopg.Error: the connection was lost while letters were read; likewise.
    """
    ids = sorted(ids)
    report = ReplayReport()
    if dry_run:
        report.left_out = max(0, len(ids) - _DRY_RUN_LIMIT)
        ids, rate = ids[:_DRY_RUN_LIMIT], None
    streak: tuple[str | None, int] = (None, 0)
    with rolled_back(connection) if dry_run else nullcontext():
        for letters in read_ahead(connection, ids, rate):
            if should_stop():
                break
            started = time.monotonic()
            with_balances = balances is None or report.replayed < balances
            for tried in replay_batch(
                connection, letters, actor, reason, with_balances=with_balances
            ):
                replayed = [one.replayed for one in tried]
                report.counts.update(str(one.result) for one in replayed)
                on_batch(replayed)
                streak = recurring(streak, (one.fingerprint for one in tried))
            if streak[1] >= STREAK and not keep_going:
                report.stopped_by = streak[0]
                break
            if rate is not None:
                time.sleep(max(0.0, len(letters) / rate - (time.monotonic() - started)))
    return report


@contextmanager
def rolled_back(
    connection: BatchConnection, lock_timeout_ms: int = _LOCK_TIMEOUT_MS
) -> Iterator[None]:
    """One transaction that is rolled back; it waits for locks only briefly, since it holds some.

    Raises:
        BlockedError: another transaction held a lock for too long.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(
                "SELECT set_config('lock_timeout', %s, true)", [f"{lock_timeout_ms}ms"]
            )
            yield
    except DatabaseUnavailableError as error:
        if is_conflict(error.__cause__):
            raise BlockedError(
                "another transaction holds rows that these letters are about; nothing was changed: "
                "try the dry run again, or of fewer letters"
            ) from error
        raise


class Tried(NamedTuple):
    """The outcome of a letter's event in a transaction, and the balances before and after."""

    letter: Letter
    outcome: Outcome
    place: int | None
    """The position of what the event changes; None without an event."""
    touched: Touched
    """What the events of the transaction change."""
    before: Balances
    after: Balances

    @property
    def unresolved(self) -> bool:
        """Whether the event is in the ledger, and apply.sql has not resolved its letter."""
        verdict = self.outcome.verdict
        return verdict is Verdict.DUPLICATE or (verdict is not None and not self.letter.has_event)

    @property
    def fingerprint(self) -> str | None:
        """The cause of the failure, if it failed again."""
        failure = self.outcome.failure
        return failure.fingerprint if failure else None

    @property
    def replayed(self) -> Replayed:
        """The result for those who asked for the replay."""
        identity = self.outcome.delivery.identity
        place = self.place
        failure = self.outcome.failure
        return Replayed(
            self.letter.id,
            identity.event_id,
            self.outcome.result,
            failure.message if failure else None,
            self.fingerprint,
            None if place is None else self.before[place],
            None if place is None else self.after[place],
            identity.event_type,
        )


OnSettled = Callable[[Sequence[Tried], Sequence[int]], None]
"""Called inside of the transaction, with the letters that it settles or that failed again, and the
ids of those that are not dead any more."""


def replay_batch(
    connection: BatchConnection,
    letters: Sequence[Letter],
    actor: str,
    reason: str | None,
    *,
    with_balances: bool,
    operation: int | None = None,
    on_settled: OnSettled = lambda _tried, _gone: None,
) -> Iterator[list[Tried]]:
    """Replay a batch as `apply` does; yields the results of each committed part."""
    letters, find_rejected = find_rejected_beforehand(
        connection, letters, partial(_find_rejected_rows, connection)
    )

    def transact(some: Sequence[Letter], *, locking: bool) -> list[Tried]:
        work = partial(
            _try, connection, actor, reason,
            locking=locking, with_balances=with_balances,
            operation=operation, on_settled=on_settled,
        )  # fmt: skip
        return in_transactions(connection, some, work, find_rejected_rows=find_rejected)

    tried = transact(letters, locking=False)
    yield [one for one in tried if not one.outcome.raced]
    raced = [one.letter for one in tried if one.outcome.raced]
    if raced:
        yield transact(raced, locking=True)


def _find_rejected_rows(
    connection: BatchConnection, letters: Sequence[Letter]
) -> list[Letter] | None:
    marked = find_rejected_rows(connection, [letter.delivery for letter in letters])
    if marked is None:
        return None
    return [
        letter._replace(delivery=delivery) for letter, delivery in zip(letters, marked, strict=True)
    ]


def _try(
    connection: BatchConnection,
    actor: str,
    reason: str | None,
    letters: Sequence[Letter],
    refusal: Refusal | None,
    *,
    locking: bool,
    with_balances: bool,
    operation: int | None,
    on_settled: OnSettled,
) -> list[Tried]:
    """Apply what is still dead, resolve what was applied, and record it, inside a transaction."""
    kinds = dead_letters.lock(connection, [letter.id for letter in letters])
    held = [letter for letter in letters if letter.id in kinds]
    complete = [letter for letter in held if letter.complete]
    tried = _apply(connection, complete, refusal, locking=locking, with_balances=with_balances)
    tried += [_incomplete(letter) for letter in held if not letter.complete]
    settled = [one for one in tried if not one.outcome.raced]
    if settled:
        dead_letters.resolve(connection, [one.letter.id for one in settled if one.unresolved])
        note(
            connection,
            actor,
            Action.REPLAY,
            [one.letter.id for one in settled],
            reason,
            before={str(one.letter.id): kinds[one.letter.id] for one in settled},
            after={str(one.letter.id): one.outcome.result for one in settled},
            operation=operation,
        )
    on_settled(settled, [letter.id for letter in letters if letter.id not in kinds])
    return tried


def _apply(
    connection: BatchConnection,
    letters: Sequence[Letter],
    refusal: Refusal | None,
    *,
    locking: bool,
    with_balances: bool,
) -> list[Tried]:
    if not letters:
        return []
    deliveries = [letter.delivery.refused(refusal) for letter in letters]
    touched = Touched.of(deliveries)
    nothing = touched.nothing()
    before = balances_of(connection, touched) if with_balances else nothing
    outcomes = apply_in_transaction(connection, deliveries, locking=locking)
    after = balances_of(connection, touched) if with_balances else nothing
    return [
        Tried(letter, outcome, place, touched, before, after)
        for letter, outcome, place in zip(letters, outcomes, touched.places, strict=True)
    ]


def _incomplete(letter: Letter) -> Tried:
    """The outcome of a letter whose data is too large for an event: it fails as it did before."""
    delivery = letter.delivery
    outcome = Outcome(delivery, None, delivery.failure)
    return Tried(letter, outcome, None, Touched([], [], []), (), ())


def recurring(
    streak: tuple[str | None, int], causes: Iterable[str | None]
) -> tuple[str | None, int]:
    """The cause of the latest failures in a row, and their number.

    Args:
        streak: the same before.
        causes: the fingerprint of each letter that was tried since; None for one that applied.
    """
    cause, length = streak
    for found in causes:
        length = length + 1 if found and found == cause else 1
        cause = found
        length = length if cause else 0
    return cause, length
