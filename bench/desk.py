"""The review desk in the browser with 100,000 waiting: from the key to the next review.

Skipped where there is no Chromium.
"""

import statistics
from pathlib import Path

from deployment import Deployment, Row
from http_api import serving
from playwright.sync_api import Page, sync_playwright

from signoff_ops.outbox import create_outbox

CHROMIUM = Path("/usr/bin/chromium")
_FILL = Path(__file__).with_name("fill_reviews.sql").read_text("utf-8")
_WAITING = 100_000
_PREFETCHED = 0.5
"""Seconds that a reviewer takes for a review here, in which the next one is fetched."""
_MEASURE = """
addEventListener("keydown", (event) => {
  if (event.ctrlKey) window.pressed = performance.now();
}, true);
new MutationObserver(() => requestAnimationFrame(() => {
  (window.took ??= []).push(performance.now() - window.pressed);
})).observe(document.getElementById("open"), { childList: true });
"""


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Approve reviews by keyboard in a browser."""
    if not CHROMIUM.exists():
        return []
    create_outbox(deployment.database_url)
    deployment.database.execute(_FILL.encode(), {"reviews": _WAITING})
    deployment.database.execute("VACUUM ANALYZE reviews")
    with serving(deployment, "desk") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{served.port}/desk")
        took = _approve(page, 10 if quick else 40)
        browser.close()
    name = f"desk in a browser, {_WAITING:,} waiting: from the key to the next review"
    return [
        Row(f"{name}, median", statistics.median(took), "ms", target="<= 100"),
        Row(f"{name}, 95th percentile", sorted(took)[int(len(took) * 0.95) - 1], "ms"),
    ]


def _approve(page: Page, count: int) -> list[float]:
    """Milliseconds of each approval, until the next review is drawn."""
    page.evaluate(_MEASURE)
    for done in range(1, count + 1):
        page.wait_for_timeout(_PREFETCHED * 1000)
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("done => window.took?.length === done", arg=done)
    took: list[float] = page.evaluate("window.took")
    return took
