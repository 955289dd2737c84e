"""What a page has to be for everybody: accessible, in both themes, whole on a telephone."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, ViewportSize

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
NARROW: Final[ViewportSize] = {"width": 360, "height": 800}


def in_both_themes(page: Page) -> Iterator[Theme]:
    """The page as it is, in one theme after the other; in the end it is light."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        yield theme
    page.emulate_media(color_scheme="light", reduced_motion="null")


def check_accessible(page: Page, theme: Theme, about: str = "") -> None:
    """Axe finds nothing. In the dark it looks at contrasts only: a theme changes colours alone.

    `about` is said with what it found.
    """
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if theme == "dark":
        options["runOnly"] = ["color-contrast"]
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate("options => axe.run(options)", options))
    assert found.violations_count == 0, f"{about}: {found.generate_report()}"


def check_narrow(page: Page, about: str = "") -> None:
    """Nothing is wider than the screen of a telephone, which the page has from here on."""
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], about
