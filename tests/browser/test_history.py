"""The history pages, the search and the audit in a browser: keyboard, themes, narrow screens."""

from uuid import uuid4

from approvals import approval, decision
from chromium import Desk, Visit
from playwright.sync_api import expect
from suiting import check_accessible, check_narrow, in_both_themes

from signoff_ops import reviews
from signoff_ops.audits import request_audit, run_next_audit


def test_the_search_works_by_keyboard(desk: Desk, visit: Visit) -> None:
    """`/` goes to the box, but not while somebody types there; Enter leads to the page."""
    event = approval(user_id="ann/1")
    desk.apply(event)
    page = visit("supervisor").open("/audit")
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Find an id")
    expect(box).to_be_focused()
    page.keyboard.type("ann/1")
    expect(box).to_have_value("ann/1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Customer ann/1")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(str(event.event_id))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Event {event.event_id}")).to_be_visible()


def test_the_key_is_off_where_the_keys_are_off(visit: Visit) -> None:
    """As the reviewer chose at the desk."""
    page = visit("supervisor").open("/audit")
    page.evaluate("localStorage.setItem('signoff.keys', JSON.stringify({on: false, keys: {}}))")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find an id")).not_to_be_focused()


def test_the_page_tells_when_the_audit_has_ended(desk: Desk, visit: Visit) -> None:
    """Without being loaded again; then it asks no more."""
    request_audit(desk.servers, "user:ann")
    page = visit("supervisor").open("/audit")
    expect(page.locator("#audit-open")).to_contain_text("An audit waits")
    run_next_audit(desk.servers)
    expect(page.locator("#audit-open")).to_have_count(0)
    expect(page.locator("#audit-account")).to_contain_text("add up to.")
    expect(page.locator("section section")).to_have_count(0)


def test_the_pages_in_all_their_states(desk: Desk, visit: Visit) -> None:
    """In both themes nothing that axe objects to, and nothing wider than 360 pixels."""
    interaction = uuid4()
    first = approval(
        interaction_id=interaction, user_id="ann", customer_status="CUSTOMER", ltv_amount="100"
    )
    late = approval(-5, interaction_id=interaction, user_id="ann", cta_data={"x" * 80: "y" * 300})
    void = decision(3, user_id="ann", rests_on=uuid4())
    dead = approval(4, interaction_id=interaction, user_id="ben")
    desk.apply(first)
    desk.apply(late, void, dead)
    review = desk.post("ann")
    reviews.claim(desk.servers, review, "rita")
    reviews.reject(desk.servers, review, "rita", "It promises a price that we never gave.")
    request_audit(desk.servers, "user:ann")
    run_next_audit(desk.servers)
    supervisor = visit("supervisor")
    supervisor.expected |= {"404"}
    for path in (
        f"/events/{late.event_id}",
        f"/events/{uuid4()}",
        f"/interactions/{review}",
        "/customers/ann",
        "/audit",
    ):
        page = supervisor.open(path)
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true; }")
        with supervisor.unheard():
            for theme in in_both_themes(page):
                check_accessible(page, theme, path)
            check_narrow(page, path)
            page.set_viewport_size({"width": 1280, "height": 900})
