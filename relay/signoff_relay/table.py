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
from signoff_schemas import MAX_EVENT_BYTES, SignoffError


class OutboxError(SignoffError):
    """The outbox's table differs from the one that `signoff outbox create` makes."""


CHANNEL: Final = "signoff_outbox"
"""The channel that the table's trigger notifies."""
_LATER_COLUMNS: Final = ("validated_hash", "due_at")
"""Columns that tables of earlier releases lack."""
_PAGE: Final = 1000
_LIST: Final = "outbox"
_REFUSED: Final = "refused"
_CHARACTERS: Final = 2000
"""Characters of an event and of a reason that a list shows."""
_MOST_BYTES: Final = 4_000_000
"""Bytes of the whole events of a page."""
_BOUNDS: Final = {"largest": MAX_EVENT_BYTES, "characters": _CHARACTERS}
"""Parameters of the statements that read events: a text that is no event may be of any size."""
_FIRST: Final = UUID(int=0)


class Waiting(NamedTuple):
    """An event that was claimed and is to be published."""

    address: str
    """The row's address (ctid), the fastest way to a row; it is stable while the row is locked."""
    event_id: UUID
    added_at: str
    event: str | None
    """None if it is larger than an event may be."""
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
    event: str | None
    """None if it is larger than an event may be."""
    bytes: int
    """How many it has."""
    added_at: datetime
    published_at: datetime | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class OutboxOverview:
    """The numbers of waiting and refused events."""

    waiting: int
    oldest_waiting_at: datetime | None
    refused: int


@dataclass(frozen=True, slots=True)
class OutboxWaiting:
    """The oldest waiting events, as far as they were looked at."""

    looked_at: int
    later: int
    """Those that may not be published yet: the desk's approvals, until they cannot be undone."""
    next_due_at: datetime | None
    """When the first of these may be."""
    oldest_due_at: datetime | None
    """Since when the oldest one could have been published; None if none could."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that the queue refuses."""

    event_id: UUID
    event: str
    """Its beginning."""
    characters: int
    """How many it has in all."""
    bytes: int
    added_at: datetime
    refused: str
    """Why, as the queue said."""
    whole: str | None
    """All of the event; None if it is larger than an event may be, and where those before it on the
    page were too large together."""


class RefusedRow(NamedTuple):
    """A refused event that was locked."""

    address: str
    event_id: UUID
    added_at: str
    event: str | None
    """None where it is larger than a dead letter can keep."""
    refused: str


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
        parameters = {
            "most": most,
            "added_at": behind.added_at,
            "event_id": behind.event_id,
            "largest": MAX_EVENT_BYTES,
        }
        with self.connection.cursor(row_factory=args_row(Waiting)) as cursor:
            return cursor.execute(_sql("claim"), parameters).fetchall()

    def due_in(self) -> float:
        """Seconds until the next event that waits for its time is due; infinite if none waits."""
        row = self.connection.execute(_sql("due_in")).fetchone()
        return math.inf if row is None or row[0] is None else max(0.0, float(row[0]))

    def claim_again(self, events: Sequence[UUID]) -> list[Waiting]:
        """Lock those of the handled events that are not locked by others."""
        with self.connection.cursor(row_factory=args_row(Waiting)) as cursor:
            parameters = {"events": list(events), "largest": MAX_EVENT_BYTES}
            return cursor.execute(_sql("claim_again"), parameters).fetchall()

    def mark_published(self, locked: Sequence[Waiting]) -> None:
        """Mark events as published.

        Raises:
            OutboxError: the addresses are not unique; the caller must roll back.
        """
        self.mark_handled([waiting.address for waiting in locked])

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
        parameters = {"after": after, "before": published_before, "most": _PAGE + 1, **_BOUNDS}
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
            return cursor.execute(_sql("read_event"), {"event_id": event_id, **_BOUNDS}).fetchone()

    def waiting(self, most: int) -> OutboxWaiting:
        """Look at the oldest `most` waiting events."""
        with self.connection.cursor(row_factory=class_row(OutboxWaiting)) as cursor:
            row = cursor.execute(_sql("waiting"), {"most": most}).fetchone()
        if row is None:
            raise AssertionError
        return row

    def refused_page(self, cursor: str | None, *, limit: int) -> Page[RefusedEvent]:
        """A page of the events that the queue refuses, the oldest first.

        Raises:
            CursorError: the cursor is not from this list.
        """
        after = key_of(cursor, _REFUSED, _place) or Place()
        parameters = {
            "added_at": after.added_at,
            "event_id": after.event_id,
            "most_bytes": _MOST_BYTES,
            **_BOUNDS,
            "most": limit + 1,
        }
        with self.connection.cursor(row_factory=class_row(RefusedEvent)) as rows:
            found = rows.execute(_sql("refused_page"), parameters).fetchall()
        return page_of(
            found, limit, _REFUSED, lambda one: f"{one.added_at.isoformat()} {one.event_id}"
        )

    def release_refused(self, events: Sequence[UUID] | None, most: int) -> list[UUID]:
        """Let relays try refused events again: these, or all with None; returns which.

        At most `most`, the oldest first.
        """
        parameters = {"events": None if events is None else list(events), "most": most}
        return [row[0] for row in self.connection.execute(_sql("release_refused"), parameters)]

    def lock_refused(
        self, events: Sequence[UUID] | None, behind: Place, most: int
    ) -> list[RefusedRow]:
        """Lock refused events, the oldest first, until the transaction ends: these, or all."""
        parameters = {
            "events": None if events is None else list(events),
            "added_at": behind.added_at,
            "event_id": behind.event_id,
            "most_bytes": MAX_EVENT_BYTES,
            "most": most,
        }
        with self.connection.cursor(row_factory=args_row(RefusedRow)) as rows:
            return rows.execute(_sql("lock_refused"), parameters).fetchall()

    def mark_handled(self, addresses: Sequence[str]) -> None:
        """Mark locked events, which are accounted for elsewhere, as published.

        Raises:
            OutboxError: the addresses are not unique; the caller must roll back.
        """
        self._mark("mark_published", len(addresses), {"addresses": " ".join(addresses)})

    def refused(self, most: int) -> list[Entry]:
        """Events that the queue refuses, the oldest first."""
        with self.connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(_sql("list_refused"), {"most": most, **_BOUNDS}).fetchall()


def _place(text: str) -> Place:
    """A position in a list; raises `ValueError` if the text is none."""
    moment, event_id = text.split(" ")
    return Place(datetime.fromisoformat(moment).isoformat(), str(UUID(event_id)))


def _sql(name: str) -> LiteralString:
    return statement(name, "signoff_relay")
