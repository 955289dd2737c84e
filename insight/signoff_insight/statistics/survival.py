"""How long it takes until something happens, where some are still waiting."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-12
"""A sum of many shares may miss the exact one by this much."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How many stopped waiting on one day, and how."""

    day: int
    """Days since each began to wait."""
    reached: int = 0
    lost: int = 0
    """Something else happened, after which it cannot be reached."""
    still_open: int = 0
    """Nothing had happened yet when the observation ended."""


@dataclass(frozen=True, slots=True)
class Point:
    """The curve at the end of one day."""

    day: int
    at_risk: int
    """How many were still waiting and observed on this day."""
    reached_share: float
    lost_share: float


def cumulative_incidence(ends: Iterable[Ends]) -> Sequence[Point]:
    """The share that has reached it, and the share that was lost, by day (Aalen-Johansen).

    With n at risk on a day, of whom r reach it and l are lost, and S the share that waits before
    this day, the day adds S r/n to those who reached it and S l/n to the lost; S then shrinks by
    (r + l)/n. Whoever is still open on a day counts as at risk on it, and not after it.

    Where nobody is lost this is one minus the Kaplan-Meier estimate of the share that waits. Where
    some are, one minus Kaplan-Meier would be too high, since it takes the lost as people who may
    still reach it.

    Args:
        ends: one for each day on which somebody stopped, in any order.

    Returns:
        A point for day 0, and one for each of these days, in order; nothing without anybody.

    Sources: O. O. Aalen and S. Johansen, An Empirical Transition Matrix for Non-homogeneous Markov
    Chains Based on Censored Observations, Scandinavian Journal of Statistics 5 (1978), 141-150;
    E. L. Kaplan and P. Meier, Nonparametric Estimation from Incomplete Observations, Journal of
    the American Statistical Association 53 (1958), 457-481.
    """
    days = sorted(ends, key=lambda end: end.day)
    at_risk = sum(end.reached + end.lost + end.still_open for end in days)
    if at_risk and days[0].day > 0:
        days.insert(0, Ends(0))
    waiting, reached, lost = 1.0, 0.0, 0.0
    points = []
    for end in days:
        if at_risk == 0:
            break
        reached += waiting * end.reached / at_risk
        lost += waiting * end.lost / at_risk
        waiting *= 1 - (end.reached + end.lost) / at_risk
        points.append(Point(end.day, at_risk, reached, lost))
        at_risk -= end.reached + end.lost + end.still_open
    return points


def day_of_share(points: Iterable[Point], share: float) -> int | None:
    """The first day at whose end this share has reached it; None if the curve ends before."""
    return next((p.day for p in points if p.reached_share >= share - _ROUNDING), None)


def thinned(points: Sequence[Point], limit: int, days: Collection[int] = ()) -> Sequence[Point]:
    """At most `limit` points, evenly chosen, with the first, the last, and those of these days.

    Args:
        points: a curve.
        limit: the most points: 2 or more beside those of `days`.
        days: on which a reader looks for a point of the curve.
    """
    if len(points) <= limit:
        return points
    step = -(-(len(points) - 1) // (limit - 1 - len(days)))
    kept = {*range(0, len(points), step), len(points) - 1}
    return [one for place, one in enumerate(points) if place in kept or one.day in days]
