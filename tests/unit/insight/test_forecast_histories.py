"""What the forecast reads: histories, grouped, and purchases split at a cutoff."""

from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.forecast.errors import HistoryError
from signoff_insight.forecast.history import Customers, History, Spends
from signoff_insight.forecast.purchases import Outcome, Purchases, split

CUTOFF = 50
purchases = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 100), st.integers(-100, 10_000)), max_size=60
)


@given(purchases, st.integers(1, 8))
def test_a_split_is_what_counting_by_hand_gives(
    rows: list[tuple[int, int, int]], horizon: int
) -> None:
    """Days of a customer, known to the cutoff, and those of the weeks after it."""
    known, later = split(
        Purchases.of([c for c, _, _ in rows], [d for _, d, _ in rows], [a for *_, a in rows]),
        CUTOFF,
        horizon,
    )

    expected = []
    for customer in sorted({c for c, day, _ in rows if day <= CUTOFF}):
        days: Counter[int] = Counter()
        for _, day, amount in (row for row in rows if row[0] == customer):
            days[day] += amount
        before = sorted(day for day in days if day <= CUTOFF)
        after = [day for day in days if CUTOFF < day <= CUTOFF + horizon * 7]
        expected.append(
            (
                len(before) - 1,
                before[-1] - before[0],
                CUTOFF - before[0],
                sum(days[day] for day in before[1:]),
                len(after),
                sum(days[day] for day in after),
            )
        )
    bought = {(customer, day) for customer, day, _ in rows if CUTOFF < day <= CUTOFF + horizon * 7}
    old = {customer for customer, day, _ in rows if day <= CUTOFF}
    weeks = Counter((day - CUTOFF - 1) // 7 for customer, day in bought if customer in old)
    assert later.weekly.tolist() == [weeks[week] for week in range(horizon)]
    columns = (known.x, known.t_x, known.age, known.spend, later.purchases, later.revenue)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


@given(
    st.lists(st.sampled_from([(0, 0, 5), (0, 0, 9), (1, 1, 9), (2, 3, 9), (2, 9, 9)]), max_size=40),
    st.randoms(),
)
def test_histories_are_counted(some: list[tuple[int, int, int]], random: Any) -> None:
    """Each once, in their order, whatever the order of the customers."""
    random.shuffle(some)
    x, t_x, age = np.array(some, np.int64).reshape(-1, 3).T

    history = History.of(x, t_x, age)
    found = zip(history.x, history.t_x, history.age, history.customers, strict=True)
    assert [(*map(int, one),) for one in found] == [
        (*one, count) for one, count in sorted(Counter(some).items())
    ]
    again = History.of(history.x, history.t_x, history.age, history.customers)
    assert again.customers.tolist() == history.customers.tolist()
    assert (history.total, history.repeat_buyers) == (len(some), sum(one[0] > 0 for one in some))


def test_rows_are_taken_as_a_cursor_gives_them() -> None:
    """One by one, with amounts as money."""
    customers = Customers.read(iter([(0, 0, 9, Decimal(0)), (2, 3, 9, Decimal("12.30"))]))

    assert (customers.x.tolist(), customers.t_x.tolist()) == ([0, 2], [0, 3])
    assert (customers.age.tolist(), customers.spend.tolist()) == ([9, 9], [0.0, 12.3])
    assert len(Customers.read(iter([]))) == 0


def test_who_spent_nothing_is_no_spend() -> None:
    """Nor who never came back; equal ones are counted together."""
    spends = Spends.of([1, 0, 2, 1, 1, 3], [5.0, 0.0, 0.0, 5.0, 4.0, -1.0], [1, 9, 9, 2, 1, 9])

    assert list(zip(spends.x, spends.spend, spends.customers, strict=True)) == [
        (1, 4.0, 1),
        (1, 5.0, 3),
    ]
    assert spends.total == 4


@pytest.mark.parametrize(
    "history", [(-1, 0, 5), (2, 1, 5), (1, 6, 5), (0, 3, 5), (0, 0, -1), (1, 1, 200_000)]
)
def test_a_history_that_contradicts_itself_is_refused(history: tuple[int, int, int]) -> None:
    """With what was found and what is allowed."""
    x, t_x, age = ([0, value] for value in history)

    with pytest.raises(HistoryError, match=f"found x {history[0]}, t_x {history[1]}, age"):
        History.of(x, t_x, age)
    with pytest.raises(HistoryError, match="0 <= x <= t_x <= age"):
        Customers.of(x, t_x, age, [0.0, 0.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: History.of([1], [1, 2], [3]),
        lambda: History.of([1], [1], [3], [1, 1]),
        lambda: History.of([1], [1], [3], [-1]),
        lambda: Customers.of([1], [1], [3], [float("nan")]),
        lambda: Customers.of([1], [1], [3], []),
        lambda: Spends.of([1], [float("inf")]),
        lambda: Spends.of([1, 2], [1.0]),
        lambda: Purchases.of([1], [1], [float("nan")]),
        lambda: Purchases.of([1], [1, 2], [1.0]),
        lambda: Outcome.of([-1], [1.0]),
        lambda: Outcome.of([1], [float("nan")]),
        lambda: Outcome.of([1], [1.0], [-1]),
    ],
)
def test_lists_that_do_not_fit_are_refused(make: Any) -> None:
    """So are amounts that are no numbers, and counts below 0."""
    with pytest.raises(HistoryError):
        make()
