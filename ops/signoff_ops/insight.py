"""Ask what the ledger means: the views of the customer facts.

Every front end asks here, so all of them show the same numbers. A view only reads; it is cut off
where it takes too long, and few are computed at the same time, so that it never slows what is more
urgent.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed_lag import behind
from signoff_insight.facts.reader import READER
from signoff_insight.facts.state import reach_of, state_of
from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.views.registry import VIEWS, View
from signoff_ops.insight_errors import (
    BusyError,
    TooSlowError,
    UnknownTableError,
    UnknownViewError,
    WrongFiltersError,
)
from signoff_ops.insight_filters import FILTERS, Filter, asked_of, filters_of
from signoff_ops.insight_kept import KEEP_SECONDS, KeptReports
from signoff_ops.insight_reading import SECONDS, reading
from signoff_ops.servers import Servers
from signoff_schemas import SettingsError
from signoff_schemas.wording import ago, shortened

__all__ = [
    "FILTERS",
    "Asked",
    "BusyError",
    "Column",
    "Filter",
    "Reach",
    "Report",
    "Table",
    "TooSlowError",
    "Unit",
    "UnknownTableError",
    "UnknownViewError",
    "Value",
    "View",
    "WrongFiltersError",
    "filters_of",
    "only_table",
    "report",
    "view_named",
    "views",
]

_AT_ONCE: Final = 3
"""Views that a process computes at the same time; other requests need connections too."""
_WAIT_SECONDS: Final = 5.0
"""How long a view waits until it may begin."""
_BEHIND: Final = timedelta(minutes=1)
"""What was applied so long ago, and is not in the facts, is worth a note."""
_SHOWN: Final = 80
_running: Final = BoundedSemaphore(_AT_ONCE)
_IN_ALL: Final = BoundedSemaphore(16)
"""Beyond these, nobody waits for a turn: who waits holds a thread that others need."""
_kept: Final = KeptReports()


def views() -> tuple[View, ...]:
    """All views, in the order in which people are shown them."""
    return tuple(VIEWS.values())


def view_named(name: str) -> View:
    """A view by its name.

    Raises:
        UnknownViewError: there is none of this name.
    """
    if name not in VIEWS:
        shown = shortened(name, _SHOWN)
        raise UnknownViewError(f"there is no view {shown!r}; there are {', '.join(VIEWS)}")
    return VIEWS[name]


def report(servers: Servers, name: str, wanted: Mapping[str, str | None]) -> Report:
    """What a view answers now.

    Args:
        servers: with the database of the facts.
        name: of the view.
        wanted: its filters as plain texts by name; None is a filter that is not used. See
            `FILTERS`.

    Returns:
        The report. If the facts are not complete, or not up to date, warnings say so. One
        that takes seconds may have been computed some minutes ago; a note says when.

    Raises:
        UnknownViewError: there is no such view.
        WrongFiltersError: it does not take a filter, or one holds what it may not.
        TooSlowError: it took too long.
        BusyError: too many views are computed already.
        DatabaseUnavailableError: Postgres is unavailable.
        SettingsError: the database lacks the tables of the facts, or a package is missing.
    """
    view = view_named(name)
    asked = asked_of(view, wanted)
    with _one_of_all():
        if not view.is_slow:
            return _computed(servers, view, asked)
        settings = servers.settings
        key = (settings.require("database_url"), settings.timezone, name, asked)
        return _kept.get(key, lambda: _dated(_computed(servers, view, asked)))


def _computed(servers: Servers, view: View, asked: Asked) -> Report:
    with (
        _in_turn(),
        servers.database() as connection,
        reading(connection, f"the view {view.name}", SECONDS),
    ):
        reach = reach_of(connection, servers.settings.timezone)
        answer = _answer(view, connection, asked, reach)
        first = tuple(_warnings(connection, reach, servers.settings.timezone))
    return replace(answer, warnings=(*first, *answer.warnings))


def _dated(found: Report) -> Report:
    now = datetime.now(UTC)
    note = f"Computed at {now:%Y-%m-%d %H:%M} UTC, and shown for {KEEP_SECONDS / 60:.0f} minutes."
    return replace(found, notes=(*found.notes, note))


def only_table(found: Report, name: str | None) -> Report:
    """The report with one of its tables alone; with all of them where none is named.

    Raises:
        UnknownTableError: it has no such table.
    """
    if name is None:
        return found
    names = [table.name for table in found.tables]
    if name not in names:
        shown = shortened(name, _SHOWN)
        raise UnknownTableError(
            f"the view {found.name} has no table {shown!r}; it has {', '.join(names)}"
        )
    return replace(found, tables=(found.table(name),))


def _answer(view: View, connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    try:
        return view.answer(connection, asked, reach)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the view {view.name} needs the package {error.name}, which is not installed: "
            "pip install 'signoff[insight]'"
        ) from error


@contextmanager
def _one_of_all() -> Iterator[None]:
    if not _IN_ALL.acquire(blocking=False):
        raise BusyError("too many views are asked for at the same time; try again")
    try:
        yield
    finally:
        _IN_ALL.release()


@contextmanager
def _in_turn() -> Iterator[None]:
    if not _running.acquire(timeout=_WAIT_SECONDS):
        raise BusyError(
            f"{_AT_ONCE} other views have been computed for {_WAIT_SECONDS:g} s; try again"
        )
    try:
        yield
    finally:
        _running.release()


def _warnings(connection: Connection[TupleRow], reach: Reach, timezone: str) -> Iterator[str]:
    """What a reader must know of facts that are not complete, or not up to date."""
    if reach.rebuilt is not None:
        yield (
            f"The customer facts are being computed: {100 * reach.rebuilt:.0f} % of the customers "
            "are done. Until then numbers are too low, or mixed with former ones. "
            "`signoff insight run` has to run."
        )
        return
    if reach.timezone != timezone:
        yield (
            f"Days are those of {reach.timezone}; SIGNOFF_TIMEZONE is {timezone}. "
            "`signoff insight run` with this setting computes all facts anew."
        )
    yield from _lag(connection)
    if (state := state_of(connection)) and state.detached:
        yield (
            "Events in detached partitions of the ledger do not count. Customers who had some are "
            "not in the funnel, and belong to the cohort of their first purchase since then."
        )


def _lag(connection: Connection[TupleRow]) -> Iterator[str]:
    found = behind(connection, READER)
    if found is None:
        return
    if found.failure is not None:
        yield f"The customer facts cannot be kept up to date: {found.failure}."
    elif found.oldest_unread_at and (late := datetime.now(UTC) - found.oldest_unread_at) > _BEHIND:
        yield (
            f"Events that were applied in the last {ago(late)} are not in these numbers yet. "
            "`signoff insight run` has to run."
        )
