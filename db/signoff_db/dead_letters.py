"""Read, choose, lock and resolve dead letters; they are rows in Postgres.

What is read is bounded, however large payloads and texts are: lists hold no payloads, and of one
letter no more is read at once than the size of a valid event.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.record_dead_letters import MAX_PAYLOAD_BYTES
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import DeadLetterState, FailureKind, SignoffError

LIST: Final = "dead_letters"
"""The name of the list in its cursors."""
_SHORT: Final = 300
"""Characters of a message in a list."""
_LONG: Final = 10_000
"""Characters of a message where one letter is shown."""
MOST_OF_EVENT: Final = 100
"""The most letters of an event that are read: the newest."""
_BYTES_AT_A_TIME: Final = 16 * 1024 * 1024
"""The size of payloads that are read together."""
_PART: Final = 6 * 1024 * 1024
"""The part of a payload that is read at once; a multiple of 3, so that parts in base64 join."""
Connect = Callable[[], AbstractContextManager[Connection[TupleRow]]]
"""Lends a connection."""


class NoSuchLetterError(SignoffError):
    """No dead letter has this id."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of `dead_letters`, without its payload."""

    id: int
    event_id: UUID | None
    job_id: str
    kind: FailureKind
    message: str
    """Only its beginning in lists."""
    fingerprint: str
    event_type: str | None
    """`approval` or `status_decision`; None where it could not be read, or in older letters."""
    interaction_id: UUID | None
    user_id: str | None
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: DeadLetterState
    resolved_at: datetime | None
    payload_size: int
    """The size of the whole payload, in bytes."""
    payload_kept: int
    """How many of these bytes the letter holds, from the first on."""

    @classmethod
    def of_row(cls, *, kind: str, state: str, **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of a statement that lists letters."""
        return cls(kind=FailureKind(kind), state=DeadLetterState(state), **columns)


@dataclass(frozen=True, slots=True)
class FullLetter:
    """A dead letter with its payload and the errors of its fields."""

    letter: DeadLetter
    detail: list[dict[str, Any]]
    payload: bytes
    """The payload, unchanged; or the first bytes of it, see `payload_complete`."""

    @property
    def payload_complete(self) -> bool:
        """Whether the letter holds the whole payload."""
        return len(self.payload) == self.letter.payload_size

    @classmethod
    def of_row(cls, *, detail: list[dict[str, Any]], payload: bytes, **columns: Any) -> Self:  # noqa: ANN401
        """One row of the statement that reads letters."""
        return cls(DeadLetter.of_row(**columns), detail, payload)


def list_letters(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[DeadLetter]:
    """A page of dead letters, the newest first.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    before_id = key_of(cursor, LIST, row_id)
    parameters = selection.parameters | {
        "limit": limit + 1,
        "before_id": before_id,
        "characters": _SHORT,
    }
    with connection.cursor(row_factory=kwargs_row(DeadLetter.of_row)) as rows:
        found = rows.execute(statement("list_dead_letters"), parameters).fetchall()
    return page_of(found, limit, LIST, lambda letter: letter.id)


def letters_of(
    connection: Connection[TupleRow], event_id: UUID | None, job_id: str
) -> list[DeadLetter]:
    """The newest hundred dead letters of an event, in any state, the oldest first.

    A payload that could not be read has no event_id; its letter is found by the job's id.
    """
    parameters = {
        "event_id": event_id,
        "job_id": job_id,
        "limit": MOST_OF_EVENT,
        "characters": _LONG,
    }
    with connection.cursor(row_factory=kwargs_row(DeadLetter.of_row)) as rows:
        return rows.execute(statement("letters_of_event"), parameters).fetchall()[::-1]


def get_letter(connection: Connection[TupleRow], letter_id: int) -> FullLetter | None:
    """One dead letter, in any state."""
    return next(iter(_read(connection, [letter_id])), None)


def read_letters(connection: Connection[TupleRow], ids: Sequence[int]) -> Iterator[FullLetter]:
    """Dead letters in any state, in the order of the ids; only some megabytes are in memory."""
    left = list(ids)
    while left:
        found = {full.letter.id: full for full in _read(connection, left)}
        if not found:
            return
        for place, letter_id in enumerate(left):
            if letter_id in found:
                yield found.pop(letter_id)
            if not found:
                left = left[place + 1 :]
                break


def _read(connection: Connection[TupleRow], ids: Sequence[int]) -> list[FullLetter]:
    """The first of these letters: as many as may be in memory together, but at least one."""
    parameters = {
        "letters": list(ids),
        "most_bytes": MAX_PAYLOAD_BYTES,
        "budget": _BYTES_AT_A_TIME,
        "characters": _LONG,
    }
    with connection.cursor(row_factory=kwargs_row(FullLetter.of_row)) as rows:
        return rows.execute(statement("read_dead_letters"), parameters).fetchall()


def payload_parts(connect: Connect, letter: DeadLetter) -> Iterator[bytes]:
    """The part of the payload that a letter holds, some megabytes at a time.

    The connection is used only while a part is read: whoever takes the parts may be slow.
    """
    for start in range(0, letter.payload_kept, _PART):
        parameters = {"letter": letter.id, "start": start + 1, "length": _PART}
        with connect() as connection:
            row = connection.execute(statement("payload_part"), parameters, binary=True).fetchone()
        if row is None:
            return
        yield row[0]


def choose(
    connection: Connection[TupleRow], selection: Selection, *, limit: int | None = None
) -> list[int]:
    """The ids of the selected letters that are still dead, the oldest first.

    An action takes these ids, so that it changes no letter that was written after the operator
    confirmed it.
    """
    parameters = selection.parameters | {"limit": limit}
    rows = connection.execute(statement("choose_dead_letters"), parameters, binary=True)
    return [row[0] for row in rows]


def lock(connection: Connection[TupleRow], ids: Sequence[int]) -> dict[int, str]:
    """Lock those of the letters that are still dead; returns the kind of each."""
    rows = connection.execute(statement("lock_dead_letters"), {"letters": list(ids)}, prepare=True)
    kinds: dict[int, str] = dict(rows.fetchall())
    return kinds


def resolve(connection: Connection[TupleRow], ids: Sequence[int]) -> None:
    """Mark letters as resolved, inside the transaction that applies their events."""
    if ids:
        connection.execute(statement("resolve_dead_letters"), {"letters": list(ids)}, prepare=True)
