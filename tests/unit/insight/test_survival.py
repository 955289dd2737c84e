"""How long it takes, where some are still waiting and others are lost."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.statistics.survival import (
    Ends,
    Point,
    cumulative_incidence,
    day_of_share,
    thinned,
)

REMISSIONS = [
    Ends(6, reached=3, still_open=1),
    Ends(7, reached=1),
    Ends(9, still_open=1),
    Ends(10, reached=1, still_open=1),
    Ends(11, still_open=1),
    Ends(13, reached=1),
    Ends(16, reached=1),
    Ends(17, still_open=1),
    Ends(19, still_open=1),
    Ends(20, still_open=1),
    Ends(22, reached=1),
    Ends(23, reached=1),
    Ends(25, still_open=1),
    Ends(32, still_open=2),
    Ends(34, still_open=1),
    Ends(35, still_open=1),
]
"""Weeks of remission with 6-MP: E. J. Freireich and others, Blood 21 (1963), 699-716."""
COUNT = st.integers(0, 30)
ENDS = st.lists(
    st.builds(Ends, st.integers(0, 60), COUNT, COUNT, COUNT), max_size=20, unique_by=lambda e: e.day
)


def test_it_gives_the_published_estimate() -> None:
    """Kaplan-Meier of the remissions, as textbooks print it, and their median of 23 weeks."""
    points = cumulative_incidence(REMISSIONS)
    waiting = {point.day: round(1 - point.reached_share, 3) for point in points}
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {day: waiting[day] for day in published} == published
    assert day_of_share(points, 0.5) == 23
    assert points[0] == Point(0, 21, 0, 0)
    assert next(point.at_risk for point in points if point.day == 10) == 15


def test_without_anybody_there_is_no_curve() -> None:
    """No point, and no median."""
    assert cumulative_incidence([]) == []
    assert cumulative_incidence([Ends(3)]) == []
    assert day_of_share([], 0.5) is None


def test_the_median_is_missing_where_the_curve_does_not_get_there() -> None:
    """Half of those who entered were lost, so at most the other half can arrive."""
    points = cumulative_incidence([Ends(1, reached=4, lost=5, still_open=1)])
    assert day_of_share(points, 0.4) == 1
    assert day_of_share(points, 0.5) is None


def test_a_median_is_reached_exactly() -> None:
    """A half that is a sum of many shares is a half, whatever its last digits."""
    thirds = [Ends(day, reached=1) for day in range(1, 7)]
    assert day_of_share(cumulative_incidence(thirds), 0.5) == 3


@given(ENDS)
def test_it_equals_the_exact_estimate(ends: list[Ends]) -> None:
    """In fractions, from the definition: a sum over the days of S(before) times the hazard."""
    waiting, reached, lost = Fraction(1), Fraction(0), Fraction(0)
    exact = {}
    for end in sorted(ends, key=lambda e: e.day):
        at_risk = sum(e.reached + e.lost + e.still_open for e in ends if e.day >= end.day)
        if at_risk:
            reached += waiting * Fraction(end.reached, at_risk)
            lost += waiting * Fraction(end.lost, at_risk)
            waiting -= waiting * Fraction(end.reached + end.lost, at_risk)
            exact[end.day] = (at_risk, reached, lost)
    points = {p.day: p for p in cumulative_incidence(ends)}
    assert {day for day in points if day or 0 in exact} == {*exact}
    for day, (at_risk, reached_share, lost_share) in exact.items():
        assert points[day].at_risk == at_risk
        assert points[day].reached_share == pytest.approx(float(reached_share), abs=1e-12)
        assert points[day].lost_share == pytest.approx(float(lost_share), abs=1e-12)


@given(ENDS)
def test_shares_only_grow_and_never_leave_0_to_1(ends: list[Ends]) -> None:
    """Who reached it or was lost stays so; the two never make more than all."""
    points = cumulative_incidence(ends)
    assert [p.reached_share for p in points] == sorted(p.reached_share for p in points)
    assert [p.lost_share for p in points] == sorted(p.lost_share for p in points)
    for point in points:
        assert 0 <= point.reached_share + point.lost_share <= 1 + 1e-9


@given(ENDS)
def test_where_all_were_observed_it_is_the_plain_share(ends: list[Ends]) -> None:
    """Nobody is open: then the last point says how many of all arrived."""
    closed = [Ends(end.day, end.reached, end.lost) for end in ends]
    everybody = sum(end.reached + end.lost for end in closed)
    points = cumulative_incidence(closed)
    if everybody:
        arrived = sum(end.reached for end in closed)
        assert points[-1].reached_share == pytest.approx(arrived / everybody)
        assert points[-1].reached_share + points[-1].lost_share == pytest.approx(1)


@given(ENDS)
def test_reached_and_lost_together_are_one_minus_kaplan_meier(ends: list[Ends]) -> None:
    """To wait ends in either way, whatever it is called."""
    either = [Ends(e.day, reached=e.reached + e.lost, still_open=e.still_open) for e in ends]
    for point, whole in zip(cumulative_incidence(ends), cumulative_incidence(either), strict=True):
        assert whole.lost_share == 0
        assert point.reached_share + point.lost_share == pytest.approx(whole.reached_share)


@given(ENDS)
def test_who_is_lost_makes_the_share_smaller_than_kaplan_meier_says(ends: list[Ends]) -> None:
    """One minus Kaplan-Meier takes the lost as people who may still arrive."""
    censored = [Ends(e.day, reached=e.reached, still_open=e.lost + e.still_open) for e in ends]
    for point, other in zip(
        cumulative_incidence(ends), cumulative_incidence(censored), strict=True
    ):
        assert point.reached_share <= other.reached_share + 1e-12


@given(st.integers(0, 2000), st.integers(2, 250))
def test_a_thinned_curve_keeps_its_ends(count: int, limit: int) -> None:
    """At most so many points, in order, of those that there are."""
    points = [Point(day, 1, 0.0, 0.0) for day in range(count)]
    kept = thinned(points, limit)
    assert len(kept) <= limit
    assert kept[:1] == points[:1]
    assert kept[-1:] == points[-1:]
    assert [p.day for p in kept] == sorted({p.day for p in kept})
    assert {p.day for p in kept} <= {p.day for p in points}
    assert len(kept) == count or len(kept) > limit // 2


@given(st.integers(0, 2000), st.integers(10, 250), st.sets(st.integers(0, 2000), max_size=3))
def test_a_thinned_curve_keeps_the_days_that_are_told(
    count: int, limit: int, days: set[int]
) -> None:
    """Where half and a quarter are: a reader looks for them on the curve."""
    points = [Point(day, 1, 0.0, 0.0) for day in range(count)]
    kept = thinned(points, limit, days)
    assert len(kept) <= limit
    assert [p.day for p in kept] == sorted({p.day for p in kept})
    assert {p.day for p in points if p.day in days} <= {p.day for p in kept}
