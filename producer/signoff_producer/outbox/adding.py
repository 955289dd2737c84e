"""Add an event to the outbox."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, Final, Protocol, overload
from uuid import UUID

from signoff_producer.outbox.drivers import sqlstate, write
from signoff_producer.outbox.validated import Row
from signoff_producer.publication import Source
from signoff_schemas import ApprovalEvent, SignoffError

_UNDEFINED: Final = frozenset({"42P01", "42703"})
"""The SQLSTATEs of a missing table and of a missing column."""


class OutboxConflict(SignoffError):  # noqa: N818 -- named after the answer that a publish gets
    """The outbox holds other content under the event's id; the event was not added."""

    def __init__(self, event_id: UUID) -> None:
        super().__init__(
            f"the outbox holds event {event_id} with other content; "
            "an event_id belongs to one event: give this one an id of its own"
        )
        self.event_id = event_id

    def __reduce__(self) -> tuple[type["OutboxConflict"], tuple[UUID]]:
        """For pickling between processes: by default an exception keeps only its message."""
        return OutboxConflict, (self.event_id,)


class OutboxSchemaError(SignoffError):
    """The database has no outbox that this release can write to."""

    def __init__(self) -> None:
        columns = " and ".join(Row._fields)
        super().__init__(
            f"the database has no table signoff_outbox with the columns {columns}; make it, or "
            "bring one that an earlier release made up to date, with `signoff outbox create` or "
            "the SQL in signoff.outbox.SCHEMA. The event was not added, and the "
            "transaction can only be rolled back"
        )


class Awaited(Protocol):
    """A connection, cursor or session whose `execute` is awaited."""

    @property
    def execute(self) -> Callable[..., Awaitable[Any]]:
        """Runs a statement."""


@overload
def add(  # type: ignore[overload-overlap]  # an awaited connection is an object too: first match wins
    connection: Awaited, event: Source
) -> Awaitable[None]: ...
@overload
def add(connection: object, event: Source) -> None: ...
def add(connection: object, event: Source) -> Awaitable[None] | None:
    """Add an event to the outbox, in the transaction that `connection` is in.

    It takes effect when that transaction commits, and never if it does not. Adding the same event
    again changes nothing. The table is made by `signoff outbox create`, or by `SCHEMA`.

    Args:
        connection: runs the caller's transaction: a connection or cursor of psycopg or of any
            DB-API driver for Postgres, an asyncpg connection, or a connection or session of
            SQLAlchemy. If it is a cursor, results that it still holds are lost.
        event: as for `Producer.publish`.

    Returns:
        None. If the connection's `execute` is awaited, await `add` too.

    Raises:
        InvalidEvent: it breaks the contract; nothing was sent to the database.
        OutboxConflict: the outbox holds other content under its id; the transaction goes on.
        OutboxSchemaError: the table does not exist, or lacks a column; the transaction has failed.
        TypeError: `connection` is not one of these.
    """
    parsed = ApprovalEvent.parse(event)
    with _explained():
        written = write(connection, Row.of(parsed))
    if isawaitable(written):
        return _awaited(written, parsed.event_id)
    _require(written, parsed.event_id)
    return None


async def _awaited(written: Awaitable[bool], event_id: UUID) -> None:
    with _explained():
        done = await written
    _require(done, event_id)


@contextmanager
def _explained() -> Iterator[None]:
    """Explain the error of a missing outbox; other errors of the driver are not changed."""
    try:
        yield
    except Exception as error:
        if sqlstate(error) in _UNDEFINED:
            raise OutboxSchemaError from error
        raise


def _require(written: bool, event_id: UUID) -> None:
    if not written:
        raise OutboxConflict(event_id)
