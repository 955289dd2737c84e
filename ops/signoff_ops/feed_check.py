"""The check of `signoff doctor` that each reader of the feed reads what is applied."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed_lag import ReaderState, readers
from signoff_ops.checks import Check, Grade
from signoff_queue.reader import age
from signoff_schemas.wording import ago

_LATE: Final = timedelta(minutes=1)
"""A reader whose oldest unread event is older is late: readers look every second."""


def check_readers(connection: Connection[TupleRow]) -> Iterator[Check]:
    """A line for each reader that has noted its position in this database."""
    for reader in readers(connection):
        yield reader_check(reader)


def reader_check(reader: ReaderState) -> Check:
    """Whether a reader reads what is applied."""
    name = f"Reader {reader.name}"
    if reader.failure:
        since = age(reader.failing_since)
        text = f"fails{f' since {ago(since)}' if since else ''}: {reader.failure}"
        return Check(Grade.FAIL, name, text)
    waited = age(reader.oldest_unread_at)
    if waited is None:
        return Check(Grade.OK, name, "has read everything")
    text = f"{reader.unread_text} unread, the oldest for {ago(waited)}"
    if waited <= _LATE:
        return Check(Grade.OK, name, text)
    return Check(Grade.FAIL, name, f"{text}; start it, or see in its log what it waits for")
