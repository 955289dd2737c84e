"""Each page of the desk, in both themes: what axe finds, and pictures to look at."""

from pathlib import Path

import pytest
from approvals import approval, decision
from chromium import Desk, Visit, Visitor
from playwright.sync_api import Page, expect
from suiting import check_accessible, check_narrow, in_both_themes

from signoff_ops import reviews
from signoff_ops.users import add_user
from signoff_schemas.access import Role


def check(visitor: Visitor, name: str, pictures: Path | None) -> None:
    """In both themes nothing that axe objects to, and nothing wider than a small screen."""
    page = visitor.page
    with visitor.unheard():
        for theme in in_both_themes(page):
            check_accessible(page, theme, name)
            _shoot(page, pictures, f"{name}-{theme}-wide")
        check_narrow(page, name)
        _shoot(page, pictures, f"{name}-narrow")
        page.set_viewport_size({"width": 1440, "height": 900})


def _shoot(page: Page, pictures: Path | None, name: str) -> None:
    if pictures:
        page.screenshot(path=pictures / f"{name}.png", full_page=name.endswith("narrow"))


def test_the_desk(desk: Desk, visit: Visit, pictures: Path | None) -> None:
    """The open review with all around it, errors, comparison, dialogs."""
    interaction = desk.post(
        "anna-42",
        customer_message="Hi! I saw your profile yesterday. How much is the yearly plan?",
        draft_bubbles=["Hey you!", "The yearly plan is 50 dollars.", "Shall I send the link?"],
        context={"name": "Anna", "language": "en", "devices": ["phone", "laptop"]},
        priority=0.8,
    )
    for user in ("ben-7", "cleo-3", "dora-9"):
        desk.post(user)
    desk.apply(
        approval(
            user_id="anna-42",
            interaction_id=interaction,
            customer_status="CUSTOMER",
            ltv_amount="150.00",
        ),
        approval(
            1,
            user_id="anna-42",
            final_bubbles=["Sure, here is the link."],
            edit_tags=["CTA_DIRECT"],
            cta_data={"kind": "link"},
        ),
        decision(2, user_id="anna-42", customer_status="CHURNED"),
    )
    ann = visit("ann")
    ann.expected |= {"422"}
    page = ann.open(interaction)
    page.keyboard.press("e")
    page.keyboard.type("Hello ")
    page.get_by_role("button", name="Compare with the draft").click()
    page.locator('[name="ltv_amount"]').fill("50")
    page.get_by_label("CUSTOMER", exact=True).check()
    expect(page.locator(".effect")).to_contain_text("CUSTOMER, 150.00 + 50.00 = 200.00 USD")
    check(ann, "desk", pictures)

    page.get_by_role("button", name="Approve and next").click()
    expect(page.locator('[data-error="quality_score"]')).to_be_visible()
    check(ann, "error", pictures)

    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    check(ann, "keys", pictures)
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("dialog.reject")).to_be_visible()
    check(ann, "reject", pictures)


def test_what_cannot_be_decided(desk: Desk, visit: Visit, pictures: Path | None) -> None:
    """A review of somebody else, an empty queue, a page that is not there, notices."""
    interaction = desk.post("anna-42")
    reviews.claim(desk.servers, interaction, "ben")
    ann = visit("ann")
    ann.expected |= {"404"}
    page = ann.open(interaction)
    expect(page.locator("[data-banner]")).to_contain_text("ben has this review")
    check(ann, "held", pictures)
    ann.open("/desk")
    expect(page.get_by_role("heading", name="Nothing for you now")).to_be_visible()
    expect(page.get_by_text("Of 1 waiting, 1 is held by others.", exact=True)).to_be_visible()
    check(ann, "nothing", pictures)
    page.goto("/desk/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", name="There is no such review")).to_be_visible()
    check(ann, "missing", pictures)


def test_the_team(desk: Desk, visit: Visit, pictures: Path | None) -> None:
    """The supervisor's page."""
    for number, name in enumerate(("ann", "ben", "cleo")):
        interaction = desk.post(f"user-{number}")
        reviews.claim(desk.servers, interaction, name)
        if name == "cleo":
            reviews.reject(
                desk.servers, interaction, name, "It promises a price that we never gave."
            )
    desk.post("user-9")
    supervisor = visit("supervisor")
    page = supervisor.open("/desk/team")
    expect(page.locator("tr[data-held]")).to_have_count(2)
    check(supervisor, "team", pictures)


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/admin/users", "/admin/keys"])
def test_accounts(path: str, desk: Desk, visit: Visit, pictures: Path | None) -> None:
    """The pages to sign in, and of accounts."""
    add_user(desk.servers, "admin", [Role.ADMIN], "test")
    admin = visit("admin")
    page = admin.open(path)
    expect(page.locator("h1").first).to_be_visible()
    check(admin, path.strip("/").replace("/", "-"), pictures)


def test_the_theme_can_be_chosen(desk: Desk, visit: Visit) -> None:
    """The switch goes from the system's theme to light and dark, and stays."""
    desk.post()
    page = visit("ann").open("/desk")
    for expected in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", expected)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
