"""Change tracking: triggers note for a reader which customers change without an event.

Once it is on (migration 0033), all that is written is noted in `touched_customers`. What was
written before, and is not committed yet, was not noted. So a reader that computes all customers
first waits for the transactions that were writing when its tracking began.
"""

from collections.abc import Sequence
from enum import IntEnum

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement

_PACKAGE = "signoff_insight"


class Tracking(IntEnum):
    """Which changes are noted for a reader: the value of its sequence in the ledger's database."""

    OFF = 0
    FROM_NOW_ON = 1
    """What is written from now on; transactions that wrote before may not have ended."""
    COMPLETE = 2
    """All changes."""


def set_tracking(ledger: Connection[TupleRow], reader: str, tracking: Tracking) -> None:
    """Set which changes are noted for a reader. It holds at once, also if the transaction fails.

    Args:
        ledger: the ledger's database.
        reader: `insight` or `rapport`.
        tracking: which changes.
    """
    parameters = {"reader": reader, "tracking": tracking}
    ledger.execute(statement("touched/set_tracking", _PACKAGE), parameters)


def writers(ledger: Connection[TupleRow]) -> list[str]:
    """The transactions that write now to the tables that are tracked."""
    row = ledger.execute(statement("touched/writers", _PACKAGE)).fetchone()
    return list(row[0]) if row else []


def are_writing(ledger: Connection[TupleRow], transactions: Sequence[str]) -> bool:
    """Whether some of these transactions have not ended."""
    if not transactions:
        return False
    parameters = {"transactions": [*transactions]}
    row = ledger.execute(statement("touched/still_writing", _PACKAGE), parameters).fetchone()
    return row == (True,)
