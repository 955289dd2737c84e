"""The funnel: which share of those who entered a step reached the next one in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value, add_months
from signoff_insight.report import months as months_between
from signoff_insight.statistics.wilson import share_of, wilson
from signoff_insight.views.reading import read
from signoff_insight.views.selection import DAY, begin_of, selection
from signoff_insight.views.wording import days

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
        DEFINITION.replace("W days", days(asked.within)),
        asked,
        reach,
        (
            Table("steps", "Steps", _STEPS, _steps(rows)),
            Table("months", "By month", _MONTHS, tuple(_month(row, asked, reach) for row in rows)),
        ),
        notes=_NOTES,
    )


def _each_month(rows: Sequence[_Month]) -> Sequence[_Month]:
    """The months from the first to the last, also those in which nobody entered."""
    if not rows:
        return []
    known = {row.month: row for row in rows}
    return [known.get(month, _Month(month)) for month in months_between(min(known), max(known))]


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
    end = begin_of(add_months(month, 1), reach.timezone)
    return reach.data_until is not None and end + asked.within * DAY <= reach.data_until
