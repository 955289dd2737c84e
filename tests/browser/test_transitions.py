"""The pages of transitions in a browser: for everybody, and the whole way of a proposal."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from approvals import approval
from chromium import Desk, Visitor, desk_of
from pages import HOSTILE
from playwright.sync_api import Browser, Page, expect
from rule_backtests import backtest, band
from suiting import THEMES, Theme, check_accessible, in_both_themes
from transitions import RULE, buyer, chosen, propose

from signoff_db.connection import connect
from signoff_insight.transitions.keeping import keep_backtests
from signoff_insight.transitions.rules import default_rules
from signoff_ops.transitions import approve, reject, set_switch, snooze, undo

WIDTHS: Final = (360, 1280)
COLOURFUL: Final = frozenset({"all", "rule"})
"""Pages with all badges, and with a chart."""
LEAD: Final = "exhaust-lead"
ATTACKER: Final = f"{HOSTILE} {'x' * 150}"
ON_THE_WAY: Final = tuple(f"customer-{n}" for n in range(6))
"""Customers whom the test of the whole way decides about."""
UNDONE: Final = "customer-undone"


@pytest.fixture(scope="module")
def served(redis_server: str, module_database_url: str) -> Iterator[Desk]:
    """Customers, and proposals in every state; for all tests of this module."""
    with desk_of(redis_server, module_database_url) as desk:
        _in_every_state(desk)
        _tested(desk)
        desk.apply(*(buyer(user, n / 60) for n, user in enumerate((*ON_THE_WAY, UNDONE))))
        propose(desk.database_url, *ON_THE_WAY)
        yield desk


def _in_every_state(desk: Desk) -> None:
    users = [
        f"lead-{state}"
        for state in ("void", "back", "taken", "applied", "no", "later", "new", "fresh")
    ]
    leads = [*users, ATTACKER]
    desk.apply(
        *(
            approval(n, user_id=user, customer_status="LEAD_QUALIFIED")
            for n, user in enumerate(leads)
        )
    )
    made = propose(desk.database_url, *leads, rule=LEAD, to_status="LEAD_EXHAUSTED")
    approve(desk.servers, chosen(*made[:4]), "user:ann", "as agreed in the team's meeting")
    desk.apply_outbox()
    undo(desk.servers, chosen(made[2]), "user:ann", "a mistake")
    reject(desk.servers, chosen(made[4]), "user:ann", "they wrote to us by letter")
    snooze(desk.servers, chosen(made[5]), "user:ann", datetime.now(UTC) + timedelta(days=30))
    now = datetime.now(UTC)
    desk.apply(
        approval(2000, user_id="lead-void", customer_status="PROSPECT"),
        buyer("lead-back", occurred_at=now),
        approval(3000, user_id="lead-new"),
    )


def _tested(desk: Desk) -> None:
    """Two backtests of a rule, of which the later did not pass."""
    rules = default_rules()
    good, off = band("1", 100, 0.08, 0.09), band("4-6", 40, 0.1, 0.3)
    failed = replace(backtest(good, off), why_not=("15.0 % of its picks turned out wrong",))
    with connect(desk.database_url) as connection:
        for found in (backtest(good), failed):
            keep_backtests(connection, rules, [replace(found, rule=LEAD)], "user:ann")


@pytest.fixture
def operator(browser: Browser, served: Desk) -> Iterator[Visitor]:
    """An operator with a browser; an error in its console is a failure."""
    visitor = Visitor.arrive(
        browser,
        served,
        "supervisor",
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
    )
    yield visitor
    visitor.context.close()
    assert visitor.errors == []


def suits_everybody(visitor: Visitor, pictures: Path | None, name: str, *themes: Theme) -> None:
    """Axe finds nothing in these themes; on a telephone nothing is cut off."""
    page = visitor.page
    with visitor.unheard():
        for theme in in_both_themes(page):
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
                if pictures:
                    path = pictures / f"transitions-{name}-{theme}-{width}.png"
                    page.screenshot(path=path, full_page=True)
            if theme in themes:
                check_accessible(page, theme, name)
    assert "\u202e" not in page.content()


@pytest.mark.parametrize(
    ("name", "path"),
    {
        "overview": "/transitions",
        "all": "/transitions/proposals?shown=all",
        "none": "/transitions/proposals?user_id=nobody",
        "wrong": "/transitions/proposals?shown=some&run=x&decided_since=now",
        "rule": f"/transitions/rules/{LEAD}",
        "customer": "/customers/lead-back",
    }.items(),
)
def test_a_page_suits_everybody(
    name: str, path: str, operator: Visitor, pictures: Path | None
) -> None:
    """The overview, lists of all states, a rule, and a customer with proposals."""
    operator.expected |= {"422"}
    operator.open(path)
    suits_everybody(operator, pictures, name, *THEMES[: 1 + (name in COLOURFUL)])


def test_a_proposal_from_the_list_to_its_undo(operator: Visitor, pictures: Path | None) -> None:
    """What was previewed is approved, but for a customer who changed meanwhile; one is undone."""
    page, desk = operator.open("/transitions"), operator.desk
    page.get_by_role("link", name="6 waiting").click()
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_label(f"all of {RULE} that wait by now").check()
    suits_everybody(operator, pictures, "waiting", "light")

    page.get_by_role("button", name="Preview approval…").press("Enter")
    expect(page.locator("h1")).to_have_text("Approve 6 proposals?")
    expect(page.locator(".tr-moves tbody tr")).to_have_text(re.compile("CUSTOMER.*CHURNED.*6"))
    expect(page.get_by_text("300.00 USD; it stays as it is")).to_be_visible()
    expect(page.get_by_text("0.5 of them, and to spend 18.60 USD")).to_be_visible()
    suits_everybody(operator, pictures, "preview", "light")

    desk.apply(approval(600, user_id=ON_THE_WAY[0]))
    page.get_by_label("A note").fill("quarterly clean-up")
    page.get_by_role("button", name="Approve 6").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Approved: 5.")
    expect(page.get_by_role("status").first).to_contain_text(
        "1 left out, outdated now: there is a newer event"
    )
    expect(page.get_by_text("approved, not applied yet")).to_have_count(5)
    suits_everybody(operator, pictures, "approved", "light")

    desk.apply_outbox()
    # The page asks by itself.
    expect(page.get_by_text("applied", exact=True)).to_have_count(5)
    expect(page.get_by_text("outdated", exact=True)).to_have_count(1)


def test_an_approval_is_undone(operator: Visitor, pictures: Path | None) -> None:
    """The customer has the former status again, and the customer's page leads to the proposal."""
    desk = operator.desk
    (made,) = propose(desk.database_url, UNDONE)
    approve(desk.servers, chosen(made), "user:ann", None)
    desk.apply_outbox()
    page = operator.open(f"/transitions/proposals?shown=approved&user_id={UNDONE}")
    page.locator("tbody .tr-why a").click()
    suits_everybody(operator, pictures, "proposal", "light")
    page.get_by_role("button", name="Undo…").press("Enter")
    suits_everybody(operator, pictures, "ask-undo")
    page.get_by_label("Why?").fill("the wrong Smith")
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Undone: 1.")
    desk.apply_outbox()
    page.goto(f"/customers/{UNDONE}")
    expect(page.locator(".line-state")).to_contain_text("CUSTOMER, 50.00 USD.")
    page.get_by_role("region", name="Proposals").get_by_role("link", name="Silent").click()
    expect(page.locator(".heading .badge")).to_have_text("undone")


def test_reject_and_snooze(operator: Visitor, pictures: Path | None) -> None:
    """A rejection wants a reason; what is put off is not among those that wait."""
    page = operator.open(f"/transitions/proposals?rule={LEAD}")
    _tick(page, "lead-fresh")
    page.get_by_role("button", name="Snooze…").press("Enter")
    suits_everybody(operator, pictures, "ask-snooze")
    page.get_by_label("For how long").select_option("90 days")
    page.get_by_role("button", name="Snooze").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Snoozed: 1.")
    page.get_by_role("button", name="Let it wait again").press("Enter")
    page.get_by_role("button", name="Reject…").press("Enter")
    page.get_by_label("Why?").fill("they called")
    suits_everybody(operator, pictures, "ask-reject", "light")
    page.get_by_role("button", name="Reject").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Rejected: 1.")


def test_nothing_is_approved_while_transitions_are_stopped(
    operator: Visitor, pictures: Path | None
) -> None:
    """Everybody sees who stopped them and why."""
    operator.expected |= {"409"}
    page = operator.open("/transitions")
    page.get_by_label("Why do you stop them?").fill("the import is not complete")
    page.get_by_role("button", name="Stop transitions").press("Enter")
    try:
        expect(page.locator("#stopped")).to_contain_text("user:supervisor")
        suits_everybody(operator, pictures, "stopped", "dark")
        operator.open("/transitions/proposals")
        page.get_by_label("all on this page").check()
        page.get_by_role("button", name="Preview approval…").press("Enter")
        expect(page.locator("h1")).to_have_text("Nothing was done")
        expect(page.get_by_text("the import is not complete")).to_be_visible()
        suits_everybody(operator, pictures, "refused")
    finally:
        set_switch(operator.desk.servers, "user:ann", None, is_on=True)


def test_whoever_may_only_read_sees_no_buttons(browser: Browser, served: Desk) -> None:
    """The pages say which role decides."""
    viewer = Visitor.arrive(browser, served, "vera")
    page = viewer.open("/transitions/proposals?shown=all")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    viewer.open("/transitions")
    expect(page.get_by_text("needs the role operator")).to_be_visible()
    viewer.context.close()
    assert viewer.errors == []


def _tick(page: Page, user: str) -> None:
    page.get_by_label(f"{user}, {LEAD}").check()
