"""The pages of insight in a browser: for everybody, in both themes, by keyboard, on a telephone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from approvals import approval
from chromium import Desk, Visitor, desk_of
from insight import build_facts
from pages import HOSTILE
from playwright.sync_api import Browser, expect
from suiting import check_accessible, in_both_themes

from signoff_insight.views.registry import VIEWS
from signoff_ops.demo_history import history

PAGES: Final = ("/insight", *(f"/insight/{name}" for name in VIEWS))
WIDTHS: Final = (360, 1280)
THIN: Final = """() => document
    .querySelectorAll("svg.in-svg > :not(title, desc), tbody > tr:nth-child(n + 5)")
    .forEach(one => one.remove())"""
"""Of a picture its name counts, and rows of a table are alike: Axe takes long for thousands."""
SMALLEST: Final = """() => Math.min(...[...document.querySelectorAll("svg.in-svg text")]
    .filter(one => one.checkVisibility())
    .map(one => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"""
"""The size of the smallest letters of charts, as the screen shows them."""
ATTACKER: Final = f"{HOSTILE} {'x' * 150}"


@pytest.fixture(scope="module")
def served(redis_server: str, module_database_url: str) -> Iterator[Desk]:
    """The history of the demo, and a customer whose names attack; for all tests of this module."""
    until = datetime.now(UTC).date()
    events = history(until)
    attacks = [
        approval(
            user_id=ATTACKER,
            reviewer_id=ATTACKER,
            cta_data={"type": ATTACKER},
            customer_status=status,
            occurred_at=event.occurred_at,
        )
        for status, event in zip(("PROSPECT", "CUSTOMER"), events, strict=False)
    ]
    build_facts(module_database_url, [*events, *attacks])
    with desk_of(redis_server, module_database_url) as desk:
        yield desk


@pytest.fixture
def manager(browser: Browser, served: Desk) -> Iterator[Visitor]:
    """A manager with a browser; an error in its console is a failure."""
    visitor = Visitor.arrive(browser, served, "admin", viewport={"width": 1280, "height": 900})
    yield visitor
    visitor.context.close()
    assert visitor.errors == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_suits_everybody(path: str, manager: Visitor, pictures: Path | None) -> None:
    """Axe finds nothing in either theme; on a telephone all is readable, and nothing is cut off."""
    page = manager.open(path)
    expect(page.locator("h1")).to_be_visible()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SMALLEST) >= 11
        if pictures:
            for theme in in_both_themes(page):
                _shoot(manager, pictures, f"{path}-{theme}-{width}")
    assert "\u202e" not in page.content()
    page.evaluate(THIN)
    with manager.unheard():
        for theme in in_both_themes(page):
            check_accessible(page, theme)


def test_filters_are_the_address(manager: Visitor) -> None:
    """By keyboard; what is refused is explained at its field, and the CSV has the same filters."""
    page = manager.open("/insight/funnel")
    page.locator('[name="within"]').focus()
    page.keyboard.type("0")
    manager.expected |= {"422"}
    page.keyboard.press("Enter")
    page.wait_for_url("**/insight/funnel?*within=0*")
    field = page.locator('[name="within"]')
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#error-within")).to_contain_text("from 1 to 730")
    field.fill("60")
    page.keyboard.press("Enter")
    page.wait_for_url("**/insight/funnel?*within=60*")
    expect(page.locator("svg.in-svg").first).to_be_visible()
    page.reload()
    expect(page.locator('[name="within"]')).to_have_value("60")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of Steps").click()
    assert download.value.suggested_filename == "funnel-steps.csv"
    assert "within=60" in download.value.url


def test_a_chart_tells_its_message(manager: Visitor) -> None:
    """To those who do not see it too; the header leads from view to view."""
    page = manager.open("/insight")
    page.get_by_role("navigation", name="Insight").get_by_role("link", name="Cohorts").click()
    chart = page.get_by_role("img", name=re.compile(r"bought again in month \d+ after the first"))
    expect(chart).to_have_accessible_name(re.compile("A cell is the share of the customers"))
    link = page.get_by_role("navigation", name="Insight").get_by_role("link", name="Cohorts")
    expect(link).to_have_attribute("aria-current", "page")


def _shoot(visitor: Visitor, pictures: Path | None, name: str) -> None:
    if pictures:
        with visitor.unheard():
            path = pictures / f"{re.sub(r'[^a-z0-9]+', '-', name).strip('-')}.png"
            visitor.page.screenshot(path=path, full_page=True)
