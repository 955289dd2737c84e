"""Audits as rows: one is asked for, a process in the background runs it, its result is kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.operator_actions import Action, note
from signoff_db.record_dead_letters import storable
from signoff_db.sql import statement

_LOCK: Final = 0x41_7564_6974_73
"""The advisory lock of the process that runs audits ("Audits" in ASCII)."""


class AuditState(StrEnum):
    """What became of an audit."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredAudit:
    """An audit that was asked for, or its result."""

    id: int
    state: AuditState
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    clean: bool | None
    """Whether nothing differed; None until it is done."""
    report: dict[str, Any] | None
    """What was found, as `signoff_ops.audits.report_of` makes it; None until it is done."""
    message: str | None
    """Why it failed."""

    @classmethod
    def of_row(cls, *, state: str, **columns: Any) -> Self:  # noqa: ANN401 -- as they come
        """One row of `audits`."""
        return cls(state=AuditState(state), **columns)


@dataclass(frozen=True, slots=True)
class LatestAudits:
    """The newest audit of each kind; None if there is none."""

    open: StoredAudit | None
    """It waits or runs."""
    done: StoredAudit | None
    failed: StoredAudit | None
    """Only if it is newer than the one that is done."""


def latest(connection: Connection[TupleRow]) -> LatestAudits:
    """The newest audits."""
    with connection.cursor(row_factory=kwargs_row(StoredAudit.of_row)) as cursor:
        found = cursor.execute(statement("audits/latest")).fetchall()
    by_state = {audit.state: audit for audit in found}
    done, failed = by_state.get(AuditState.DONE), by_state.get(AuditState.FAILED)
    if done and failed and failed.id < done.id:
        failed = None
    running = by_state.get(AuditState.RUNNING) or by_state.get(AuditState.WAITING)
    return LatestAudits(running, done, failed)


def request(connection: Connection[TupleRow], actor: str) -> StoredAudit:
    """Ask for an audit, and note who did; if one waits or runs already, it is that one."""
    with connection.transaction():
        with connection.cursor(row_factory=kwargs_row(StoredAudit.of_row)) as cursor:
            added = cursor.execute(statement("audits/add"), {"actor": actor}).fetchone()
        if added:
            note(connection, actor, Action.START_AUDIT, [], None, before=None, after=added.id)
            return added
    waiting = latest(connection).open
    return waiting or request(connection, actor)  # it ended between the two looks


@contextmanager
def alone(connection: Connection[TupleRow]) -> Iterator[bool]:
    """Whether this process is the only one that runs audits, until the end of the block.

    The lock ends with the connection: a process that dies leaves its audit to the next one.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def begin(connection: Connection[TupleRow]) -> int | None:
    """Begin the oldest audit that was asked for, or that a process left that died; its id.

    The caller is `alone`.
    """
    row = connection.execute(statement("audits/begin")).fetchone()
    return None if row is None else int(row[0])


def finish(
    connection: Connection[TupleRow], audit_id: int, report: Mapping[str, Any], *, clean: bool
) -> None:
    """Keep what an audit found."""
    _end(connection, audit_id, AuditState.DONE, clean=clean, report=report, message=None)


def fail(connection: Connection[TupleRow], audit_id: int, message: str) -> None:
    """Note why an audit could not be run to its end."""
    _end(connection, audit_id, AuditState.FAILED, clean=None, report=None, message=message)


def _end(
    connection: Connection[TupleRow],
    audit_id: int,
    state: AuditState,
    *,
    clean: bool | None,
    report: Mapping[str, Any] | None,
    message: str | None,
) -> None:
    parameters = {
        "id": audit_id,
        "state": str(state),
        "clean": clean,
        "report": None if report is None else storable(report),
        "message": message,
    }
    connection.execute(statement("audits/finish"), parameters)


def record(
    connection: Connection[TupleRow],
    actor: str,
    started_at: datetime,
    report: Mapping[str, Any],
    *,
    clean: bool,
) -> None:
    """Keep the result of an audit that a command has run."""
    parameters = {
        "actor": actor,
        "started_at": started_at,
        "clean": clean,
        "report": storable(report),
    }
    connection.execute(statement("audits/record"), parameters)
