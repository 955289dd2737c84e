"""How rules fare: what was proposed, decided, and who came back; and the runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.pages import Page, cursor_at, key_of, page_of, row_id
from signoff_db.sql import statement
from signoff_insight.transitions.proposals import PACKAGE

MOST_COUNTED: Final = 2_000
"""Of a rule and a state, so many proposals are counted."""
_RUNS: Final = "transition runs"
BY_INDEX: Final = (
    # The planner expects a hundred rules, and that it finds enough of each early in the table.
    "SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_bitmapscan', 'off', true)"
)


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """The proposals of one rule, all its versions together.

    A number above `MOST_COUNTED` means that there are more.
    """

    rule: str
    waiting: int
    """Open, and not snoozed now."""
    snoozed: int
    approved: int
    """Also those that the rule decided itself, and those that were undone later."""
    automatic: int
    """Those of them that the rule decided itself; if there are more, of the latest alone."""
    rejected: int
    outdated: int
    undone: int
    """Approved, and taken back. This and what follows is told of the latest `MOST_COUNTED`: each is
    undone, on its way, void, or with effect."""
    on_their_way: int
    """Approved, and not in the ledger yet."""
    void: int
    """Approved, and without effect now."""
    had_effect: int
    """Approved, and with effect, also if a newer event gave another status since, or if it was
    undone and the undo is void."""
    reactivated: int
    """Those with effect whose customers came back."""

    @property
    def reactivated_share(self) -> float | None:
        """The share of its decisions with effect whose customers came back; None without any."""
        return self.reactivated / self.had_effect if self.had_effect else None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the rules."""

    id: int
    at: datetime
    """The instant at which the customers were judged."""
    started_at: datetime
    ended_at: datetime | None
    """None while rules decide, or if it was interrupted then."""
    started_by: str
    data_until: datetime | None
    """When the latest event occurred that was known."""
    result: dict[str, Any]
    """By rule: what was found, left out, proposed and decided."""
    message: str | None
    """Why it ended early; None if it did not."""

    @property
    def is_of_past(self) -> bool:
        """Whether it was for a time in the past: then customers with later events are left out.

        They are not counted: nobody looks whom the rules would have picked of them.
        """
        return self.at < self.started_at


def counts(connection: Connection[TupleRow], rule: str | None = None) -> list[RuleCounts]:
    """How the rules fare that ever proposed something, or one of them, by name."""
    with connection.transaction(), connection.cursor(row_factory=class_row(RuleCounts)) as cursor:
        cursor.execute(BY_INDEX)
        parameters = {"rule": rule, "most": MOST_COUNTED}
        return cursor.execute(statement("transitions/counts", PACKAGE), parameters).fetchall()


def runs_page(
    connection: Connection[TupleRow], *, cursor: str | None = None, limit: int = 50
) -> Page[Run]:
    """A page of runs, the latest first.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    parameters = {"before": key_of(cursor, _RUNS, row_id), "limit": limit + 1}
    with connection.cursor(row_factory=class_row(Run)) as rows:
        found = rows.execute(statement("transitions/runs", PACKAGE), parameters).fetchall()
    return page_of(found, limit, _RUNS, lambda run: run.id)


def find_run(connection: Connection[TupleRow], number: int) -> Run:
    """A run that there is."""
    return runs_page(connection, cursor=cursor_at(_RUNS, number + 1), limit=1).items[0]
