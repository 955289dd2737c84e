"""What workers do in Postgres, so that a dry run leaves the machine to them."""

from enum import Enum, auto

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement


class Load(Enum):
    """How much workers use Postgres."""

    NONE = auto()
    """None has used it in the last second."""
    SOME = auto()
    """One has, but none does at this moment."""
    FULL = auto()
    """One does at this moment. A worker with a full queue mostly does."""


def load_of_workers(connection: Connection[TupleRow]) -> Load:
    """What workers do now; if that cannot be seen, they count as if they worked."""
    row = connection.execute(statement("operations/load_of_workers"), prepare=True).fetchone()
    uses, used = row or (True, True)
    if uses:
        return Load.FULL
    return Load.SOME if used else Load.NONE
