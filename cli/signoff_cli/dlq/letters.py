"""What is said of dead letters."""

from typing import Final

from signoff_schemas import DeadLetterState

LARGEST_ID: Final = 2**63 - 1
"""Ids are of Postgres's type bigint."""


def absence(letter_id: int, state: DeadLetterState | None) -> str:
    """Why there is nothing to act on: no such letter, or it is settled already."""
    if state is None:
        return f"There is no dead letter {letter_id}."
    return f"Dead letter {letter_id} is {state} already."
