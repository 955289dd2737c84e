"""The funnel: which share of those who entered a step reached the next one in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value, add_months
from signoff_insight.report import months as months_between
from signoff_insight.statistics.wilson import share_of, wilson
from signoff_insight.views.reading import read
from signoff_insight.views.selection import DAY, begin_of, selection
from signoff_insight.views.wording import with_days

NAME: Final = "funnel"
TITLE: Final = "Funnel"
DEFINITION: Final = (
    "Of the customers who entered a step at least W days before the latest event, the share that"
    " reached the next step within W days."
)
_NOTES: Final = (
    "A customer becomes a prospect with its first event.",
    "One that another system knew in a later status before is not in the funnel.",
    "A customer that skips LEAD_QUALIFIED enters it when it becomes CUSTOMER.",
    "Days count from the customer's own entry, each 24 hours.",
    "Dates, and the month of a cohort, are those of the entry into PROSPECT.",
    "A reviewer or a tag is that of the customer's first approval.",
    "The interval is Wilson's, with a confidence of 95 %.",
)
_LONGEST_GAP: Final = 24
"""Months in which nobody entered, one after the other, that are shown."""
_STEPS: Final = (
    Column("step", "Step", Unit.TEXT),
    Column("from_status", "From", Unit.TEXT),
    Column("to_status", "To", Unit.TEXT),
    Column("entered", "Entered"),
    Column("observed", "Observed long enough"),
    Column("reached", "Reached in time"),
    Column("share", "Share", Unit.SHARE),
    Column("low", "At least", Unit.SHARE),
    Column("high", "At most", Unit.SHARE),
)
_MONTHS: Final = (
    Column("month", "Became prospects in", Unit.MONTH),
    Column("entered", "Entered"),
    Column("observed", "Observed long enough"),
    Column("qualified", "Qualified in time"),
    Column("converted", "Became customers in time"),
    Column("share_qualified", "Share qualified", Unit.SHARE),
    Column("share_converted", "Share converted", Unit.SHARE),
    Column("is_complete", "Fully observed", Unit.FLAG),
)


@dataclass(frozen=True, slots=True)
class _Month:
    """A row of `funnel.sql`."""

    month: date
    prospects: int = 0
    prospects_observed: int = 0
    prospects_qualified: int = 0
    prospects_converted: int = 0
    leads: int = 0
    leads_observed: int = 0
    leads_converted: int = 0


def funnel(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """The steps of the funnel, and the customers by the month in which they became prospects."""
    rows = _each_month(read(connection, NAME, selection(asked, reach), _Month))
    return Report(
        NAME,
        TITLE,
        with_days(DEFINITION, asked.within),
        asked,
        reach,
        (
            Table("steps", "Steps", _STEPS, _steps(rows)),
            Table("months", "By month", _MONTHS, tuple(_month(row, asked, reach) for row in rows)),
        ),
        notes=(*_provisional(rows, asked, reach), *_NOTES),
    )


def _each_month(rows: Sequence[_Month]) -> Sequence[_Month]:
    """The months, also those in which nobody entered.

    A long gap is not filled: one event with a wrong clock would make hundreds of rows.
    """
    every: list[_Month] = list(rows[:1])
    for before, row in pairwise(rows):
        gap = months_between(before.month, row.month)[1:-1]
        if len(gap) <= _LONGEST_GAP:
            every.extend(_Month(month) for month in gap)
        every.append(row)
    return every


def _steps(rows: Sequence[_Month]) -> tuple[tuple[Value, ...], ...]:
    prospects = sum(row.prospects for row in rows)
    observed = sum(row.prospects_observed for row in rows)
    return (
        _step(
            "PROSPECT",
            "LEAD_QUALIFIED",
            prospects,
            observed,
            sum(row.prospects_qualified for row in rows),
        ),
        _step(
            "LEAD_QUALIFIED",
            "CUSTOMER",
            sum(row.leads for row in rows),
            sum(row.leads_observed for row in rows),
            sum(row.leads_converted for row in rows),
        ),
        _step(
            "PROSPECT",
            "CUSTOMER",
            prospects,
            observed,
            sum(row.prospects_converted for row in rows),
        ),
    )


def _step(
    from_status: str, to_status: str, entered: int, observed: int, reached: int
) -> tuple[Value, ...]:
    interval = wilson(reached, observed)
    return (
        f"{from_status} to {to_status}",
        from_status,
        to_status,
        entered,
        observed,
        reached if observed else None,
        share_of(reached, observed),
        interval.low if interval else None,
        interval.high if interval else None,
    )


def _month(row: _Month, asked: Asked, reach: Reach) -> tuple[Value, ...]:
    observed = row.prospects_observed
    return (
        row.month,
        row.prospects,
        observed,
        row.prospects_qualified if observed else None,
        row.prospects_converted if observed else None,
        share_of(row.prospects_qualified, observed),
        share_of(row.prospects_converted, observed),
        _is_complete(row.month, asked, reach),
    )


def _is_complete(month: date, asked: Asked, reach: Reach) -> bool:
    """Whether everybody who may have entered in this month was observed for W days."""
    return reach.data_until is not None and _end(month, asked, reach) <= reach.data_until


def _end(month: date, asked: Asked, reach: Reach) -> datetime:
    """When the W days of all who entered in this month are over."""
    return begin_of(add_months(month, 1), reach.timezone) + asked.within * DAY


def _provisional(rows: Sequence[_Month], asked: Asked, reach: Reach) -> Iterator[str]:
    """Which months are complete, and rest on days that late events may still change."""
    since = reach.provisional_since
    for month in [row.month for row in rows if _is_complete(row.month, asked, reach)]:
        if since and _end(month, asked, reach) > begin_of(since, reach.timezone):
            yield (
                f"{month:%Y-%m} is fully observed, but events of the days from {since} on may"
                " still arrive and change it."
            )
