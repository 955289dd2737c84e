"""Make the pictures of README and docs: docs/images/*.png. Run it by `make pictures`.

It serves a desk with invented reviews on its own servers, then the console of an incident, then the
pages of insight and of transitions, and looks at them with the Chromium of the tests.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from approvals import approval
from chromium import CHROMIUM, INSTALL, Desk, Visitor, desk_of
from console_pictures import take_console
from insight_pictures import take_insight
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from transition_pictures import take_transitions

from signoff_db.migrate import migrate
from signoff_embedded import embedded_postgres, embedded_valkey
from signoff_ops import reviews

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
LARGEST: Final = 160_000
"""The most bytes of a picture."""
WIDE: Final[ViewportSize] = {"width": 1190, "height": 700}
NARROW: Final[ViewportSize] = {"width": 360, "height": 740}
DRAFT: Final = (
    "Hi Mia! So good to hear from you.",
    "The yearly plan is 50 dollars, and you can cancel at any time.",
    "Shall I send you the link?",
)
OTHERS: Final = (
    ("tom-318", "Is the workshop on Friday still on? I could bring a friend.", 0.4),
    ("lena-77", "I paid twice, I think. Can you have a look?", 0.9),
    ("omar-5", "شكرا جزيلا! متى تبدأ الدورة؟", 0.3),
    ("ruth-190", "no worries, talk tomorrow", 0.1),
    ("jan-62", "Do you ship to Norway?", 0.2),
)


def main() -> int:
    """Write the pictures."""
    if not CHROMIUM.exists():
        print(INSTALL, file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        with served() as desk:
            take(browser, desk)
        take_console(browser, shoot)
        take_insight(browser, shoot)
        take_transitions(browser, shoot)
    for path in sorted(TARGET.glob("*.png")):
        size = path.stat().st_size
        print(f"{path.name}: {size:,} bytes")
        if size > LARGEST:
            print(f"{path.name} is larger than {LARGEST:,} bytes", file=sys.stderr)
            return 1
    return 0


@contextmanager
def served() -> Iterator[Desk]:
    """A desk on servers of its own."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signoff-pictures-")))
        redis_url = stack.enter_context(embedded_valkey(scratch / "valkey", fsync=False))
        database_url = stack.enter_context(embedded_postgres(scratch / "postgres", fsync=False))
        migrate(database_url)
        yield stack.enter_context(desk_of(redis_url, database_url))


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser of the tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def take(browser: Browser, desk: Desk) -> None:
    """The pictures, one after the other: each shows what the one before left."""
    fill(desk)
    ann = Visitor.arrive(browser, desk, "ann", viewport=WIDE)
    page = ann.open()
    edit(page)
    shoot(page, "desk")
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Compare with the draft").click()
    shoot(page, "desk-dark")
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="light")
    page.reload()
    shoot(page, "phone")
    page.set_viewport_size(WIDE)
    page.keyboard.press("Control+Enter")
    ann.hears("Approved for mia-204")
    shoot(page, "undo")
    held = ann.item.get_attribute("data-review")
    ben = Visitor.arrive(browser, desk, "ben", viewport=WIDE)
    shoot(ben.open(f"/desk/{held}"), "held")
    supervisor = Visitor.arrive(browser, desk, "supervisor", viewport=WIDE)
    shoot(supervisor.open("/desk/team"), "team")


def fill(desk: Desk) -> None:
    """A queue of six, a customer with a history, and decisions of other reviewers."""
    mia = desk.post(
        "mia-204",
        customer_message="Hey! My sister told me about the yearly plan. How much is it, and can I "
        "stop when I like?",
        draft_bubbles=list(DRAFT),
        context={"name": "Mia", "language": "en", "time zone": "Europe/Vienna"},
        priority=1,
    )
    for user, message, priority in OTHERS:
        desk.post(user, customer_message=message, priority=priority)
    now = datetime.now(UTC)
    desk.apply(
        approval(
            occurred_at=now - timedelta(days=40),
            user_id="mia-204",
            final_bubbles=["Welcome, Mia! What are you curious about?"],
            customer_status="LEAD_QUALIFIED",
            reviewer_id="ben",
        ),
        approval(
            occurred_at=now - timedelta(days=12),
            user_id="mia-204",
            interaction_id=mia,
            final_bubbles=["Here is the first lesson."],
            edit_tags=["CTA_DIRECT"],
            cta_data={"kind": "link"},
            customer_status="CUSTOMER",
            ltv_amount="150.00",
            reviewer_id="ann",
        ),
    )
    for name, reason in (("ben", "It promises a discount that we do not give."), ("cleo", None)):
        interaction = desk.post(f"{name}-customer", priority=1)
        reviews.claim(desk.servers, interaction, name)
        if reason:
            reviews.reject(desk.servers, interaction, name, reason)


def edit(page: Page) -> None:
    """What a reviewer does with the draft."""
    bubbles = page.locator(".bubble")
    bubbles.nth(1).fill("The yearly plan is 50 dollars. You can stop whenever you like!")
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    page.locator('[name="ltv_amount"]').fill("50")
    page.get_by_label("CUSTOMER", exact=True).check()
    page.get_by_label("CONTENT_REWRITE", exact=True).check()
    expect(page.locator(".effect")).to_contain_text("150.00 + 50.00 = 200.00 USD")
    expect(page.locator("[data-saved]")).to_have_text("Saved")


def shoot(page: Page, name: str) -> None:
    """Take one picture, from the top, after what moves has come to rest."""
    page.evaluate("for (const one of document.querySelectorAll('.work, html')) one.scrollTop = 0")
    page.wait_for_timeout(400)
    page.screenshot(path=TARGET / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
