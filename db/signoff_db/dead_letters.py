"""The dead-letter queue, which lives in Postgres beside the state it could not change.

However large a payload or a text is that somebody put there, what is read of it is bounded: lists
hold no payloads, and of one letter no more is read at once than a valid event takes.
"""

from collections.abc import Iterator, Sequence
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

_LIST: Final = "dead_letters"
_SHORT: Final = 300
"""Characters of a message in a list."""
_LONG: Final = 10_000
"""Characters of a message where one letter is shown."""
_MOST_GROUPS: Final = 100
_MOST_OF_EVENT: Final = 100
_BYTES_AT_A_TIME: Final = 16 * 1024 * 1024
"""Payloads that are read together."""
_PART: Final = 6 * 1024 * 1024
"""Of a payload that is larger than any letter is now; a multiple of 3, so that base64 joins."""


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
    """In lists only its beginning."""
    fingerprint: str
    interaction_id: UUID | None
    user_id: str | None
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: DeadLetterState
    resolved_at: datetime | None
    payload_size: int
    """How many bytes came."""
    payload_kept: int
    """How many of them the letter holds, from the first on."""

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
    """The bytes as they came, or the first of them; see `payload_complete`."""

    @property
    def payload_complete(self) -> bool:
        """Whether these are all the bytes that came."""
        return len(self.payload) == self.letter.payload_size

    @classmethod
    def of_row(cls, *, detail: list[dict[str, Any]], payload: bytes, **columns: Any) -> Self:  # noqa: ANN401
        """One row of the statement that reads letters."""
        return cls(DeadLetter.of_row(**columns), detail, payload)


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one cause."""

    fingerprint: str
    kind: FailureKind
    count: int
    first_failed_at: datetime
    last_failed_at: datetime
    message: str
    """That of the newest."""
    sample_id: int
    """The newest."""

    @classmethod
    def of_row(cls, *, kind: str, **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of the statement that groups letters."""
        return cls(kind=FailureKind(kind), **columns)


@dataclass(frozen=True, slots=True)
class Groups:
    """The biggest groups."""

    groups: tuple[Group, ...]
    """The biggest first."""
    more: bool
    """Whether there are others."""


def list_letters(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[DeadLetter]:
    """A page of dead letters, the newest first.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    before_id = key_of(cursor, _LIST, row_id)
    parameters = selection.parameters | {
        "limit": limit + 1,
        "before_id": before_id,
        "characters": _SHORT,
    }
    with connection.cursor(row_factory=kwargs_row(DeadLetter.of_row)) as rows:
        found = rows.execute(statement("list_dead_letters"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda letter: letter.id)


def letters_of(
    connection: Connection[TupleRow], event_id: UUID | None, job_id: str
) -> list[DeadLetter]:
    """An event's dead letters in any state, the oldest first; of very many, the newest hundred.

    A payload that could not be read has no event_id; its letter is found by the job's id.
    """
    parameters = {
        "event_id": event_id,
        "job_id": job_id,
        "limit": _MOST_OF_EVENT,
        "characters": _LONG,
    }
    with connection.cursor(row_factory=kwargs_row(DeadLetter.of_row)) as rows:
        return rows.execute(statement("letters_of_event"), parameters).fetchall()[::-1]


def get_letter(connection: Connection[TupleRow], letter_id: int) -> FullLetter | None:
    """One dead letter, in whatever state."""
    return next(iter(_read(connection, [letter_id])), None)


def read_letters(connection: Connection[TupleRow], ids: Sequence[int]) -> Iterator[FullLetter]:
    """Dead letters in whatever state, in the order of the ids; some megabytes in memory."""
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
    """The first of these letters, as many as may be in memory together, but at least one."""
    parameters = {
        "letters": list(ids),
        "most_bytes": MAX_PAYLOAD_BYTES,
        "budget": _BYTES_AT_A_TIME,
        "characters": _LONG,
    }
    with connection.cursor(row_factory=kwargs_row(FullLetter.of_row)) as rows:
        return rows.execute(statement("read_dead_letters"), parameters).fetchall()


def payload_parts(connection: Connection[TupleRow], letter: DeadLetter) -> Iterator[bytes]:
    """All the bytes that a letter holds, however many, some megabytes at a time."""
    for start in range(0, letter.payload_kept, _PART):
        parameters = {"letter": letter.id, "start": start + 1, "length": _PART}
        row = connection.execute(statement("payload_part"), parameters, binary=True).fetchone()
        if row is None:
            return
        yield row[0]


def groups(connection: Connection[TupleRow], selection: Selection) -> Groups:
    """Those that are dead among what is meant, by cause."""
    parameters = selection.parameters | {"limit": _MOST_GROUPS + 1, "characters": _SHORT}
    with connection.cursor(row_factory=kwargs_row(Group.of_row)) as rows:
        found = rows.execute(statement("group_dead_letters"), parameters).fetchall()
    return Groups(tuple(found[:_MOST_GROUPS]), len(found) > _MOST_GROUPS)


def choose(
    connection: Connection[TupleRow], selection: Selection, *, limit: int | None = None
) -> list[int]:
    """The ids of the dead ones among those that are meant, the oldest first, to act on.

    So a person confirms what happens: nothing that dies meanwhile is acted on, too.
    """
    parameters = selection.parameters | {"limit": limit}
    rows = connection.execute(statement("choose_dead_letters"), parameters, binary=True)
    return [row[0] for row in rows]


def lock(connection: Connection[TupleRow], ids: Sequence[int]) -> dict[int, str]:
    """Those of the letters that are still dead, each with its kind, locked in the transaction."""
    rows = connection.execute(statement("lock_dead_letters"), {"letters": list(ids)}, prepare=True)
    kinds: dict[int, str] = dict(rows.fetchall())
    return kinds


def resolve(connection: Connection[TupleRow], ids: Sequence[int]) -> None:
    """Mark letters as resolved, inside the transaction that applies their events."""
    if ids:
        connection.execute(statement("resolve_dead_letters"), {"letters": list(ids)}, prepare=True)
