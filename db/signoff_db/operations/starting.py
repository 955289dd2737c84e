"""Start operations: choose the letters, once for each request."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.operations.operation import OperationAction
from signoff_db.operations.retention import LETTERS_KEPT, letters_kept
from signoff_db.operations.table import NoSuchOperationError, count_open, read
from signoff_db.record_dead_letters import storable
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import SignoffError

_CHOOSING: Final = "20s"
"""How long choosing the letters may take; a request waits for it."""
_SHOWN_IDS: Final = 100
"""The most ids of a selection that are kept to be shown."""
_MOST_OPEN: Final = 100
"""The most operations that wait or run: each keeps its set of letters."""


class NothingMatchesError(SignoffError):
    """No dead letter matches, so there is nothing to do."""


class TooManyOperationsError(SignoffError):
    """Too many operations wait or run already."""


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


def has_dry_run(connection: Connection[TupleRow], selection: Selection) -> bool:
    """Whether a dry run of a replay of exactly these letters is done."""
    parameters = {"selection": storable(_shown(selection))}
    row = connection.execute(statement("operations/has_dry_run"), parameters).fetchone()
    return bool(row and row[0])


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
