"""The confidence interval of a share."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.statistics.wilson import Z95, share_of, wilson

COUNTS = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_it_gives_the_published_intervals(
    successes: int, trials: int, low: float, high: float
) -> None:
    """The four cases of R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, method 3."""
    interval = wilson(successes, trials)
    assert interval
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_without_trials_nothing_is_known() -> None:
    """Neither a share nor an interval."""
    assert share_of(0, 0) is None
    assert wilson(0, 0) is None


@given(COUNTS)
def test_it_holds_the_share_and_stays_from_0_to_1(counts: tuple[int, int]) -> None:
    """The share observed is inside."""
    interval, share = wilson(*counts), share_of(*counts)
    assert interval
    assert share is not None
    assert 0 <= interval.low <= share <= interval.high <= 1


@given(COUNTS)
def test_its_ends_are_the_shares_that_the_score_test_just_accepts(counts: tuple[int, int]) -> None:
    """At both ends p, the share observed is 1.96 standard errors of p away."""
    interval = wilson(*counts)
    assert interval
    successes, trials = counts
    for end in (interval.low, interval.high):
        if 0 < end < 1:
            error = math.sqrt(end * (1 - end) / trials)
            assert abs(successes / trials - end) == pytest.approx(Z95 * error, rel=1e-6)


@given(COUNTS)
def test_successes_and_failures_mirror_each_other(counts: tuple[int, int]) -> None:
    """The interval of the failures is the other way round."""
    successes, trials = counts
    one, other = wilson(successes, trials), wilson(trials - successes, trials)
    assert one
    assert other
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)


@given(COUNTS)
def test_more_trials_make_it_narrower(counts: tuple[int, int]) -> None:
    """The same share of twice as many trials is known better."""
    successes, trials = counts
    one, twice = wilson(successes, trials), wilson(2 * successes, 2 * trials)
    assert one
    assert twice
    assert twice.high - twice.low < one.high - one.low
