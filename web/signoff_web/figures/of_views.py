"""Which figures belong to a view."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from signoff_ops.insight import Report
from signoff_web.figures import (
    cohorts,
    desk,
    durations,
    forecast,
    funnel,
    journeys,
    ltv,
    reviewers,
)
from signoff_web.figures.figure import Figure

_OF: Final[Mapping[str, Callable[[Report], Sequence[Figure]]]] = {
    "funnel": funnel.figures,
    "cohorts": cohorts.figures,
    "ltv": ltv.figures,
    "journeys": journeys.figures,
    "durations": durations.figures,
    "reviewers": reviewers.figures,
    "forecast": forecast.figures,
    "desk": desk.figures,
}


def figures_of(report: Report) -> Sequence[Figure]:
    """The figures of a report; none where there is nothing to be drawn."""
    drawn = _OF.get(report.name)
    return drawn(report) if drawn else ()
