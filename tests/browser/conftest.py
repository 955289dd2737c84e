"""Browsers that look at the desk: the machine's own Chromium, driven by Playwright.

Where there is no Chromium, the tests are skipped; where CI is set, that is a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, INSTALL, SLOW, Desk, Visit, Visitor, desk_of
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module; each visitor has a context of their own in it.

    While Playwright runs, this thread has a running event loop. It ends before tests of another
    module, which may run loops of their own, come to this process.
    """
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            timeout=SLOW,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield launched
        launched.close()


@pytest.fixture
def desk(redis_url: str, database_url: str) -> Iterator[Desk]:
    """A desk with an empty queue; whoever visits says who they are by a cookie."""
    with desk_of(redis_url, database_url) as served:
        yield served


@pytest.fixture
def visit(browser: Browser, desk: Desk) -> Iterator[Visit]:
    """Opens a browser for a reviewer; at the end, an error in its console is a failure."""
    visitors: list[Visitor] = []

    def visiting(name: str, *, at: Desk = desk, **options: Any) -> Visitor:
        visitors.append(Visitor.arrive(browser, at, name, **options))
        return visitors[-1]

    yield visiting
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        assert visitor.errors == [], visitor.name


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where screenshots are put; None: nowhere. SIGNOFF_PICTURES names a folder."""
    named = os.environ.get("SIGNOFF_PICTURES")
    if named is None:
        return None
    Path(named).mkdir(parents=True, exist_ok=True)
    return Path(named)
