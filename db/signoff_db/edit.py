"""Edit a dead letter: apply a mended event in its place, or change nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from signoff_db import dead_letters
from signoff_db.apply import apply_in_transaction
from signoff_db.balances import Balance, balances_of
from signoff_db.connection import BatchConnection
from signoff_db.dead_letters import DeadLetter, NoSuchLetterError
from signoff_db.delivery import Delivery
from signoff_db.transactions import Refusal, in_transactions
from signoff_schemas import ApprovalEvent, SignoffError


class EditError(SignoffError):
    """The edited event cannot take the dead letter's place."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of an edited dead letter."""

    result: str
    """The verdict, or the failure kind: then nothing changed."""
    message: str | None
    """Why it failed."""
    before: Balance | None
    after: Balance | None
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
) -> Edited:
    """Apply an edited event in the place of a dead letter's; unless it applies, nothing changes.

    Raises:
        NoSuchLetterError: there is no such letter, or it is not dead any more.
        InvalidEvent: the edited event breaks the contract.
        EditError: the edit changes the `event_id`.
    """
    event = ApprovalEvent.parse(payload)

    def run(ids: Sequence[int], refusal: Refusal | None) -> list[Edited]:
        letter = _dead(connection, ids[0])
        if letter.event_id not in {None, event.event_id}:
            raise EditError(
                f"dead letter {letter.id} is event {letter.event_id}, the edit says "
                f"{event.event_id}; an edit keeps the event_id"
            )
        delivery = Delivery.of_payload(letter.job_id, payload).refused(refusal)
        edited = _apply(connection, delivery)
        if edited.message is None:
            dead_letters.resolve(connection, ids)
            dead_letters.note(
                connection, actor, "edit", ids, reason,
                before=_readable(letter.payload), after=_readable(payload),
            )  # fmt: skip
        return [replace(edited, difference=difference(letter.payload, payload))]

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


def _dead(connection: BatchConnection, letter_id: int) -> DeadLetter:
    held = dead_letters.lock(connection, [letter_id])
    letter = dead_letters.get_letter(connection, letter_id)
    if letter is None:
        raise NoSuchLetterError(f"there is no dead letter {letter_id}; see `signoff dlq list`")
    if not held:
        raise NoSuchLetterError(
            f"dead letter {letter_id} is {letter.state} already; nothing to edit"
        )
    return letter


def _apply(connection: BatchConnection, delivery: Delivery) -> Edited:
    """Apply the event; where it fails, undo what that wrote, the failed attempt included."""
    before = balances_of(connection, [delivery])
    with connection.transaction() as attempt:
        (outcome,) = apply_in_transaction(connection, [delivery])
        message = outcome.failure.message if outcome.failure else None
        if message is not None:
            raise psycopg.Rollback(attempt)
    after = balances_of(connection, [delivery])
    interaction = delivery.identity.interaction_id
    return Edited(
        outcome.result,
        message,
        before.get(interaction) if interaction else None,
        after.get(interaction) if interaction else None,
        (),
    )


def _readable(payload: bytes) -> dict[str, Any] | str:
    return _fields(payload) or payload.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def _fields(payload: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
