"""How many letters of an operation are still dead."""

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.letter_search import MOST_COUNTED, Counted, CutOffError, at_most
from signoff_db.sql import statement


def count_dead(
    connection: Connection[TupleRow], operation_id: int, *, seconds: float
) -> Counted | None:
    """How many letters of an operation are dead; None if counting them took too long."""
    parameters = {"operation": operation_id, "most": MOST_COUNTED + 1}
    try:
        with at_most(connection, seconds):
            row = connection.execute(statement("operations/count_dead"), parameters).fetchone()
    except CutOffError:
        return None
    number = row[0] if row else 0
    return Counted(min(number, MOST_COUNTED), number > MOST_COUNTED)
