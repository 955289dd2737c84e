"""Start, read, list and cancel operations; they are rows in Postgres."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, LiteralString, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.balances import Balance
from signoff_db.operations.effect import Effect
from signoff_db.operations.retention import LETTERS_KEPT, letters_kept
from signoff_db.operator_actions import Action, note
from signoff_db.outcome import VERDICTS
from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.record_dead_letters import storable
from signoff_db.replay import Replayed
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import FailureKind, SignoffError

RUNNER_APPLICATION: Final = "signoff operations"
"""The application name of the connection of a process that runs operations."""
_LIST: Final = "operations"
_CHOOSING: Final = "20s"
"""How long choosing the letters may take; a request waits for it."""
_SHOWN_IDS: Final = 100
"""The most ids of a selection that are kept to be shown."""
_MOST_OPEN: Final = 100
"""The most operations that wait or run: each keeps its set of letters."""


class OperationAction(StrEnum):
    """What an operation does with its letters."""

    REPLAY = "replay"
    DISCARD = "discard"


class OperationState(StrEnum):
    """How far an operation is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """It ended by itself, since one cause of failures recurred."""
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self not in {OperationState.WAITING, OperationState.RUNNING}


class NothingMatchesError(SignoffError):
    """No dead letter matches, so there is nothing to do."""


class TooManyOperationsError(SignoffError):
    """Too many operations wait or run already."""


class NoSuchOperationError(SignoffError):
    """There is no operation of this number."""


class OperationEndedError(SignoffError):
    """The operation has ended already."""


class KeyUsedError(SignoffError):
    """The idempotency key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for."""

    action: OperationAction
    actor: str
    reason: str | None
    dry_run: bool
    limit: int | None = None
    """The most letters, the oldest."""
    rate: float | None = None
    """The most letters a second."""
    keep_going: bool = False
    """Do not stop when one cause keeps recurring."""
    request_key: UUID | None = None
    """Of the request: if it is repeated, no other operation is started."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of `operations`."""

    id: int
    action: OperationAction
    dry_run: bool
    state: OperationState
    actor: str
    reason: str | None
    selection: Mapping[str, Any]
    """What was chosen, as JSON holds it; of many ids, only the first."""
    limit: int | None
    rate: float | None
    keep_going: bool
    letters: int
    """How many letters it is about."""
    tried: int
    left_out: int
    """Letters that were settled by others before their turn came."""
    effect: Effect
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    message: str | None
    """Why it failed; who cancelled it."""
    stopped_by: str | None
    """The fingerprint of the cause that recurred too often."""
    of_operation: int | None
    """The operation whose letters it took."""
    held: bool
    """Whether a runner has it now."""
    results: tuple[Replayed, ...] = ()
    """The results of the first 50 letters that failed again, and of the first 50 others; empty in
    lists."""

    @property
    def left(self) -> int:
        """How many letters are left to be tried."""
        return self.letters - self.tried - self.left_out - self.effect.locked

    @classmethod
    def of_row(
        cls,
        *,
        action: str,
        state: str,
        most_letters: int | None,
        effect: dict[str, Any],
        results: list[dict[str, Any]],
        **columns: Any,  # noqa: ANN401 -- as they come
    ) -> Self:
        """One row of a statement that reads operations."""
        return cls(
            action=OperationAction(action),
            state=OperationState(state),
            limit=most_letters,
            effect=Effect.of_data(effect),
            results=tuple(map(result_of_data, results)),
            **columns,
        )


def start(connection: Connection[TupleRow], selection: Selection, wanted: Wanted) -> int:
    """Start an operation on the chosen letters that are dead now; returns its number.

    Raises:
        NothingMatchesError: there are none.
        KeyUsedError: the key belongs to another request.
        TooManyOperationsError: too many wait or run already.
        psycopg.errors.QueryCanceled: choosing them took too long.
    """
    choice = selection.parameters
    return _start(connection, wanted, _shown(selection), "operations/choose", choice)


def has_dry_run(connection: Connection[TupleRow], selection: Selection) -> bool:
    """Whether a dry run of a replay of exactly these letters is done."""
    parameters = {"selection": storable(_shown(selection))}
    row = connection.execute(statement("operations/has_dry_run"), parameters).fetchone()
    return bool(row and row[0])


def start_from(connection: Connection[TupleRow], of_operation: int, wanted: Wanted) -> int:
    """Start an operation on the letters of another one that are dead now; returns its number.

    Raises:
        NoSuchOperationError: there is no such operation.
        NothingMatchesError: none of its letters is dead any more, or they are not kept.
        KeyUsedError, TooManyOperationsError, psycopg.errors.QueryCanceled: as `start`.
    """
    source = read(connection, of_operation)
    if source is None:
        raise NoSuchOperationError(f"there is no operation {of_operation}")
    if not letters_kept(connection, of_operation):
        raise NothingMatchesError(
            f"the letters of operation {of_operation} are not kept any more, since it ended more "
            f"than {LETTERS_KEPT.days} days ago; choose letters anew"
        )
    choice = {"of_operation": of_operation}
    return _start(connection, wanted, source.selection, "operations/choose_from", choice)


def read(connection: Connection[TupleRow], operation_id: int) -> Operation | None:
    """One operation; None if there is none of this number."""
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        return rows.execute(statement("operations/read"), {"operation": operation_id}).fetchone()


def page(
    connection: Connection[TupleRow],
    *,
    action: OperationAction | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Operation]:
    """A page of operations, the newest first, without the results of letters.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    parameters = {
        "limit": limit + 1,
        "before": key_of(cursor, _LIST, row_id),
        "action": None if action is None else str(action),
    }
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        found = rows.execute(statement("operations/list"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda operation: operation.id)


def followers(connection: Connection[TupleRow], operation_id: int, limit: int) -> list[Operation]:
    """The newest operations on the letters of another one."""
    parameters = {"operation": operation_id, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(Operation.of_row)) as rows:
        return rows.execute(statement("operations/followers"), parameters).fetchall()


def cancel(connection: Connection[TupleRow], operation_id: int, actor: str) -> None:
    """End an operation; a batch that a runner has in hand is rolled back.

    Raises:
        NoSuchOperationError: there is no such operation.
        OperationEndedError: it has ended already.
    """
    with connection.transaction():
        parameters = {"operation": operation_id, "actor": actor}
        ended = connection.execute(statement("operations/cancel"), parameters).fetchone()
        if ended is None:
            raise _why_not(read(connection, operation_id), operation_id)
        letters, tried = ended
        note(
            connection,
            actor,
            Action.CANCEL_OPERATION,
            [],
            None,
            before={"operation": operation_id, "letters": letters, "tried": tried},
            after="cancelled",
            operation=operation_id,
        )


def count_open(connection: Connection[TupleRow], *, most: int) -> int:
    """How many operations have not ended; `most` stands for that many or more."""
    row = connection.execute(statement("operations/open"), {"most": most}).fetchone()
    return int(row[0]) if row else 0


def may_read(connection: Connection[TupleRow]) -> bool:
    """Whether the role of the connection may read operations and their runners."""
    return connection.execute(statement("operations/may_read")).fetchone() == (True,)


def has_runner(connection: Connection[TupleRow], within: timedelta) -> bool:
    """Whether a process runs operations: it was seen within this time, or is connected."""
    parameters = {"within": within, "application": RUNNER_APPLICATION}
    row = connection.execute(statement("operations/runner_seen"), parameters).fetchone()
    return row == (True,)


def result_data(result: Replayed) -> dict[str, Any]:
    """The result of a letter as JSON holds it; `result_of_data` reads it."""
    return {
        "letter_id": result.letter_id,
        "event_id": None if result.event_id is None else str(result.event_id),
        "event_type": result.event_type,
        "result": str(result.result),
        "message": result.message,
        "fingerprint": result.fingerprint,
        "before": _balance_data(result.before),
        "after": _balance_data(result.after),
    }


def result_of_data(data: Mapping[str, Any]) -> Replayed:
    """The result of a letter that `result_data` made."""
    found = data["result"]
    return Replayed(
        data["letter_id"],
        None if data["event_id"] is None else UUID(data["event_id"]),
        VERDICTS[found] if found in VERDICTS else FailureKind(found),
        data["message"],
        data["fingerprint"],
        _balance_of_data(data["before"]),
        _balance_of_data(data["after"]),
        data["event_type"],
    )


def _start(
    connection: Connection[TupleRow],
    wanted: Wanted,
    selection: Mapping[str, Any],
    choose: LiteralString,
    choice: Mapping[str, Any],
) -> int:
    parameters = {
        "action": str(wanted.action),
        "dry_run": wanted.dry_run,
        "actor": wanted.actor,
        "reason": wanted.reason,
        "selection": storable(selection),
        "limit": wanted.limit,
        "rate": wanted.rate,
        "keep_going": wanted.keep_going,
        "of_operation": choice.get("of_operation"),
        "request_key": wanted.request_key,
    }
    with connection.transaction():
        connection.execute("SELECT set_config('statement_timeout', %s, true)", [_CHOOSING])
        row = connection.execute(statement("operations/insert"), parameters).fetchone()
        if row is None:
            return _requested(connection, parameters)
        operation = int(row[0])
        _check_open(connection)
        chosen = {**choice, "operation": operation, "limit": wanted.limit}
        letters = connection.execute(statement(choose), chosen).rowcount
        if letters == 0:
            raise NothingMatchesError("no dead letter matches, so there is nothing to do")
        connection.execute(
            statement("operations/count"), {"operation": operation, "letters": letters}
        )
    return operation


def _check_open(connection: Connection[TupleRow]) -> None:
    """Check how many operations wait or run, the new one included.

    Raises:
        TooManyOperationsError: they are too many.
    """
    if count_open(connection, most=_MOST_OPEN + 1) > _MOST_OPEN:
        raise TooManyOperationsError(
            f"{_MOST_OPEN} operations wait or run already; wait until some have ended, or cancel "
            "some; one operation takes any number of letters"
        )


def _requested(connection: Connection[TupleRow], parameters: Mapping[str, Any]) -> int:
    """The operation that this request has started before."""
    row = connection.execute(statement("operations/requested"), parameters).fetchone()
    if row is None or not row[1]:
        raise KeyUsedError(
            f"the idempotency key {parameters['request_key']} belongs to another request; use a "
            "new key for each request"
        )
    return int(row[0])


def _why_not(operation: Operation | None, operation_id: int) -> SignoffError:
    """The reason why an operation cannot be cancelled."""
    if operation is None:
        return NoSuchOperationError(f"there is no operation {operation_id}")
    return OperationEndedError(f"operation {operation_id} has ended already: {operation.state}")


def _shown(selection: Selection) -> dict[str, Any]:
    """The conditions that were given, as JSON holds them; of many ids, only the first."""
    given = {
        each.name: getattr(selection, each.name)
        for each in fields(selection)
        if each.name != "states" and getattr(selection, each.name) != each.default
    }
    shown: dict[str, Any] = {
        name: [str(one) for one in value] if isinstance(value, tuple) else str(value)
        for name, value in given.items()
    }
    if selection.ids:
        shown["ids"] = list(selection.ids[:_SHOWN_IDS])
    if len(selection.ids) > _SHOWN_IDS:
        shown["more_ids"] = len(selection.ids) - _SHOWN_IDS
        # So a repeated request is known by all of its ids.
        shown["ids_digest"] = sha256(repr(selection.ids).encode()).hexdigest()
    return shown


def _balance_data(balance: Balance | None) -> dict[str, str] | None:
    if balance is None:
        return None
    return {"customer_status": balance.customer_status, "ltv_usd": str(balance.ltv_usd)}


def _balance_of_data(data: Mapping[str, str] | None) -> Balance | None:
    return None if data is None else Balance(data["customer_status"], Decimal(data["ltv_usd"]))
