"""The rate at which workers settle events: what they report, over the time that it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from signoff_ops.throughput import WINDOW, Rate, Throughput
from signoff_queue.workers import WorkerState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = WorkerState(
    name="one", state="busy", host="h", pid=1, last_heartbeat=NOW,
    heartbeat_age=timedelta(0), successful=0, failed=0, live=True, ready=True, waits_for=None,
)  # fmt: skip


def counting(name: str, successful: int, failed: int = 0) -> WorkerState:
    """A worker that has settled so many."""
    return replace(ONE, name=name, successful=successful, failed=failed)


def test_one_look_is_no_rate() -> None:
    """It takes two; then it is the difference, divided by the time between them."""
    throughput = Throughput()
    assert throughput.add(0, [counting("one", 1000)]) is None
    assert throughput.add(2, [counting("one", 3000, failed=10)]) == Rate(1000, 5, 2)


def test_it_is_the_average_of_the_last_seconds() -> None:
    """What was before the window is forgotten."""
    throughput = Throughput()
    total = 0
    for second in range(0, 60, 2):
        total += 2000 if second > 40 else 0
        rate = throughput.add(second, [counting("one", total)])
    assert rate
    assert (rate.applied, rate.seconds) == (1000, WINDOW)


def test_a_new_worker_and_one_that_ended_make_no_jump() -> None:
    """A worker that was not there before has settled its count at an unknown time."""
    throughput = Throughput()
    throughput.add(0, [counting("old", 1_000_000)])
    assert throughput.add(2, [counting("new", 5000)]) == Rate(0, 0, 2)
    assert throughput.add(4, [counting("new", 6000)]) == Rate(250, 0, 4)


def test_a_worker_that_starts_again_under_its_name_counts_from_zero() -> None:
    """No rate is negative."""
    throughput = Throughput()
    throughput.add(0, [counting("one", 1000)])
    assert throughput.add(2, [counting("one", 100)]) == Rate(50, 0, 2)


def test_after_a_long_pause_the_counting_begins_anew() -> None:
    """An average over a time in which nobody looked would be no rate of now."""
    throughput = Throughput()
    throughput.add(0, [counting("one", 0)])
    assert throughput.add(60, [counting("one", 60_000)]) is None
    assert throughput.add(62, [counting("one", 60_200)]) == Rate(100, 0, 2)


@given(
    steps=st.lists(
        st.tuples(st.floats(0.1, 5), st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1
    )
)
def test_no_rate_is_higher_than_the_fastest_step(steps: list[tuple[float, int, int]]) -> None:
    """Nor lower than the slowest."""
    throughput = Throughput()
    throughput.add(0, [counting("one", 0)])
    now, successful, failed = 0.0, 0, 0
    for seconds, more, worse in steps:
        now, successful, failed = now + seconds, successful + more, failed + worse
        rate = throughput.add(now, [counting("one", successful, failed)])
    assert rate
    fastest = max((more + worse) / seconds for seconds, more, worse in steps)
    slowest = min((more + worse) / seconds for seconds, more, worse in steps)
    assert slowest - 1e-3 <= rate.settled <= fastest * 1.001 + 1e-3
