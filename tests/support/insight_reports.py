"""Reports of all views, made by hand: with cells that are not observed yet, and hostile names."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from pages import HOSTILE

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value, add_months

REACH: Final = Reach("UTC", datetime(1998, 6, 30, 21, 5, tzinfo=UTC), date(1998, 6, 28))
HOSTILE_NAME: Final = f"{HOSTILE} {'x' * 150}"
_FIRST: Final = date(1997, 1, 1)
_MONTHS: Final = 18


def report(name: str) -> Report:
    """The report of a view."""
    return _report(name, *_MADE[name]())


def empty(name: str) -> Report:
    """The same report without any row."""
    tables = [Table(one.name, one.title, one.columns, ()) for one in _MADE[name]()]
    return _report(name, *tables)


def _report(name: str, *tables: Table) -> Report:
    return Report(name, name.capitalize(), f"What {name} means.", Asked(), REACH, tables)


def _table(name: str, columns: str, rows: Sequence[tuple[Value, ...]]) -> Table:
    """A table; a column is `name:unit`, of counts where no unit is named."""
    made = []
    for each in columns.split():
        column, _, unit = each.partition(":")
        title = column.replace("_", " ").capitalize()
        made.append(Column(column, title, Unit(unit) if unit else Unit.COUNT))
    return Table(name, name.capitalize(), tuple(made), tuple(rows))


def _month(place: int) -> date:
    return add_months(_FIRST, place)


def _funnel() -> list[Table]:
    def month(place: int) -> tuple[Value, ...]:
        entered = 120 - place
        share = 0.12 + 0.04 * math.sin(place)
        if place == _MONTHS - 1:
            return (_month(place), entered, 0, None, None, None, None, False)
        observed = entered if place < _MONTHS - 2 else 31
        return (
            *(_month(place), entered, observed, int(observed * share * 2)),
            *(int(observed * share), share * 2, share, place < _MONTHS - 2),
        )

    return [
        _table(
            "steps",
            "step:text from_status:text to_status:text entered observed reached share:share "
            "low:share high:share",
            [
                ("1", "PROSPECT", "LEAD_QUALIFIED", 1205, 1150, 412, 0.358, 0.331, 0.386),
                ("2", "LEAD_QUALIFIED", "CUSTOMER", 512, 480, 201, 0.419, 0.375, 0.463),
                ("3", "PROSPECT", "CUSTOMER", 1205, 1150, 158, 0.137, 0.119, 0.158),
            ],
        ),
        _table(
            "months",
            "month:month entered observed qualified converted share_qualified:share "
            "share_converted:share is_complete:flag",
            [month(place) for place in range(_MONTHS)],
        ),
    ]


def _cohorts() -> list[Table]:
    cells: list[tuple[Value, ...]] = []
    for place in range(_MONTHS):
        for age in range(_MONTHS - place):
            share = (
                1.0 if age == 0 else 0.3 / (1 + age * 0.4) * (1 + 0.2 * math.sin(place * 3 + age))
            )
            cells.append((_month(place), age, int(share * 300), share))
    sizes = [(_month(place), 300 - place) for place in range(_MONTHS)]
    return [
        _table("cohorts", "cohort:month customers", sizes),
        _table("cells", "cohort:month age_months buyers share:share", cells),
    ]


def _ltv() -> list[Table]:
    cells: list[tuple[Value, ...]] = []
    for place in range(_MONTHS):
        for age in range(_MONTHS - place):
            each = Decimal(round((35 + place) * (1 + 0.5 * math.log1p(age)), 2))
            cells.append((_month(place), age, 300, each * 300, each))
    totals: list[tuple[Value, ...]] = [
        (
            *(_month(place), 300, Decimal(30000), Decimal(33000)),
            *(Decimal(100 - 3 * place), Decimal(110 - 3 * place)),
        )
        for place in range(_MONTHS)
    ]
    return [
        _table(
            "cells",
            "cohort:month age_months customers spent_usd:usd spent_per_customer:usd",
            cells,
        ),
        _table(
            "cohorts",
            "cohort:month customers purchases_usd:usd folded_ltv_usd:usd "
            "purchases_usd_per_customer:usd folded_ltv_usd_per_customer:usd",
            totals,
        ),
    ]


def _journeys() -> list[Table]:
    moves: list[tuple[Value, ...]] = [
        ("PROSPECT", "LEAD_QUALIFIED", 410, 412, 0.6, True, False),
        ("PROSPECT", "CUSTOMER", 60, 60, 0.09, True, False),
        ("PROSPECT", "LEAD_EXHAUSTED", 200, 210, 0.31, False, False),
        ("LEAD_QUALIFIED", "CUSTOMER", 201, 201, 0.5, True, False),
        ("LEAD_QUALIFIED", "CHURNED", 20, 20, 0.05, False, False),
        ("LEAD_QUALIFIED", "PROSPECT", 5, 5, 0.01, False, False),
        ("LEAD_QUALIFIED", "LEAD_EXHAUSTED", 150, 160, 0.41, False, False),
        ("CUSTOMER", "CHURNED", 90, 95, 1.0, False, False),
        ("CHURNED", "CUSTOMER", 22, 25, 1.0, False, True),
        ("LEAD_EXHAUSTED", "LEAD_QUALIFIED", 30, 40, 1.0, False, True),
    ]
    return [
        _table(
            "moves",
            "from_status:text to_status:text customers moves share:share on_path:flag "
            "is_reactivation:flag",
            moves,
        ),
        _table(
            "now",
            "status:text customers ltv_usd:usd",
            [
                ("PROSPECT", 520, Decimal(0)),
                ("LEAD_QUALIFIED", 130, Decimal("12.50")),
                ("CUSTOMER", 190, Decimal("123456.70")),
                ("CHURNED", 100, Decimal("9000.00")),
                ("LEAD_EXHAUSTED", 330, Decimal(0)),
            ],
        ),
    ]


def _durations() -> list[Table]:
    steps = ("PROSPECT to LEAD_QUALIFIED", "LEAD_QUALIFIED to CUSTOMER", "CUSTOMER to CHURNED")
    curve: list[tuple[Value, ...]] = [
        (
            *(step, day, 1000 - 4 * day),
            *(0.6 * (1 - math.exp(-day / (30 * (1 + place)))), 0.2 * (1 - math.exp(-day / 60))),
        )
        for place, step in enumerate(steps)
        for day in range(0, 200, 3)
    ]
    return [
        _table(
            "steps",
            "step:text customers reached lost open median_days:days p25_days:days",
            [
                (steps[0], 1205, 612, 210, 383, 54.0, 16.0),
                (steps[1], 512, 201, 180, 131, None, 33.5),
                (steps[2], 201, 20, 0, 181, None, None),
            ],
        ),
        _table("curve", "step:text day at_risk reached_share:share lost_share:share", curve),
        _table(
            "spells",
            "status:text spells open median_days:days mean_days:days",
            [
                ("PROSPECT", 1205, 520, 33.0, 41.2),
                ("LEAD_QUALIFIED", 640, 130, 12.5, 20.0),
                ("CUSTOMER", 286, 190, None, 80.4),
                ("CHURNED", 125, 100, 200.0, 90.0),
                ("LEAD_EXHAUSTED", 370, 330, None, None),
            ],
        ),
    ]


def _reviewers() -> list[Table]:
    def pooled(factor: str, value: str, n: int, difference: float | None) -> tuple[Value, ...]:
        if difference is None:
            return (factor, value, None, None, None, n, True)
        return (factor, value, difference, difference - 0.04, difference + 0.04, n, n < 30)

    return [
        _table(
            "pooled",
            "factor:text value:text difference:points difference_low:points "
            "difference_high:points n is_small:flag",
            [
                pooled("tag", "CTA_DIRECT", 812, 0.061),
                pooled("tag", "CTA_SOFT", 402, 0.011),
                pooled("tag", "TONE_CASUAL", 122, -0.021),
                pooled("reviewer", "ann", 900, 0.013),
                pooled("reviewer", HOSTILE_NAME, 300, -0.055),
                pooled("reviewer", "ben", 3, None),
                pooled("reviewer", "cleo", 4, 0.5),
                pooled("cta", "link", 340, 0.034),
            ],
        ),
        _table(
            "factors",
            "factor:text value:text status:text with_n with_converted with_share:share",
            [("reviewer", HOSTILE_NAME, "PROSPECT", 300, 20, 0.066)],
        ),
        _table(
            "months",
            "month:month factor:text value:text exposed converted share:share",
            [
                (_month(place), "cta", value, 40, 5, None if place == 5 else 0.1 + place / 50)
                for place in range(6)
                for value in ("link", HOSTILE_NAME)
            ],
        ),
    ]


def _desk() -> list[Table]:
    def day(place: int) -> tuple[Value, ...]:
        approved, rejected = 40 + (place * 7) % 23, (place * 3) % 8
        return (
            *(date(1998, 6, 1 + place), approved + rejected + 1, approved, rejected, 1),
            *(2.5 + place % 3, 9.0 + place % 5, place > 26),
        )

    return [
        _table(
            "days",
            "day:day decided approved rejected expired median_minutes:minutes p90_minutes:minutes "
            "is_provisional:flag",
            [day(place) for place in range(30)],
        ),
        _table("now", "waiting oldest_minutes:minutes in_review", [(12, 34.5, 3)]),
        _table(
            "reviewers",
            "reviewer:text decided rejected_share:share median_minutes:minutes",
            [("ann", 500, 0.1, 2.25), (HOSTILE_NAME, 200, 0.0, None)],
        ),
    ]


def _forecast() -> list[Table]:
    weeks: list[tuple[Value, ...]] = [(week, 38.0 * week**0.95, 41 * week) for week in range(1, 40)]
    bands: list[tuple[Value, ...]] = [
        ("1", 1400, 0.21, 0.19, 0.15, 0.14),
        ("2", 430, 0.58, 0.69, 0.3, 0.34),
        ("3-4", 300, 1.1, 1.3, 0.45, 0.52),
        ("5 and more", 90, 4.0, 3.9, 0.03, 0.37),
    ]
    return [
        _table("weeks", "week expected_purchases:number actual_purchases", weeks),
        _table(
            "bands",
            "band:text customers predicted_mean:number actual_mean:number "
            "predicted_return:share returned_share:share",
            bands,
        ),
        _table(
            "customers",
            "user_id:text purchases last_purchase_on:day p_active:share "
            "expected_purchases:number expected_revenue_usd:usd",
            [(HOSTILE_NAME, 12, date(1997, 9, 29), 0.97, 3.1234, Decimal("123.45"))],
        ),
    ]


_MADE: Final[Mapping[str, Callable[[], list[Table]]]] = {
    "funnel": _funnel,
    "cohorts": _cohorts,
    "ltv": _ltv,
    "journeys": _journeys,
    "durations": _durations,
    "reviewers": _reviewers,
    "forecast": _forecast,
    "desk": _desk,
}
VIEWS: Final = tuple(_MADE)
