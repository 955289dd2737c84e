"""How far a reader is that computes what it keeps of all customers anew."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is."""

    done: int
    customers: int
