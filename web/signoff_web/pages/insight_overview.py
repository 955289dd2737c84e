"""The overview of insight: the figures that a manager asks for first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from signoff_ops.insight import (
    BusyError,
    Reach,
    Report,
    TooSlowError,
    View,
    report,
    views,
)
from signoff_ops.servers import Servers
from signoff_web.charts import words
from signoff_web.figures import funnel, journeys, ltv
from signoff_web.figures.cohort_sizes import sizes_of
from signoff_web.figures.cohorts import by_cohort
from signoff_web.figures.figure import Figure, day, known, text
from signoff_web.pages.insight_values import Tile

_ASKED: Final = ("journeys", "funnel", "ltv")
"""The views whose figures the overview shows; the forecast is computed on its own page alone."""
_MONTHS: Final = 3
_NOT_COUNTED: Final = (
    "customers that another system knew and that have no event here are not counted"
)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows."""

    reach: Reach | None
    tiles: Sequence[Tile]
    figures: Sequence[tuple[Figure, str]]
    """Figures, and the page of each."""
    views: Sequence[View]
    not_known: Sequence[str]
    """Why views did not answer."""
    warnings: Sequence[str]
    """Why the numbers may not be used as they are."""


def overview_of(servers: Servers) -> Overview:
    """Ask the views; one that does not answer in time is said not to be known."""
    found: dict[str, Report] = {}
    not_known: list[str] = []
    offered = {view.name for view in views()}
    for name in _ASKED:
        if name not in offered:
            continue
        try:
            found[name] = report(servers, name, {})
        except (TooSlowError, BusyError) as error:
            not_known.append(str(error))
    return Overview(
        next((one.reach for one in found.values()), None),
        [tile for name in found for tile in _TILES[name](found[name])],
        [figure for name in found for figure in _FIGURES[name](found[name])],
        views(),
        not_known,
        list(dict.fromkeys(warning for one in found.values() for warning in one.warnings)),
    )


def _of_journeys(found: Report) -> Iterator[Tile]:
    now = list(found.table("now").records)
    for one in now:
        yield Tile(
            words.status(text(one, "status")),
            words.count(known(one, "customers")),
            f"LTV {words.usd(known(one, 'ltv_usd'))}",
            "/insight/journeys",
        )
    total = sum(known(one, "ltv_usd") for one in now)
    yield Tile("LTV of customers with events", words.usd(total), _NOT_COUNTED, "/insight/ltv")


def _of_funnel(found: Report) -> Iterator[Tile]:
    within = found.asked.within
    for one in funnel.conversion(list(found.table("months").records))[-_MONTHS:]:
        yield Tile(
            f"Converted within {words.days(within)}, prospects of {words.month(day(one, 'month'))}",
            words.percent(known(one, "share_converted")),
            f"{words.count(known(one, 'converted'))} of {words.count(known(one, 'observed'))}",
            "/insight/funnel",
        )


def _no_tiles(_: Report) -> Iterator[Tile]:
    yield from ()


def _months(found: Report) -> Iterator[tuple[Figure, str]]:
    months = list(found.table("months").records)
    if months:
        yield funnel.months_figure(found, months, is_small=True), "/insight/funnel"


def _now(found: Report) -> Iterator[tuple[Figure, str]]:
    now = list(found.table("now").records)
    if any(known(one, "customers") for one in now):
        yield journeys.now_figure(now, is_small=True), "/insight/journeys"


def _ages(found: Report) -> Iterator[tuple[Figure, str]]:
    cells = by_cohort(found.table("cells").records, "spent_per_customer")
    if any(len(ages) > 1 for ages in cells.values()):
        yield ltv.by_age(cells, sizes_of(found), is_small=True), "/insight/ltv"


_TILES: Final = {"journeys": _of_journeys, "funnel": _of_funnel, "ltv": _no_tiles}
_FIGURES: Final = {"journeys": _now, "funnel": _months, "ltv": _ages}
