"""Replay dead letters: replaying is applying, by the very function that workers run.

Each batch is one transaction: the letters are locked, their events applied, the letters resolved
and the operator's action noted, or none of it. So a double click, two operators at once and a crash
in between all come to the same: each event takes effect once.

A letter's bytes never change, so they are read before it is locked, while the batch before it is
applied; only whether it is still dead is asked under the lock.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from signoff_db import dead_letters
from signoff_db.apply import Outcome, apply_in_transaction
from signoff_db.balances import Balance, balances_of
from signoff_db.connection import BatchConnection
from signoff_db.dead_letters import Selection
from signoff_db.delivery import Delivery
from signoff_db.sql import statement
from signoff_db.transactions import in_transactions

_FIRST_BATCH: Final = 10
_LARGEST_BATCH: Final = 500
_STREAK: Final = 10
"""So many failures of one cause in a row, with no success between them, stop a replay."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one dead letter."""

    letter_id: int
    event_id: UUID | None
    word: str
    """The verdict, or the failure kind."""
    message: str | None
    fingerprint: str | None
    """Of the failure, if it failed again."""
    before: Balance | None
    """The interaction before the batch; None where it is not in Postgres, or nobody asked."""
    after: Balance | None
    """The interaction after the batch, likewise."""

    @property
    def resolved(self) -> bool:
        """Whether the event is in the ledger now."""
        return self.message is None


@dataclass(slots=True)
class ReplayReport:
    """What became of all of them."""

    words: Counter[str] = field(default_factory=Counter)
    stopped_by: str | None = None
    """The fingerprint that kept recurring, where that ended the replay."""

    @property
    def replayed(self) -> int:
        """How many letters were tried."""
        return self.words.total()


def replay(
    connection: BatchConnection,
    selection: Selection,
    *,
    actor: str,
    reason: str | None = None,
    dry_run: bool = False,
    limit: int | None = None,
    rate: float | None = None,
    keep_going: bool = False,
    balances: int | None = None,
    on_batch: Callable[[Sequence[Replayed]], None] = lambda _: None,
) -> ReplayReport:
    """Apply the events of the chosen dead letters, the oldest letter first.

    Args:
        connection: in autocommit mode, outside of a transaction.
        selection: which letters; only dead ones are replayed, whatever states it names.
        actor: who replays, for `operator_actions`.
        reason: why, for `operator_actions`.
        dry_run: do all of it and roll back: the verdicts are those of this moment.
        limit: the most letters to try.
        rate: the most letters to try a second.
        keep_going: do not stop when one cause keeps recurring.
        balances: tell what interactions held before and after for so many letters, from the first
            on; None tells it for all, which takes a tenth of the time.
        on_batch: told of each batch when it is committed.

    Raises:
        DatabaseUnavailableError: Postgres went away; what was told to `on_batch` is committed.
    """
    report = ReplayReport()
    streak: tuple[str | None, int] = (None, 0)
    for letters in _read_ahead(_pages(connection, selection, limit, rate)):
        started = time.monotonic()
        telling = balances is None or report.replayed < balances
        replayed = _replay(connection, letters, actor, reason, dry_run=dry_run, telling=telling)
        report.words.update(one.word for one in replayed)
        on_batch(replayed)
        streak = _recurring(streak, replayed)
        if streak[1] >= _STREAK and not (keep_going or dry_run):
            report.stopped_by = streak[0]
            break
        if rate is not None:
            time.sleep(max(0.0, len(letters) / rate - (time.monotonic() - started)))
    return report


class _Chosen(NamedTuple):
    """A chosen dead letter as it came, not locked yet."""

    id: int
    job_id: str
    payload: bytes


class _Letter(NamedTuple):
    """The same, read."""

    id: int
    delivery: Delivery


def _pages(
    connection: BatchConnection, selection: Selection, limit: int | None, rate: float | None
) -> Iterator[list[_Chosen]]:
    """The chosen letters, the oldest first: a few, to learn whether they apply, then many."""
    largest = _LARGEST_BATCH if rate is None else max(1, min(_LARGEST_BATCH, int(rate)))
    left = sys.maxsize if limit is None else limit
    parameters = replace(selection, states=("dead",)).parameters
    size, after = _FIRST_BATCH, 0
    while left > 0:
        page = {"after_id": after, "limit": min(size, largest, left)}
        rows = connection.execute(statement("choose_dead_letters"), parameters | page).fetchall()
        if not rows:
            return
        yield [_Chosen(*row) for row in rows]
        left -= len(rows)
        after = rows[-1][0]
        size *= 5


def _read_ahead(pages: Iterable[list[_Chosen]]) -> Iterator[list[_Letter]]:
    """Each page read; the next one is, in a thread, while the caller works on this one."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead: Future[list[_Letter]] | None = None
        for page in pages:
            ready, ahead = ahead, reader.submit(_read, page)
            if ready:
                yield ready.result()
        if ahead:
            yield ahead.result()


def _read(page: Sequence[_Chosen]) -> list[_Letter]:
    """The letters' events; what never was an event is read again as the job it came in."""
    return [
        _Letter(
            one.id,
            Delivery.of_payload(one.job_id, one.payload)
            if one.payload.startswith(b"{")
            else Delivery.of_job(one.job_id, one.payload),
        )
        for one in page
    ]


def _replay(
    connection: BatchConnection,
    letters: Sequence[_Letter],
    actor: str,
    reason: str | None,
    *,
    dry_run: bool,
    telling: bool,
) -> list[Replayed]:
    def run(some: Sequence[_Letter], refusal: psycopg.Error | None) -> list[Replayed]:
        kinds = dead_letters.lock(connection, [letter.id for letter in some])
        held = [letter for letter in some if letter.id in kinds]
        if not held:
            return []
        replayed = _apply(connection, held, refusal, telling)
        dead_letters.resolve(connection, [one.letter_id for one in replayed if one.resolved])
        dead_letters.note(
            connection, actor, "replay", list(kinds), reason,
            before={str(letter): kind for letter, kind in kinds.items()},
            after={str(one.letter_id): one.word for one in replayed},
        )  # fmt: skip
        return replayed

    return in_transactions(connection, letters, run, rollback=dry_run)


def _apply(
    connection: BatchConnection,
    letters: Sequence[_Letter],
    refusal: psycopg.Error | None,
    telling: bool,
) -> list[Replayed]:
    deliveries = [letter.delivery.refused(refusal) for letter in letters]
    before = balances_of(connection, deliveries) if telling else {}
    outcomes = apply_in_transaction(connection, deliveries)
    after = balances_of(connection, deliveries) if telling else {}
    return [
        _replayed(letter.id, outcome, before, after)
        for letter, outcome in zip(letters, outcomes, strict=True)
    ]


def _replayed(
    letter_id: int,
    outcome: Outcome,
    before: dict[UUID, Balance],
    after: dict[UUID, Balance],
) -> Replayed:
    identity = outcome.delivery.identity
    interaction = identity.interaction_id
    failure = outcome.failure
    return Replayed(
        letter_id,
        identity.event_id,
        outcome.word,
        failure.message if failure else None,
        failure.fingerprint if failure else None,
        before.get(interaction) if interaction else None,
        after.get(interaction) if interaction else None,
    )


def _recurring(
    streak: tuple[str | None, int], replayed: Sequence[Replayed]
) -> tuple[str | None, int]:
    """The cause that the latest failures in a row share, and how many they are."""
    cause, length = streak
    for one in replayed:
        length = length + 1 if one.fingerprint and one.fingerprint == cause else 1
        cause = one.fingerprint
        length = length if cause else 0
    return cause, length
