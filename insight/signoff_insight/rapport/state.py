"""What the second database tells of its contexts: how they were computed, and how far they are."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement

READER: Final = "rapport"
"""The reader's name in the feed."""
PACKAGE: Final = "signoff_insight"
DEFINITIONS: Final = 1
"""To be raised when the contexts of the same ledger become others."""


class Step(StrEnum):
    """What a rebuild is at."""

    WAIT = "wait"
    """Transactions whose changes may not be noted are waited for."""
    COMPUTE = "compute"
    """The customers of the ledger's database are computed."""
    DELETE = "delete"
    """The contexts of customers that are gone are deleted."""


@dataclass(frozen=True, slots=True)
class State:
    """The row of `rapport_state`."""

    definitions: int
    detached: int
    touched_upto: int
    step: str | None
    """A `Step`; None where no rebuild is under way."""
    waits_for: list[str]
    rebuilt_upto: str | None
    customers_rebuilt: int
    customers_to_rebuild: int
    rebuilt_at: datetime | None
    caught_up: bool
    now: datetime
    """When the transaction began that read it."""


def state_of(connection: Connection[TupleRow]) -> State | None:
    """The state; None before the first rebuild began."""
    with connection.cursor(row_factory=class_row(State)) as cursor:
        return cursor.execute(statement("rapport/state", PACKAGE)).fetchone()
