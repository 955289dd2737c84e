"""A worker's health: live while its loop gets on, ready while nothing keeps it from applying."""

from collections.abc import Callable

import pytest

from signoff_schemas import Settings
from signoff_worker.health import Health


class FakeWorker:
    """A worker's health, and what it follows from."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.state = "idle"
        self.stopping = False
        self.health = Health(
            "w",
            Settings(stuck_after=60),
            state=lambda: self.state,
            stopping=lambda: self.stopping,
            clock=lambda: self.now,
        )
        self.health.registered()


@pytest.fixture
def worker() -> FakeWorker:
    """A worker that is registered and idle."""
    return FakeWorker()


def test_a_worker_that_gets_on_is_live_and_ready(worker: FakeWorker) -> None:
    """A turn is good for as long as `stuck_after` says."""
    worker.now += 60
    report = worker.health.report()

    assert (report.live, report.ready, report.waits_for) == (True, True, None)
    assert report.turn_age_seconds == 60


def test_a_worker_without_turns_is_not_live(worker: FakeWorker) -> None:
    """The report says for how long and on what; the next turn makes it live again."""
    worker.now += 61
    worker.health.stuck_on = "Postgres: a lock"
    report = worker.health.report()
    assert (report.live, report.ready) == (False, False)
    assert report.waits_for == "no turn for 61 s: Postgres: a lock"

    worker.health.turn()

    assert worker.health.report().ready


def test_an_outage_makes_it_live_but_not_ready(worker: FakeWorker) -> None:
    """Probing a server that is unavailable is getting on, the pause between two probes included."""
    worker.now += 50
    worker.health.outage("Postgres", ConnectionError("gone"), pause=30)
    worker.now += 80
    report = worker.health.report()
    assert (report.live, report.ready, report.waits_for) == (True, False, "Postgres: gone")

    worker.health.back("Postgres")

    assert worker.health.report().ready


def _suspended(worker: FakeWorker) -> None:
    worker.state = "suspended"


def _stopping(worker: FakeWorker) -> None:
    worker.stopping = True


def _silent_postgres(worker: FakeWorker) -> None:
    worker.health.postgres_answers = False


@pytest.mark.parametrize(
    ("change", "waits_for"),
    [
        (_suspended, "workers are paused; `signoff queue show` tells by whom"),
        (_stopping, "it was asked to stop"),
        (_silent_postgres, "Postgres: it does not answer"),
    ],
)
def test_what_keeps_it_from_working_is_told(
    worker: FakeWorker, change: Callable[[FakeWorker], None], waits_for: str
) -> None:
    """None of it is cured by a restart: it stays live."""
    change(worker)
    report = worker.health.report()

    assert (report.live, report.ready) == (True, False)
    assert waits_for in (report.waits_for or "")


def test_before_it_is_registered_it_is_not_ready() -> None:
    """Nobody sees it in RQ's tools yet."""
    health = Health("w", Settings(), state=lambda: "started", stopping=lambda: False)

    assert (health.report().live, health.report().ready) == (True, False)
