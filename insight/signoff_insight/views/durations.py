"""Time per step of the funnel, and time in each status."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
from signoff_insight.views.selection import selection
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


@dataclass(frozen=True, slots=True)
class _Left:
    """A row of `durations_steps.sql`."""

    step: int
    day: int
    reached: int
    lost: int
    still_open: int
    reached_so_far: int
    lost_so_far: int


@dataclass(frozen=True, slots=True)
class _Spell:
    """A row of `durations_spells.sql`."""

    customer_status: str
    day: int
    ended: int
    still_open: int
    ended_so_far: int
    ended_seconds: float


def durations(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """The steps, their curves, and the time in each status."""
    left: Mapping[int, list[_Left]] = defaultdict(list)
    spells: Mapping[str, list[_Spell]] = defaultdict(list)
    # In the first moments of the first build, how far the facts reach is not known.
    if reach.data_until is not None:
        parameters = selection(asked, reach)
        for row in read(connection, "durations_steps", parameters, _Left):
            left[row.step].append(row)
        for spell in read(connection, "durations_spells", parameters, _Spell):
            spells[spell.customer_status].append(spell)
    curves = {step: _curve(left[step]) for step in _STEP_NAMES}
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
                tuple(_step(step, left[step], curves[step]) for step in _STEP_NAMES),
            ),
            Table("curve", "Reached and lost by day", _CURVE, tuple(_points(curves))),
            Table(
                "spells",
                "Time in status",
                _SPELLS,
                tuple(_status(status, spells[status]) for status in CUSTOMER_STATUSES),
            ),
        ),
        notes=_NOTES,
    )


def _curve(rows: Iterable[_Left]) -> Sequence[Point]:
    return cumulative_incidence(
        Ends(row.day, row.reached, row.lost, row.still_open) for row in rows
    )


def _step(step: int, rows: Sequence[_Left], curve: Sequence[Point]) -> tuple[Value, ...]:
    customers = sum(row.reached + row.lost + row.still_open for row in rows)
    reached = sum(row.reached_so_far for row in rows)
    lost = sum(row.lost_so_far for row in rows)
    return (
        _STEP_NAMES[step],
        customers,
        reached,
        lost,
        customers - reached - lost,
        day_of_share(curve, 0.5),
        day_of_share(curve, 0.25),
    )


def _points(curves: Mapping[int, Sequence[Point]]) -> Iterable[tuple[Value, ...]]:
    for step, curve in curves.items():
        for point in thinned(curve, _CURVE_ROWS):
            yield (
                _STEP_NAMES[step],
                point.day,
                point.at_risk,
                point.reached_share,
                point.lost_share,
            )


def _status(status: str, rows: Sequence[_Spell]) -> tuple[Value, ...]:
    curve = cumulative_incidence(
        Ends(row.day, reached=row.ended, still_open=row.still_open) for row in rows
    )
    spells = sum(row.ended + row.still_open for row in rows)
    ended = sum(row.ended_so_far for row in rows)
    seconds = sum(row.ended_seconds for row in rows)
    return (
        status,
        spells,
        spells - ended,
        day_of_share(curve, 0.5),
        seconds / 86400 / ended if ended else None,
    )
