"""The pictures of docs/insight.md: the charts of the demo's history."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from chromium import Desk, Visitor, desk_of
from insight import build_facts
from playwright.sync_api import Browser, Page, ViewportSize, expect

from signoff_db.migrate import migrate
from signoff_embedded import embedded_services
from signoff_ops.demo_history import history

UNTIL: Final = date(2026, 11, 1)
"""The history ends here, so that the pictures are the same each time."""
_PATHS: Final[Mapping[str, tuple[str, ViewportSize]]] = {
    "insight-funnel": ("/insight/funnel", {"width": 1190, "height": 990}),
    "insight-cohorts": ("/insight/cohorts", {"width": 1080, "height": 680}),
    "insight-forecast": ("/insight/forecast", {"width": 1190, "height": 930}),
}


def take_insight(browser: Browser, shoot: Callable[[Page, str], None]) -> None:
    """Take all of them; `shoot` takes one, under a name."""
    with _served() as desk:
        manager = Visitor.arrive(browser, desk, "admin")
        for name, (path, size) in _PATHS.items():
            manager.page.set_viewport_size(size)
            page = manager.open(path)
            expect(page.locator("svg.in-svg").first).to_be_visible()
            shoot(page, name)


@contextmanager
def _served() -> Iterator[Desk]:
    with (
        tempfile.TemporaryDirectory(prefix="signoff-pictures-") as folder,
        embedded_services(Path(folder), fsync=False) as services,
    ):
        migrate(services.database_url)
        build_facts(services.database_url, history(UNTIL))
        with desk_of(services.redis_url, services.database_url) as desk:
            yield desk
