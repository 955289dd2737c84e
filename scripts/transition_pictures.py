"""The picture of docs/transitions.md: what a rule proposes of the CDNOW sample."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cdnow import cdnow_events
from chromium import Desk, Visitor, desk_of
from insight import build_facts
from playwright.sync_api import Browser, Page, expect

from signoff_db.migrate import migrate
from signoff_embedded import embedded_services
from signoff_ops.transition_runs import run_rules


def take_transitions(browser: Browser, shoot: Callable[[Page, str], None]) -> None:
    """Take it; `shoot` takes one, under a name."""
    with _served() as desk:
        visitor = Visitor.arrive(
            browser, desk, "supervisor", viewport={"width": 1190, "height": 560}
        )
        page = visitor.open("/transitions/proposals?rule=churn-silence")
        for box in page.locator("tbody input").all()[:3]:
            box.check()
        expect(page.get_by_role("button", name="Preview approval…")).to_be_visible()
        shoot(page, "transitions")


@contextmanager
def _served() -> Iterator[Desk]:
    """The sample without its CHURNED events, and the proposals at the time of its last event."""
    events = [event for event in cdnow_events() if event.customer_status != "CHURNED"]
    with (
        tempfile.TemporaryDirectory(prefix="signoff-pictures-") as folder,
        embedded_services(Path(folder), fsync=False) as services,
    ):
        migrate(services.database_url)
        build_facts(services.database_url, events)
        with desk_of(services.redis_url, services.database_url) as desk:
            latest = max(event.occurred_at for event in events)
            run_rules(desk.servers.settings, "user:ann", at=latest)
            yield desk
