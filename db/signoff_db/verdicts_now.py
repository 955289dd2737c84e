"""What became of events, as of now: their verdicts, or why they are dead letters.

A person waits for the answer, so this uses libpq where the rest of Signoff uses cursors: making a
cursor and converting values took longer than the statement itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple
from uuid import UUID
from weakref import WeakSet

import psycopg
from psycopg import Connection, Notify
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from signoff_db.sql import raw_statement, statement

_NAME: Final = b"signoff_verdicts"
"""The name of the prepared statement."""
_prepared: Final[WeakSet[Connection[TupleRow]]] = WeakSet()
"""The connections that had it; a pool lends them again."""
_FORMATS: Final = (Format.TEXT, Format.BINARY)


class EventState(NamedTuple):
    """What Postgres holds of one event: a row of `verdicts_of_events.sql`, by names."""

    verdict: str | None
    """`applied`, `late` or `void`; None if the ledger does not hold this content."""
    age: float | None
    """Seconds since it was applied."""
    dead_letter: int | None
    """The newest open dead letter of this `event_id`; its kind and message follow."""
    kind: str | None
    message: str | None


_NUMBERS: Final[Mapping[str, type]] = {"age": float, "dead_letter": int}
"""The columns that are no texts."""


class EventStates:
    """Reads what became of events, on a connection that `prepared_states` has prepared.

    `fileno` is what to wait for, as with `selectors`: when it can be read, there may be notices.
    Some come with an answer instead, so look at `has_notices` before.
    """

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection
        self._committed: set[bytes] = set()

    def fileno(self) -> int:
        """The socket of the connection."""
        return self._connection.pgconn.socket

    def has_notices(self) -> bool:
        """Whether notices have come that `committed` has not given yet."""
        self._take_notices()
        return bool(self._committed)

    def committed(self) -> set[bytes]:
        """The ids in the notices that have come: events that a worker seems to have committed.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        self._connection.pgconn.consume_input()
        self._take_notices()
        committed, self._committed = self._committed, set()
        return committed

    def _take_notices(self) -> None:
        while notice := self._connection.pgconn.notifies():
            self._committed.add(notice.extra)

    def note(self, notice: Notify) -> None:
        """Note a notice that came before the answer to a statement (psycopg calls this)."""
        self._committed.add(notice.payload.encode())

    def of(self, events: Sequence[UUID], hashes: Sequence[bytes]) -> list[EventState]:
        """What Postgres holds of events with these content hashes, in their order."""
        ids = f"{{{','.join(map(str, events))}}}".encode()
        parameters = ids, b"".join(hashes)
        try:
            result = _run(self._connection, parameters)
        except InvalidSqlStatementName:  # psycopg deallocates all statements after a rollback
            _prepare(self._connection)
            result = _run(self._connection, parameters)
        return _states(result)


def _run(connection: Connection[TupleRow], parameters: Sequence[bytes]) -> PGresult:
    connection.pgconn.send_query_prepared(_NAME, parameters, _FORMATS)
    return _answer(connection)


def _states(result: PGresult) -> list[EventState]:
    """The rows; a column that the class does not have, or lacks, is an error."""
    names = [(result.fname(place) or b"").decode() for place in range(result.nfields)]
    return [
        EventState(**{name: _value(name, result.get_value(row, n)) for n, name in enumerate(names)})
        for row in range(result.ntuples)
    ]


def _value(name: str, text: bytes | None) -> Any:  # noqa: ANN401 -- as the class has it
    return text if text is None else _NUMBERS.get(name, bytes.decode)(text)


def _answer(connection: Connection[TupleRow]) -> PGresult:
    """The answer to what was sent.

    Raises:
        psycopg.Error: it is an error, or none came.
    """
    results: list[PGresult] = connection.wait(execute(connection.pgconn))
    (result,) = results
    if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        raise error_from_result(result)
    return result


def _prepare(connection: Connection[TupleRow]) -> None:
    """Prepare the statement, which stays prepared; not by SQL, which poolers do not see."""
    connection.pgconn.send_prepare(_NAME, raw_statement("verdicts_of_events"))
    _answer(connection)
    _prepared.add(connection)


@contextmanager
def prepared_states(connection: Connection[TupleRow]) -> Iterator[EventStates]:
    """In the block, the connection reads what became of events, with one plan.

    Args:
        connection: in autocommit mode; other statements should not use it meanwhile.
    """
    states = EventStates(connection)
    connection.add_notify_handler(states.note)
    try:
        connection.execute(statement("begin_verdicts"))
        if connection not in _prepared:
            _prepare(connection)
        yield states
    finally:
        with suppress(psycopg.Error):  # the connection may be lost
            connection.execute(statement("end_verdicts"))
        # Last: psycopg would keep the notices that nobody handles.
        connection.remove_notify_handler(states.note)
