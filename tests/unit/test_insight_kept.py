"""Reports that take seconds are computed once for all who ask in the same minutes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import DEADLINE

from signoff_insight.report import Asked, Reach, Report
from signoff_ops import insight_kept
from signoff_ops.insight_errors import BusyError
from signoff_ops.insight_kept import KEEP_SECONDS, KeptReports

REPORT = Report("forecast", "Forecast", "…", Asked(), Reach("UTC", None, None), ())


class Counter:
    """Computes a report, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Report:
        """Count a call."""
        self.calls += 1
        return REPORT


def test_the_same_question_is_computed_once_for_some_minutes() -> None:
    """Then anew; another question is another report."""
    now = [0.0]
    kept, compute = KeptReports(lambda: now[0]), Counter()
    for now[0] in (0.0, 1.0, KEEP_SECONDS):
        assert kept.get("a", compute) is REPORT
    assert compute.calls == 1
    kept.get("b", compute)
    assert compute.calls == 2
    now[0] = KEEP_SECONDS + 1
    kept.get("a", compute)
    assert compute.calls == 3


def test_who_asks_meanwhile_waits_for_the_same_report() -> None:
    """Ten people open the page; it is computed once."""
    kept, compute, may_end = KeptReports(), Counter(), threading.Event()

    def slowly() -> Report:
        assert may_end.wait(DEADLINE)
        return compute()

    with ThreadPoolExecutor(10) as pool:
        found = [pool.submit(kept.get, "a", slowly) for _ in range(10)]
        may_end.set()
        assert [one.result() for one in found] == [REPORT] * 10
    assert compute.calls == 1


def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits holds a thread that other requests need."""
    monkeypatch.setattr(insight_kept, "_WAIT_SECONDS", 0.01)
    kept, begun, may_end = KeptReports(), threading.Event(), threading.Event()

    def slowly() -> Report:
        begun.set()
        assert may_end.wait(DEADLINE)
        return REPORT

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kept.get, "a", slowly)
        assert begun.wait(DEADLINE)
        with pytest.raises(BusyError, match="try again"):
            kept.get("a", slowly)
        may_end.set()
        assert first.result() is REPORT


def test_a_failure_is_not_kept() -> None:
    """The next one who asks may have more luck."""
    kept, compute = KeptReports(), Counter()

    def fail() -> Report:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        kept.get("a", fail)
    assert kept.get("a", compute) is REPORT


def test_only_some_are_kept() -> None:
    """Whoever asks for each day of a year does not fill the memory."""
    kept, compute = KeptReports(), Counter()
    for day in range(200):
        kept.get(day, compute)
    kept.get(199, compute)
    assert compute.calls == 200
    kept.get(0, compute)
    assert compute.calls == 201
