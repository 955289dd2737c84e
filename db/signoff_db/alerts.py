"""Alerts: of new causes of dead letters, of too many letters, of conversion; each is sent once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement

_PAUSE: Final = timedelta(minutes=1)
"""The least time between two alerts; what happens meanwhile goes into the next one."""
_MEMORY: Final = timedelta(hours=1)
"""A cause that was settled after its alert is not alerted again within this time."""
_LOCK: Final = 0x41_6C65_7274_73
"""The advisory lock of the process that sends alerts ("Alerts" in ASCII)."""
_LIMIT: Final = "limit"
CONVERSION: Final = "conversion"
"""The subject of the alert that conversion fell."""
_MOST_CAUSES: Final = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """Open dead letters of one cause."""

    fingerprint: str
    kind: str
    count: int
    first_failed_at: datetime
    last_failed_at: datetime
    sample_id: int
    """The newest letter."""


@dataclass(frozen=True, slots=True)
class News:
    """The content of an alert."""

    causes: tuple[Cause, ...]
    """New causes, the biggest first; at most a few, the others follow in the next alert."""
    dead: int
    """The number of open dead letters."""
    limit_passed: bool
    """Whether there are more than the limit, and no alert of that was sent yet."""


@contextmanager
def alone(connection: Connection[TupleRow]) -> Iterator[bool]:
    """Whether this process is the only one that sends alerts, until the end of the block."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def news(connection: Connection[TupleRow], *, limit: int) -> News | None:
    """What to send now; None if there is nothing, or the last alert is too recent."""
    connection.execute(statement("forget_alerts"), {"memory": _MEMORY, "limit": limit})
    state = connection.execute(statement("alert_state"), {"pause": _PAUSE}).fetchone()
    if state is None:
        raise AssertionError
    dead, limit_reported, may_send = state
    with connection.cursor(row_factory=class_row(Cause)) as cursor:
        causes = tuple(cursor.execute(statement("new_causes"), {"limit": _MOST_CAUSES}).fetchall())
    passed = dead > limit and not limit_reported
    return News(causes, dead, passed) if may_send and (causes or passed) else None


def remember(connection: Connection[TupleRow], sent: News) -> None:
    """Note what was sent, so that it is not sent again."""
    subjects = [cause.fingerprint for cause in sent.causes]
    if sent.limit_passed:
        subjects.append(_LIMIT)
    _record(connection, subjects)


def is_noted(connection: Connection[TupleRow], subject: str) -> bool:
    """Whether an alert of this subject was sent, and is not over."""
    found = connection.execute(statement("is_alert_noted"), {"subject": subject})
    return found.fetchone() is not None


def note(connection: Connection[TupleRow], subject: str) -> None:
    """Note that an alert of this subject was sent."""
    _record(connection, [subject])


def note_over(connection: Connection[TupleRow], subject: str) -> None:
    """Note that what was alerted is over: if it comes again, it is alerted again."""
    connection.execute(statement("forget_alert"), {"subject": subject})


def _record(connection: Connection[TupleRow], subjects: list[str]) -> None:
    connection.execute(statement("record_alerts"), {"subjects": subjects})
