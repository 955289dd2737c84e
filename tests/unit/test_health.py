"""A worker's health: live while its loop gets on, ready while nothing keeps it from applying."""

from collections.abc import Callable

import pytest

from signoff_schemas import Settings
from signoff_worker.health import Health


class Testbed:
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
def testbed() -> Testbed:
    """A worker that is registered and idle."""
    return Testbed()


def test_a_worker_that_gets_on_is_live_and_ready(testbed: Testbed) -> None:
    """A turn is good for as long as `stuck_after` says."""
    testbed.now += 60
    report = testbed.health.report()

    assert (report.live, report.ready, report.waits_for) == (True, True, None)
    assert report.turn_age_seconds == 60


def test_a_worker_without_turns_is_not_live(testbed: Testbed) -> None:
    """The report says for how long and on what; the next turn makes it live again."""
    testbed.now += 61
    testbed.health.stuck_on = "Postgres: a lock"
    report = testbed.health.report()
    assert (report.live, report.ready) == (False, False)
    assert report.waits_for == "no turn for 61 s: Postgres: a lock"

    testbed.health.turn()

    assert testbed.health.report().ready


def test_an_outage_makes_it_live_but_not_ready(testbed: Testbed) -> None:
    """Probing a server that is unavailable is getting on, the pause between two probes included."""
    testbed.now += 50
    testbed.health.outage("Postgres", ConnectionError("gone"), pause=30)
    testbed.now += 80
    report = testbed.health.report()
    assert (report.live, report.ready, report.waits_for) == (True, False, "Postgres: gone")

    testbed.health.back("Postgres")

    assert testbed.health.report().ready


def _suspended(testbed: Testbed) -> None:
    testbed.state = "suspended"


def _stopping(testbed: Testbed) -> None:
    testbed.stopping = True


def _silent_postgres(testbed: Testbed) -> None:
    testbed.health.postgres_answers = False


@pytest.mark.parametrize(
    ("change", "waits_for"),
    [
        (_suspended, "workers are suspended; run `rq resume`"),
        (_stopping, "it was asked to stop"),
        (_silent_postgres, "Postgres: it does not answer"),
    ],
)
def test_what_keeps_it_from_working_is_told(
    testbed: Testbed, change: Callable[[Testbed], None], waits_for: str
) -> None:
    """None of it is cured by a restart: it stays live."""
    change(testbed)
    report = testbed.health.report()

    assert (report.live, report.ready) == (True, False)
    assert waits_for in (report.waits_for or "")


def test_before_it_is_registered_it_is_not_ready() -> None:
    """Nobody sees it in RQ's tools yet."""
    health = Health("w", Settings(), state=lambda: "started", stopping=lambda: False)

    assert (health.report().live, health.report().ready) == (True, False)
