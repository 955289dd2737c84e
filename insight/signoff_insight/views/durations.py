"""Time per step of the funnel, and time in each status."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, Self

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.statistics.survival import (
    Ends,
    Point,
    cumulative_incidence,
    day_of_share,
    thinned,
)
from signoff_insight.views.reading import read
from signoff_insight.views.selection import DAY, selection
from signoff_schemas import CUSTOMER_STATUSES

NAME: Final = "durations"
TITLE: Final = "Durations"
DEFINITION: Final = (
    "Of the customers who entered a step of the funnel, the share that had reached the next one by"
    " each day; who is still waiting counts for as long as it was observed, and who was lost before"
    " counts as lost (Aalen-Johansen)."
)
_NOTES: Final = (
    "Half, or a quarter, is on the curve that is shown; it is missing where the curve ends before.",
    "Lost are those who became CHURNED or LEAD_EXHAUSTED before; they stay lost if they come back.",
    "Who skips LEAD_QUALIFIED entered it and became CUSTOMER at once: after 0 days.",
    "Nobody is lost on the way from CUSTOMER to CHURNED.",
    "A day is 24 hours from the customer's own entry, and is in the curves once it is over.",
    "The median time in a status is that of Kaplan and Meier, with spells that go on.",
    "The mean is of the spells that ended; where many go on, these are the shorter ones.",
    "Spells of which another system knew the beginning are left out.",
    "Dates are those of the entry into the step, and of the beginning of a spell.",
    "A cohort is the month of the customer's first event.",
    "A reviewer or a tag is that of the customer's first approval.",
)
_STEP_NAMES: Final = {
    1: "PROSPECT to LEAD_QUALIFIED",
    2: "LEAD_QUALIFIED to CUSTOMER",
    3: "CUSTOMER to CHURNED",
}
_CURVE_ROWS: Final = 200
_TOLD: Final = (0.5, 0.25)
"""The shares whose days the steps tell: the curves have a point on these days."""
_STEPS: Final = (
    Column("step", "Step", Unit.TEXT),
    Column("customers", "Entered"),
    Column("reached", "Reached"),
    Column("lost", "Lost"),
    Column("open", "Still waiting"),
    Column("median_days", "Half within", Unit.DAYS),
    Column("p25_days", "A quarter within", Unit.DAYS),
)
_CURVE: Final = (
    Column("step", "Step", Unit.TEXT),
    Column("day", "Day", Unit.DAYS),
    Column("at_risk", "Waiting and observed"),
    Column("reached_share", "Reached", Unit.SHARE),
    Column("lost_share", "Lost", Unit.SHARE),
)
_SPELLS: Final = (
    Column("status", "Status", Unit.TEXT),
    Column("spells", "Spells"),
    Column("open", "Still open"),
    Column("median_days", "Median", Unit.DAYS),
    Column("mean_days", "Mean of those that ended", Unit.DAYS),
)


class _Counted(NamedTuple):
    """A row of `durations.sql`: of a step of the funnel, or else of a status.

    Thousands of frozen dataclasses take three times as long.
    """

    step: int | None
    customer_status: str | None
    is_lost: bool
    took: int | None
    observed: int | None
    number: int
    ended_seconds: float


class _Curve(NamedTuple):
    """The curve of a step."""

    points: Sequence[Point]
    told: Sequence[int | None]
    """The days of the shares `_TOLD`."""

    @classmethod
    def of(cls, rows: Iterable[_Counted]) -> Self:
        points = cumulative_incidence(_by_day(rows))
        return cls(points, [day_of_share(points, share) for share in _TOLD])


def durations(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """The steps, their curves, and the time in each status."""
    counted: Mapping[int | str | None, list[_Counted]] = defaultdict(list)
    # In the first moments of the first build, how far the facts reach is not known.
    if reach.data_until is not None:
        end = reach.data_until
        parameters = selection(asked, reach) | {
            "day_before": end - DAY,
            "day_after": end + timedelta.resolution,
        }
        for row in read(connection, "durations", parameters, _Counted):
            counted[row.step or row.customer_status].append(row)
    curves = {step: _Curve.of(counted[step]) for step in _STEP_NAMES}
    return Report(
        NAME,
        TITLE,
        DEFINITION,
        asked,
        reach,
        (
            Table(
                "steps",
                "Steps",
                _STEPS,
                tuple(_step(step, counted[step], curves[step]) for step in _STEP_NAMES),
            ),
            Table("curve", "Reached and lost by day", _CURVE, tuple(_points(curves))),
            Table(
                "spells",
                "Time in status",
                _SPELLS,
                tuple(_status(status, counted[status]) for status in CUSTOMER_STATUSES),
            ),
        ),
        notes=_NOTES,
    )


def _by_day(rows: Iterable[_Counted]) -> Iterator[Ends]:
    """How many stopped on each day; who left on a day that was not over yet is still waiting."""
    days: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        if row.took is None or (row.observed is not None and row.took > row.observed):
            days[row.observed or 0][2] += row.number
        else:
            days[row.took][row.is_lost] += row.number
    for day, (reached, lost, still_open) in days.items():
        yield Ends(day, reached, lost, still_open)


def _step(step: int, rows: Sequence[_Counted], curve: _Curve) -> tuple[Value, ...]:
    customers = sum(row.number for row in rows)
    reached = sum(row.number for row in rows if row.took is not None and not row.is_lost)
    lost = sum(row.number for row in rows if row.is_lost)
    return (
        _STEP_NAMES[step],
        customers,
        reached,
        lost,
        customers - reached - lost,
        *curve.told,
    )


def _points(curves: Mapping[int, _Curve]) -> Iterable[tuple[Value, ...]]:
    for step, curve in curves.items():
        told = {day for day in curve.told if day is not None}
        for point in thinned(curve.points, _CURVE_ROWS, told):
            yield (
                _STEP_NAMES[step],
                point.day,
                point.at_risk,
                point.reached_share,
                point.lost_share,
            )


def _status(status: str, rows: Sequence[_Counted]) -> tuple[Value, ...]:
    curve = cumulative_incidence(_by_day(rows))
    spells = sum(row.number for row in rows)
    ended = sum(row.number for row in rows if row.took is not None)
    seconds = sum(row.ended_seconds for row in rows)
    return (
        status,
        spells,
        spells - ended,
        day_of_share(curve, 0.5),
        seconds / 86400 / ended if ended else None,
    )
