"""The outbox's table, for relays and operators. Each method runs one statement."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, args_row, class_row

from signoff_db.pages import Page, follow, key_of, page_of
from signoff_db.sql import statement
from signoff_schemas import SignoffError


class OutboxError(SignoffError):
    """The outbox's table differs from the one that `signoff outbox create` makes."""


CHANNEL: Final = "signoff_outbox"
"""The channel that the table's trigger notifies."""
_LATER_COLUMNS: Final = ("validated_hash", "due_at")
"""Columns that tables of earlier releases lack."""
_PAGE: Final = 1000
_LIST: Final = "outbox"
_FIRST: Final = UUID(int=0)


class Waiting(NamedTuple):
    """An event that was claimed and is to be published."""

    address: str
    """The row's address (ctid), the fastest way to a row; it is stable while the row is locked."""
    event_id: UUID
    added_at: str
    event: str
    validated_hash: bytes | None
    """The hash that `outbox.add` noted; None if the row was written in another way."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the outbox; the next batch is claimed after it."""

    added_at: str = "-infinity"
    event_id: str = str(_FIRST)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table."""

    event_id: UUID
    event: str
    added_at: datetime
    published_at: datetime | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class OutboxOverview:
    """The numbers of waiting and refused events."""

    waiting: int
    oldest_waiting_at: datetime | None
    refused: int


class OutboxTable:
    """The table in the database that the connection leads to."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self.connection = connection

    def exists(self) -> bool:
        """Whether the table exists."""
        row = self.connection.execute("SELECT to_regclass('signoff_outbox')").fetchone()
        return row is not None and row[0] is not None

    def lacking(self) -> list[str]:
        """The columns of this release that the table lacks; it must exist."""
        rows = self.connection.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE NOT EXISTS ("
            " SELECT FROM pg_attribute WHERE attrelid = 'signoff_outbox'::regclass"
            " AND attname = name AND NOT attisdropped)",
            [list(_LATER_COLUMNS)],
        )
        return [name for (name,) in rows]

    def claim(self, most: int, behind: Place) -> list[Waiting]:
        """Lock up to `most` waiting events, the oldest first, until the transaction ends."""
        parameters = {"most": most, "added_at": behind.added_at, "event_id": behind.event_id}
        with self.connection.cursor(row_factory=args_row(Waiting)) as cursor:
            return cursor.execute(_sql("claim"), parameters).fetchall()

    def due_in(self) -> float:
        """Seconds until the next event that waits for its time is due; infinite if none waits."""
        row = self.connection.execute(_sql("due_in")).fetchone()
        return math.inf if row is None or row[0] is None else max(0.0, float(row[0]))

    def claim_again(self, events: Sequence[UUID]) -> list[Waiting]:
        """Lock those of the handled events that are not locked by others."""
        with self.connection.cursor(row_factory=args_row(Waiting)) as cursor:
            return cursor.execute(_sql("claim_again"), {"events": list(events)}).fetchall()

    def mark_published(self, locked: Sequence[Waiting]) -> None:
        """Mark events as published.

        Raises:
            OutboxError: the addresses are not unique; the caller must roll back.
        """
        addresses = " ".join([waiting.address for waiting in locked])
        self._mark("mark_published", len(locked), {"addresses": addresses})

    def mark_refused(self, locked: Sequence[Waiting], reasons: Sequence[str]) -> None:
        """Mark events as refused; the reasons are in the same order."""
        addresses = [waiting.address for waiting in locked]
        parameters = {"addresses": addresses, "reasons": list(reasons)}
        self._mark("mark_refused", len(locked), parameters)

    def _mark(self, name: str, count: int, parameters: dict[str, Any]) -> None:
        marked = self.connection.execute(_sql(name), parameters).rowcount
        if marked != count:
            raise OutboxError(
                f"marking {count} events of signoff_outbox met {marked} rows, and was undone: the "
                "outbox must be one plain table, as `signoff outbox sql` prints it, without "
                "partitions, children or rules"
            )

    def pages(self, *, published_before: datetime | None = None) -> Iterator[list[Entry]]:
        """All events that a relay has handled; if a time is given, those published before it."""
        for page in follow(lambda cursor: self.page(cursor, published_before=published_before)):
            yield list(page.items)

    def page(
        self, cursor: str | None = None, *, published_before: datetime | None = None
    ) -> Page[Entry]:
        """A page of these events, by id.

        Raises:
            CursorError: the cursor is not from this list.
        """
        after = key_of(cursor, _LIST, UUID) or _FIRST
        parameters = {"after": after, "before": published_before, "most": _PAGE + 1}
        with self.connection.cursor(row_factory=class_row(Entry)) as rows:
            found = rows.execute(_sql("page"), parameters).fetchall()
        return page_of(found, _PAGE, _LIST, lambda entry: str(entry.event_id))

    def forget(self, events: Sequence[UUID], before: datetime) -> int:
        """Delete those of the events that were published before a time; returns how many."""
        parameters = {"events": list(events), "before": before}
        return self.connection.execute(_sql("forget"), parameters).rowcount

    def overview(self) -> OutboxOverview:
        """Count what is not published."""
        with self.connection.cursor(row_factory=class_row(OutboxOverview)) as cursor:
            row = cursor.execute(_sql("overview")).fetchone()
        if row is None:
            raise AssertionError
        return row

    def entry(self, event_id: UUID) -> Entry | None:
        """One event."""
        with self.connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(_sql("read_event"), {"event_id": event_id}).fetchone()

    def refused(self, most: int) -> list[Entry]:
        """Events that the queue refuses, the oldest first."""
        with self.connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(_sql("list_refused"), {"most": most}).fetchall()


def _sql(name: str) -> LiteralString:
    return statement(name, "signoff_relay")
