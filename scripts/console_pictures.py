"""The pictures of docs/operations.md: an incident, from the first look to a clean audit."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from incident import Stack, operator_link, running_stack
from incident_traffic import incident
from incident_upstreams import Upstreams
from playwright.sync_api import Browser, Page, ViewportSize, expect

from signoff_cli.children import running_workers
from signoff_ops.status import queue_status

SEED: Final = 1
EVENTS: Final = 20_000
WIDE: Final[ViewportSize] = {"width": 1190, "height": 760}
_PATIENCE: Final = 120_000
"""Milliseconds until something that is waited for has failed."""
_TURN: Final = 0.2


def take_console(browser: Browser, shoot: Callable[[Page, str], None]) -> None:
    """Take all of them; `shoot` takes one, under a name."""
    with happening() as (stack, upstreams):
        page = browser.new_page(viewport=WIDE, base_url=stack.desk.url)
        page.set_default_timeout(_PATIENCE)
        expect.set_options(timeout=_PATIENCE)
        page.goto(operator_link(stack))
        expect(page.locator("#series")).to_be_visible()
        shoot(page, "console-health")
        page.goto("/ops/causes")
        shoot(page, "console-causes")
        while not upstreams.done:
            upstreams.act()
            time.sleep(_TURN)
        _replay(page, shoot)
        _discard(page, shoot)
        _requeue(page, shoot)
        _audit(page, shoot)


def _replay(page: Page, shoot: Callable[[Page, str], None]) -> None:
    """The cause whose rows have arrived: what it is, a dry run, one letter, all letters."""
    page.goto("/ops/causes?kind=unknown_interaction")
    page.locator(".dl-causes a").first.click()
    shoot(page, "console-cause")
    page.get_by_role("button", name="Dry run of all").click()
    _await_end(page)
    shoot(page, "console-dry-run")
    page.get_by_role("button", name="Replay the oldest 1", exact=True).click()
    _await_end(page)
    page.get_by_role("button", name="Replay all").click()
    _await_end(page)
    shoot(page, "console-replay")


def _discard(page: Page, shoot: Callable[[Page, str], None]) -> None:
    """A cause that no replay cures."""
    page.goto("/ops/causes?kind=event_conflict")
    page.locator(".dl-causes a").first.click()
    page.get_by_role("button", name="Discard all").click()
    page.locator("[name=reason]").fill("the upstream publishes them under ids of their own")
    shoot(page, "console-discard")
    page.get_by_role("button", name="Discard").click()
    _await_end(page)


def _requeue(page: Page, shoot: Callable[[Page, str], None]) -> None:
    """The outbox, whose rows the upstream has mended."""
    page.goto("/ops/outbox")
    shoot(page, "console-outbox")
    page.locator("[name=reason]").fill("the upstream corrected the rows")
    page.get_by_role("button", name="Try all").click()
    expect(page.get_by_role("status").first).to_contain_text("given to the relay again")


def _audit(page: Page, shoot: Callable[[Page, str], None]) -> None:
    page.goto("/audit")
    page.get_by_role("button", name="Run an audit").click()
    while not page.get_by_text("clean", exact=True).is_visible():
        time.sleep(_TURN)
        page.goto("/audit")
    shoot(page, "console-audit")


def _await_end(page: Page) -> None:
    """Wait until the operation of the page has ended."""
    expect(page.locator("#replay")).to_have_attribute("data-ended", "yes")


@contextmanager
def happening() -> Iterator[tuple[Stack, Upstreams]]:
    """An incident whose queue is worked off, and in which upstreams have mended nothing yet."""
    with (
        tempfile.TemporaryDirectory(prefix="signoff-pictures-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        made = incident(SEED, EVENTS, datetime.now(UTC))
        upstreams = Upstreams(stack.servers, made, minute=1)
        upstreams.begin()
        with running_workers(stack.settings, 2, log=stack.log):
            while not _is_idle(stack):
                time.sleep(_TURN)
            yield stack, upstreams


def _is_idle(stack: Stack) -> bool:
    counts = queue_status(stack.servers).counts
    return not (counts.waiting or counts.in_flight or counts.scheduled)
