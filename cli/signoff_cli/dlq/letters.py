"""What is said of dead letters."""

from typing import Final

from signoff_ops.values import DeadLetter
from signoff_schemas import DeadLetterState, FailureKind

LARGEST_ID: Final = 2**63 - 1
"""Ids are of Postgres's type bigint."""
HINTS: Final = {
    FailureKind.INVALID_PAYLOAD: (
        "Correct it: `signoff dlq edit {id} --reason WHY`. Or let the upstream publish it again, "
        "under its event_id, and it resolves by itself."
    ),
    FailureKind.UNSUPPORTED_VERSION: (
        "A newer upstream wrote it: update Signoff's workers, then `signoff dlq replay {id}`."
    ),
    FailureKind.UNKNOWN_FUNCTION: (
        "Somebody else's job came to this queue: find who put it there, then "
        "`signoff dlq discard {id} --reason WHY`."
    ),
    FailureKind.UNKNOWN_INTERACTION: (
        "Once the interaction is in Postgres: `signoff dlq replay {id}`. Or name its customer: "
        "`signoff dlq edit {id} --set user_id=… --reason WHY`."
    ),
    FailureKind.USER_MISMATCH: (
        "Find out whose interaction it is. If the event is wrong: `signoff dlq edit {id} "
        "--set user_id=… --reason WHY`."
    ),
    FailureKind.LTV_OVERFLOW: (
        "If the amount is a mistake: `signoff dlq edit {id} --set ltv_amount=… --reason WHY`."
    ),
    FailureKind.EVENT_CONFLICT: (
        "The ledger keeps what came first. If this is another fact, let the upstream publish it "
        "under a new event_id, then `signoff dlq discard {id} --reason WHY`."
    ),
    FailureKind.REFUSED_BY_DATABASE: (
        "Change the constraint or the trigger that is named, then `signoff dlq replay {id}`."
    ),
    FailureKind.ABANDONED: (
        "See in the workers' logs why they died (memory, kill), then `signoff dlq replay {id}`."
    ),
}
"""What to do next, by kind."""
_HINT_WITHOUT_ID: Final = (
    "It names no event, so nothing that is published resolves it: let whoever sent it publish an "
    "event, then `signoff dlq discard {id} --reason WHY`. Or write the event yourself: "
    "`signoff dlq edit {id} --reason WHY`."
)


def hint(letter: DeadLetter) -> str:
    """What to do next about a letter."""
    unnamed = letter.kind is FailureKind.INVALID_PAYLOAD and letter.event_id is None
    return (_HINT_WITHOUT_ID if unnamed else HINTS[letter.kind]).format(id=letter.id)


def absence(letter_id: int, state: DeadLetterState | None) -> str:
    """Why there is nothing to act on: no such letter, or it is settled already."""
    if state is None:
        return f"There is no dead letter {letter_id}."
    return f"Dead letter {letter_id} is {state} already."
