"""Edit a dead letter: apply a corrected event in its place, or change nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from signoff_db import dead_letters
from signoff_db.apply import Result, apply_in_transaction
from signoff_db.balances import Balance, Touched, balances_of
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.dead_letters import FullLetter, NoSuchLetterError
from signoff_db.delivery import Delivery
from signoff_db.operator_actions import Action, note
from signoff_db.payload_text import fields_of
from signoff_db.replay import BlockedError
from signoff_db.transactions import Refusal, in_transactions
from signoff_schemas import SignoffError, parse_event


class EditError(SignoffError):
    """The edited event cannot take the dead letter's place."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The result of an edit."""

    result: Result
    """The verdict; or the failure kind, and then nothing was changed."""
    message: str | None
    """Why it failed, if it failed."""
    before: Balance | None
    """The interaction before the edit; for a status decision the customer."""
    after: Balance | None
    event_type: str | None
    difference: tuple[tuple[str, Any, Any], ...]
    """Field, old value, new value; None where the field is absent."""


def edit(
    connection: BatchConnection,
    letter_id: int,
    payload: bytes,
    *,
    actor: str,
    reason: str,
    dry_run: bool = False,
    lock_seconds: float | None = None,
) -> Edited:
    """Apply an edited event instead of a dead letter's; if it is not applied, nothing changes.

    `lock_seconds` is how long it waits for a lock, a few times; None for as long as it takes.

    Raises:
        BlockedError: another transaction held a lock for too long; nothing changed.
        NoSuchLetterError: there is no such letter, or it is not dead any more.
        InvalidEvent: the edited event breaks the contract.
        EditError: the edit changes the `event_id`.
    """
    event = parse_event(payload)

    def run(ids: Sequence[int], refusal: Refusal | None) -> list[Edited]:
        full = _dead(connection, ids[0])
        letter = full.letter
        if letter.event_id not in {None, event.event_id}:
            raise EditError(
                f"dead letter {letter.id} is event {letter.event_id}, the edit says "
                f"{event.event_id}; an edit keeps the event_id"
            )
        delivery = Delivery.of_payload(letter.job_id, payload).refused(refusal)
        edited = _apply(connection, delivery)
        if edited.message is None:
            dead_letters.resolve(connection, ids)
            note(
                connection, actor, Action.EDIT, ids, reason,
                before=_storable(full.payload), after=_storable(payload),
            )  # fmt: skip
        return [replace(edited, difference=difference(full.payload, payload))]

    with _impatient(connection, lock_seconds):
        (edited,) = in_transactions(connection, [letter_id], run, rollback=dry_run)
    return edited


@contextmanager
def _impatient(connection: BatchConnection, lock_seconds: float | None) -> Iterator[None]:
    """Wait for locks for so long."""
    milliseconds = round((lock_seconds or 0) * 1000)
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])
    try:
        yield
    except DatabaseUnavailableError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise BlockedError(
                "another transaction holds this letter, or what its event is about; nothing was "
                "changed: try again"
            ) from error
        raise


def difference(old: bytes, new: bytes) -> tuple[tuple[str, Any, Any], ...]:
    """The fields in which two payloads differ; an unreadable payload counts as empty."""
    was, is_now = (fields_of(payload) or {} for payload in (old, new))
    names = [*was, *(name for name in is_now if name not in was)]
    return tuple(
        (name, was.get(name), is_now.get(name))
        for name in names
        if was.get(name) != is_now.get(name)
    )


def _dead(connection: BatchConnection, letter_id: int) -> FullLetter:
    held = dead_letters.lock(connection, [letter_id])
    full = dead_letters.get_letter(connection, letter_id)
    if full is None:
        raise NoSuchLetterError(f"there is no dead letter {letter_id}; see `signoff dlq list`")
    if not held:
        raise NoSuchLetterError(
            f"dead letter {letter_id} is {full.letter.state} already; nothing to edit"
        )
    return full


def _apply(connection: BatchConnection, delivery: Delivery) -> Edited:
    """Apply the event; if it fails, undo all that was written, also the failed attempt."""
    touched = Touched.of([delivery])
    before = balances_of(connection, touched)
    with connection.transaction() as attempt:
        (outcome,) = apply_in_transaction(connection, [delivery])
        message = outcome.failure.message if outcome.failure else None
        if message is not None:
            raise psycopg.Rollback(attempt)
    after = balances_of(connection, touched)
    (place,) = touched.places
    return Edited(
        outcome.result,
        message,
        None if place is None else before[place],
        None if place is None else after[place],
        delivery.identity.event_type,
        (),
    )


def _storable(payload: bytes) -> dict[str, Any] | str:
    fields = fields_of(payload)
    return payload.decode("utf-8", "backslashreplace") if fields is None else fields
