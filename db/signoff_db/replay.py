"""Replay dead letters, and edit one: replaying is applying, by the very function that workers run.

Each batch is one transaction: the letters are locked, their events applied, the letters resolved
and the operator's action noted, or none of it. So a double click, two operators at once and a crash
in between all come to the same: each event takes effect once.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg

from signoff_db import dead_letters
from signoff_db.apply import Outcome, apply_in_transaction
from signoff_db.connection import BatchConnection
from signoff_db.dead_letters import DeadLetter, NoSuchLetterError, Selection
from signoff_db.delivery import Delivery, Failure
from signoff_db.sql import statement
from signoff_db.transactions import in_transactions
from signoff_schemas import ApprovalEvent, SignoffError

_FIRST_BATCH: Final = 10
_LARGEST_BATCH: Final = 500
_STREAK: Final = 10
"""So many failures of one cause in a row, with no success between them, stop a replay."""


class EditError(SignoffError):
    """The edited event cannot take the dead letter's place."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an interaction holds."""

    customer_status: str
    ltv_usd: Decimal


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
    """The interaction before the batch; None where it is not in Postgres."""
    after: Balance | None
    """The interaction after the batch."""

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


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of an edited dead letter."""

    word: str
    """The verdict, or the failure kind: then nothing changed."""
    message: str | None
    """Why it failed."""
    before: Balance | None
    after: Balance | None
    difference: tuple[tuple[str, Any, Any], ...]
    """Field, old value, new value; None where the field is absent."""


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
        on_batch: told of each batch when it is committed.

    Raises:
        DatabaseUnavailableError: Postgres went away; what was told to `on_batch` is committed.
    """
    report = ReplayReport()
    streak: tuple[str | None, int] = (None, 0)
    size = _FIRST_BATCH
    after = 0
    while limit is None or report.replayed < limit:
        most = size if limit is None else min(size, limit - report.replayed)
        most = most if rate is None else max(1, min(most, int(rate)))
        ids = _choose(connection, selection, after, most)
        if not ids:
            break
        started = time.monotonic()
        replayed = _replay(connection, ids, actor, reason, dry_run)
        report.words.update(str(one.word) for one in replayed)
        on_batch(replayed)
        streak = _recurring(streak, replayed)
        if streak[1] >= _STREAK and not (keep_going or dry_run):
            report.stopped_by = streak[0]
            break
        if rate is not None:
            time.sleep(max(0.0, len(ids) / rate - (time.monotonic() - started)))
        after = ids[-1]
        size = min(size * 5, _LARGEST_BATCH)
    return report


def edit(
    connection: BatchConnection,
    letter_id: int,
    payload: bytes,
    *,
    actor: str,
    reason: str,
    dry_run: bool = False,
) -> Edited:
    """Apply an edited event in the place of a dead letter's; unless it applies, nothing changes.

    Raises:
        NoSuchLetterError: there is no such letter, or it is not dead any more.
        InvalidEvent: the edited event breaks the contract.
        EditError: the edit changes the `event_id`.
    """
    event = ApprovalEvent.parse(payload)

    def run(ids: Sequence[int], refusal: psycopg.Error | None) -> list[Edited]:
        (letter,) = _dead(connection, ids)
        if letter.event_id not in {None, event.event_id}:
            raise EditError(
                f"dead letter {letter.id} is event {letter.event_id}, the edit says "
                f"{event.event_id}; an edit keeps the event_id"
            )
        delivery = _refused(Delivery.of_payload(letter.job_id, payload), refusal)
        before = _balances(connection, [delivery])
        with connection.transaction() as attempt:
            (outcome,) = apply_in_transaction(connection, [delivery])
            if outcome.failure is not None:
                raise psycopg.Rollback(attempt)
        one = _replayed(letter, outcome, before, _balances(connection, [delivery]))
        changes = difference(letter.payload, payload)
        if outcome.failure is None:
            dead_letters.resolve(connection, ids)
            dead_letters.note(
                connection, actor, "edit", ids, reason,
                before=_readable(letter.payload), after=_readable(payload),
            )  # fmt: skip
        return [Edited(one.word, one.message, one.before, one.after, changes)]

    (edited,) = in_transactions(connection, [letter_id], run, rollback=dry_run)
    return edited


def difference(old: bytes, new: bytes) -> tuple[tuple[str, Any, Any], ...]:
    """The fields in which two payloads differ; an unreadable one counts as empty."""
    was, is_now = (_fields(payload) for payload in (old, new))
    names = [*was, *(name for name in is_now if name not in was)]
    return tuple(
        (name, was.get(name), is_now.get(name))
        for name in names
        if was.get(name) != is_now.get(name)
    )


def _replay(
    connection: BatchConnection, ids: Sequence[int], actor: str, reason: str | None, dry_run: bool
) -> list[Replayed]:
    def run(some: Sequence[int], refusal: psycopg.Error | None) -> list[Replayed]:
        letters = dead_letters.lock(connection, some)
        if not letters:
            return []
        deliveries = [_refused(_delivery(letter), refusal) for letter in letters]
        before = _balances(connection, deliveries)
        outcomes = apply_in_transaction(connection, deliveries)
        after = _balances(connection, deliveries)
        replayed = [
            _replayed(letter, outcome, before, after)
            for letter, outcome in zip(letters, outcomes, strict=True)
        ]
        dead_letters.resolve(connection, [one.letter_id for one in replayed if one.resolved])
        dead_letters.note(
            connection, actor, "replay", [letter.id for letter in letters], reason,
            before={str(letter.id): letter.kind for letter in letters},
            after={str(one.letter_id): one.word for one in replayed},
        )  # fmt: skip
        return replayed

    return in_transactions(connection, ids, run, rollback=dry_run)


def _choose(connection: BatchConnection, selection: Selection, after: int, most: int) -> list[int]:
    chosen = replace(selection, states=("dead",))
    parameters = {**chosen.parameters, "after_id": after, "limit": most}
    return [row[0] for row in connection.execute(statement("choose_dead_letters"), parameters)]


def _dead(connection: BatchConnection, ids: Sequence[int]) -> list[DeadLetter]:
    letters = dead_letters.lock(connection, ids)
    if letters:
        return letters
    letter = dead_letters.get_letter(connection, ids[0])
    if letter is None:
        raise NoSuchLetterError(f"there is no dead letter {ids[0]}; see `signoff dlq list`")
    raise NoSuchLetterError(f"dead letter {letter.id} is {letter.state} already; nothing to edit")


def _delivery(letter: DeadLetter) -> Delivery:
    """The letter's event; what never was an event is read again as the job it came in."""
    if letter.payload.startswith(b"{"):
        return Delivery.of_payload(letter.job_id, letter.payload)
    return Delivery.of_job(letter.job_id, letter.payload)


def _refused(delivery: Delivery, refusal: psycopg.Error | None) -> Delivery:
    return delivery if refusal is None else delivery._replace(failure=Failure.of_database(refusal))


def _balances(connection: BatchConnection, deliveries: Sequence[Delivery]) -> dict[UUID, Balance]:
    interactions = [d.event.interaction_id for d in deliveries if d.event]
    rows = connection.execute(statement("balances"), {"interactions": interactions})
    return {interaction: Balance(status, ltv) for interaction, status, ltv in rows}


def _replayed(
    letter: DeadLetter,
    outcome: Outcome,
    before: dict[UUID, Balance],
    after: dict[UUID, Balance],
) -> Replayed:
    identity = outcome.delivery.identity
    interaction = identity.interaction_id
    failure = outcome.failure
    return Replayed(
        letter.id,
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


def _readable(payload: bytes) -> dict[str, Any] | str:
    return _fields(payload) or payload.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def _fields(payload: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
