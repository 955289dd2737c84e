"""The steps of a rebuild: all contexts anew from the ledger's database, a few customers a turn.

It first notes the feed's end as the reader's position, and then goes through all customers. What is
applied meanwhile follows that position, so its customers are computed once more. Until a customer
is computed, its old context is shown. At the end, the contexts of customers that are gone are
deleted. It goes on where it was, whenever it is stopped.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db import feed
from signoff_db.sql import statement
from signoff_insight.rapport.computing import computed, write
from signoff_insight.rapport.state import DEFINITIONS, PACKAGE, READER, State, Step
from signoff_insight.report import InsightError
from signoff_insight.touched.tracking import Tracking, are_writing, set_tracking, writers

_PER_COMPUTED: Final = 20
"""So many contexts are looked at in the time in which one is computed."""


class KeptByNewerError(InsightError):
    """The contexts are those of a newer release."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ledger's database tells beside the feed; see touched.sql."""

    tracking: int
    touched_upto: int
    all_changed: list[int]
    detached: int
    ids: list[int]
    customers: list[str]


def hear(ledger: Connection[TupleRow], *, most: int) -> Heard:
    """The next customers that changed without an event, and what may be a reason to rebuild."""
    parameters = {"name": READER, "most": most}
    with ledger.cursor(row_factory=class_row(Heard)) as cursor:
        found = cursor.execute(statement("rapport/touched", PACKAGE), parameters).fetchone()
    if found is None:
        raise AssertionError
    return found


def reason_to_rebuild(state: State | None, position: str | None, heard: Heard) -> str | None:
    """Why all contexts have to be computed anew; None where they need not.

    Raises:
        KeptByNewerError: a newer release keeps them.
    """
    if state is None:
        return "they were never computed"
    if state.definitions > DEFINITIONS:
        raise KeptByNewerError(
            f"the contexts are kept by a newer release (definitions {state.definitions}; this one "
            f"has {DEFINITIONS}); stop this process, or run the newer release here too"
        )
    reasons = {
        "this release defines them in another way": state.definitions < DEFINITIONS,
        "not all changes without an event were noted": heard.tracking != Tracking.COMPLETE,
        "all customers may have changed": bool(heard.all_changed),
        "the second database was restored to an earlier time": (
            heard.touched_upto > state.touched_upto
        ),
        "partitions of the ledger were detached": heard.detached > state.detached,
        "the reader's position is lost": position is None and state.step is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def begin(
    rapport: Connection[TupleRow], ledger: Connection[TupleRow], state: State | None, heard: Heard
) -> None:
    """Note that all contexts are to be computed anew, in the caller's transaction.

    After its commit the tracking is complete: `has_to_wait` waits for what was not noted.
    """
    if heard.tracking != Tracking.COMPLETE:
        set_tracking(ledger, READER, Tracking.FROM_NOW_ON)
    parameters = {
        "definitions": DEFINITIONS,
        "detached": heard.detached,
        "touched_upto": max(heard.touched_upto, *heard.all_changed, 0),
        "waits_for": _untracked(ledger, state, heard),
    }
    rapport.execute(statement("rapport/begin_rebuild", PACKAGE), parameters)


def _untracked(ledger: Connection[TupleRow], state: State | None, heard: Heard) -> list[str]:
    """The transactions that have not ended, and whose changes may not be noted."""
    if heard.tracking == Tracking.COMPLETE and state is not None and state.step != Step.WAIT:
        return []
    return writers(ledger)


def has_to_wait(ledger: Connection[TupleRow], state: State) -> bool:
    """Whether transactions have not ended whose changes may not be noted."""
    return state.step == Step.WAIT and are_writing(ledger, state.waits_for)


def go_on(
    rapport: Connection[TupleRow], ledger: Connection[TupleRow], state: State, *, chunk: int
) -> str | None:
    """Do the next part of a rebuild, in the caller's transaction.

    Returns:
        The position from which the reader reads afterwards, where it is another one now.
    """
    match state.step:
        case Step.WAIT:
            return _prepare(rapport, ledger)
        case Step.COMPUTE:
            _compute(rapport, ledger, state, chunk)
        case _:
            _delete(rapport, ledger, state, chunk * _PER_COMPUTED)
    return None


def _prepare(rapport: Connection[TupleRow], ledger: Connection[TupleRow]) -> str:
    """Take the feed's end as the position, before any customer is computed."""
    position = feed.end(ledger)
    row = ledger.execute("SELECT count(*) FROM customers").fetchone()
    _note(rapport, Step.COMPUTE, to_rebuild=row[0] if row else None)
    return position


def _compute(
    rapport: Connection[TupleRow], ledger: Connection[TupleRow], state: State, chunk: int
) -> None:
    customers = _next(ledger, "rapport/next_customers", state, chunk)
    for part in computed(ledger, customers):
        write(rapport, part)
    if len(customers) < chunk:
        _note(rapport, Step.DELETE, done=len(customers))
    else:
        _note(rapport, Step.COMPUTE, upto=customers[-1], done=len(customers))


def _delete(
    rapport: Connection[TupleRow], ledger: Connection[TupleRow], state: State, chunk: int
) -> None:
    """Delete the contexts of customers that the ledger's database does not know."""
    customers = _next(rapport, "rapport/next_contexts", state, chunk)
    parameters = {"customers": customers}
    unknown = ledger.execute(statement("rapport/unknown", PACKAGE), parameters).fetchall()
    write(rapport, [(user_id, None) for (user_id,) in unknown])
    if len(customers) < chunk:
        _note(rapport, None)
    else:
        _note(rapport, Step.DELETE, upto=customers[-1])


def _next(
    connection: Connection[TupleRow], name: LiteralString, state: State, most: int
) -> list[str]:
    parameters = {"after": state.rebuilt_upto, "most": most}
    # A plan for any customer would not use that they are in order.
    rows = connection.execute(statement(name, PACKAGE), parameters, prepare=False)
    return [user_id for (user_id,) in rows]


def _note(
    rapport: Connection[TupleRow],
    step: Step | None,
    *,
    upto: str | None = None,
    done: int = 0,
    to_rebuild: int | None = None,
) -> None:
    parameters = {"step": step, "upto": upto, "customers": done, "customers_to_rebuild": to_rebuild}
    rapport.execute(statement("rapport/note_rebuilt", PACKAGE), parameters)
