"""Differences of shares: published examples, and what must hold for all of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.statistics.differences import Pair, difference, pooled

# Tuberculosis vaccine: cases and others, vaccinated and not, in thirteen trials (Colditz 1994).
TRIALS = (
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
)


def _pairs() -> st.SearchStrategy[Pair]:
    return st.builds(
        lambda n1, a, n0, c: Pair(n1, min(a, n1), n0, min(c, n0)),
        *[st.integers(0, 10_000)] * 4,
    )


@pytest.mark.parametrize(
    ("pair", "low", "high"),
    [
        (Pair(70, 56, 80, 48), 0.0524, 0.3339),
        (Pair(10, 9, 10, 3), 0.1705, 0.8090),
        (Pair(10, 0, 20, 0), -0.1611, 0.2775),
        (Pair(10, 10, 20, 0), 0.6791, 1.0),
    ],
)
def test_intervals_of_one_difference_are_those_of_newcombe(
    pair: Pair, low: float, high: float
) -> None:
    """Table II of the paper, method 10."""
    found = difference(pair)
    assert found is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=5e-5)


def test_the_pooled_difference_of_the_vaccine_trials_is_the_published_one() -> None:
    """-0.0033, from -0.0039 to -0.0027, as the R package metafor documents it."""
    found = pooled([Pair(a + b, a, c + d, c) for a, b, c, d in TRIALS])
    assert found is not None
    numbers = [found.value, found.interval.low, found.interval.high]
    assert [round(number, 4) for number in numbers] == [-0.0033, -0.0039, -0.0027]


@given(_pairs())
def test_the_pooled_difference_of_one_stratum_is_its_difference(pair: Pair) -> None:
    """There is nothing to pool; and both know that an empty group has no share."""
    one, over_all = difference(pair), pooled([pair])
    assert (one is None) == (over_all is None)
    if one and over_all:
        assert math.isclose(one.value, over_all.value, abs_tol=1e-12)
        assert math.isclose(one.interval.low, over_all.interval.low, abs_tol=1e-12)
        assert math.isclose(one.interval.high, over_all.interval.high, abs_tol=1e-12)


def test_where_all_or_none_convert_the_pooled_difference_is_still_not_certain() -> None:
    """All of 240 and of 960, twice, and none of 174 and of 720: 0, give or take a bit.

    The ends are those of the formula, computed by hand from the score intervals of the shares:
    l = n / (n + z^2) where all of n convert, u = z^2 / (n + z^2) where nobody does.
    """
    all_twice = [Pair(240, 240, 960, 960)] * 2
    found = pooled([*all_twice, Pair(174, 0, 720, 0)])
    assert found is not None
    assert found.value == 0
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (-0.0082838, 0.0061332), abs=1e-7
    )


@given(st.lists(_pairs(), max_size=5))
def test_an_interval_always_has_a_width(strata: list[Pair]) -> None:
    """A number of customers is never so large that nothing is left to chance."""
    found = pooled(strata)
    if found:
        assert found.interval.low < found.interval.high


@given(st.lists(_pairs(), max_size=5))
def test_a_pooled_difference_lies_in_its_interval_and_between_those_of_the_strata(
    strata: list[Pair],
) -> None:
    """It is a weighted mean; a stratum with one group alone does not count."""
    found = pooled(strata)
    each = [one.value for pair in strata if (one := difference(pair))]
    assert (found is None) == (not each)
    if found:
        assert min(each) - 1e-9 <= found.value <= max(each) + 1e-9
        assert -1 <= found.interval.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.interval.high <= 1


@given(_pairs())
def test_changing_sides_changes_the_sign(pair: Pair) -> None:
    """What is more on one side is less on the other."""
    other = Pair(pair.without_n, pair.without_converted, pair.with_n, pair.with_converted)
    for one, turned in (
        (difference(pair), difference(other)),
        (pooled([pair]), pooled([other])),
    ):
        if one and turned:
            assert one.value == pytest.approx(-turned.value, abs=1e-9)
            assert one.interval.low == pytest.approx(-turned.interval.high, abs=1e-6)
