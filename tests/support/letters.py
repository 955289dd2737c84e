"""Dead letters as tests look at them."""

from approvals import delivery
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.dead_letters import DeadLetter, choose, list_letters
from signoff_db.failure import Failure
from signoff_db.selection import Selection
from signoff_schemas import AnyEvent, DeadLetterState, FailureKind

EVERY_STATE = tuple(DeadLetterState)


def bury(connection: BatchConnection, *events: AnyEvent) -> None:
    """Make dead letters of valid events, as if workers had died while they held them."""
    gave_up = Failure(FailureKind.ABANDONED, "gave up", "gave up")
    apply(connection, [delivery(event)._replace(failure=gave_up) for event in events])


def letters_in(connection: Connection[TupleRow], *states: DeadLetterState) -> list[DeadLetter]:
    """The newest thousand in these states, dead if none is named, the newest first."""
    chosen = Selection(states=states or (DeadLetterState.DEAD,))
    return list(list_letters(connection, chosen, limit=1000).items)


def chosen(connection: Connection[TupleRow], limit: int | None = None) -> list[int]:
    """The ids of all that are dead, or of the oldest of them."""
    return choose(connection, Selection(), limit=limit)


def payload_of(connection: Connection[TupleRow], letter: DeadLetter) -> bytes:
    """All the bytes that the letter holds."""
    row = connection.execute(
        "SELECT payload FROM dead_letters WHERE id = %s", [letter.id]
    ).fetchone()
    assert row
    return bytes(row[0])
