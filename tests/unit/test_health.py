"""A worker's health: live while its loop gets on, ready while nothing keeps it from applying."""

from collections.abc import Callable

import pytest

from signoff_schemas import Settings
from signoff_worker.health import Health


class Deployment:
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
def deployment() -> Deployment:
    """A worker that is registered and idle."""
    return Deployment()


def test_a_worker_that_gets_on_is_live_and_ready(deployment: Deployment) -> None:
    """A turn is good for as long as `stuck_after` says."""
    deployment.now += 60
    report = deployment.health.report()

    assert (report.live, report.ready, report.waits_for) == (True, True, None)
    assert report.turn_age_seconds == 60


def test_a_worker_without_turns_is_not_live(deployment: Deployment) -> None:
    """The report says for how long and on what; the next turn makes it live again."""
    deployment.now += 61
    deployment.health.stuck_on = "Postgres: a lock"
    report = deployment.health.report()
    assert (report.live, report.ready) == (False, False)
    assert report.waits_for == "no turn for 61 s: Postgres: a lock"

    deployment.health.turn()

    assert deployment.health.report().ready


def test_an_outage_makes_it_live_but_not_ready(deployment: Deployment) -> None:
    """Probing a server that is unavailable is getting on, the pause between two probes included."""
    deployment.now += 50
    deployment.health.outage("Postgres", ConnectionError("gone"), pause=30)
    deployment.now += 80
    report = deployment.health.report()
    assert (report.live, report.ready, report.waits_for) == (True, False, "Postgres: gone")

    deployment.health.back("Postgres")

    assert deployment.health.report().ready


def _suspended(deployment: Deployment) -> None:
    deployment.state = "suspended"


def _stopping(deployment: Deployment) -> None:
    deployment.stopping = True


def _silent_postgres(deployment: Deployment) -> None:
    deployment.health.postgres_answers = False


@pytest.mark.parametrize(
    ("change", "waits_for"),
    [
        (_suspended, "workers are suspended; run `rq resume`"),
        (_stopping, "it was asked to stop"),
        (_silent_postgres, "Postgres: it does not answer"),
    ],
)
def test_what_keeps_it_from_working_is_told(
    deployment: Deployment, change: Callable[[Deployment], None], waits_for: str
) -> None:
    """None of it is cured by a restart: it stays live."""
    change(deployment)
    report = deployment.health.report()

    assert (report.live, report.ready) == (True, False)
    assert waits_for in (report.waits_for or "")


def test_before_it_is_registered_it_is_not_ready() -> None:
    """Nobody sees it in RQ's tools yet."""
    health = Health("w", Settings(), state=lambda: "started", stopping=lambda: False)

    assert (health.report().live, health.report().ready) == (True, False)
