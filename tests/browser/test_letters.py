"""Causes and dead letters in a browser: themes, narrow screens, keyboard, hostile payloads."""

from pathlib import Path
from uuid import uuid4

from approvals import approval, mapping
from chromium import Desk, Visit
from letters import bury as bury_events
from operations import DRY, run_all
from playwright.sync_api import expect
from pydantic_core import to_json
from suiting import check_accessible, check_narrow, in_both_themes

from signoff_db.apply import apply
from signoff_db.connection import connect_for_batches
from signoff_db.delivery import Delivery
from signoff_ops.causes import groups
from signoff_ops.operations import OperationAction, start_operation
from signoff_ops.values import Selection

HOSTILE = (
    b"<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
    b"\xff\xfe \x1b[2J"
    + "\N{RIGHT-TO-LEFT OVERRIDE}".encode()
    + b"'\" onfocus=alert(1) "
    + b"A" * 9000
)


def bury(desk: Desk, payload: bytes, job_id: str | None = None) -> int:
    """A dead letter of a payload that is no valid event; returns its id."""
    with connect_for_batches(desk.database_url, application="test") as connection:
        apply(connection, [Delivery.of_payload(job_id or str(uuid4()), payload)])
        row = connection.execute("SELECT max(id) FROM dead_letters").fetchone()
    assert row
    return int(row[0])


def test_the_pages_in_all_their_states(desk: Desk, visit: Visit) -> None:
    """In both themes: axe objects to nothing, nothing is too wide, and no payload runs."""
    desk.apply(*(approval(n, user_id=None) for n in range(12)))
    invalid = bury(desk, to_json(mapping(quality_score=9, surprise="x" * 200)))
    hostile = bury(desk, HOSTILE, job_id="<b>" + "j" * 300)
    (biggest, *_) = groups(desk.servers, Selection()).groups
    supervisor = visit("supervisor")
    supervisor.expected |= {"404", "422"}
    for path in (
        "/ops/causes",
        "/ops/causes?kind=abandoned",
        f"/ops/causes/{biggest.fingerprint}",
        "/ops/causes/none",
        "/ops/dead",
        "/ops/dead?state=resolved&since=tomorrow",
        f"/ops/dead/{hostile}",
        f"/ops/dead/{hostile}/edit",
        f"/ops/dead/{invalid}/edit",
    ):
        page = supervisor.open(path)
        if path.endswith(f"{invalid}/edit"):
            page.get_by_role("button", name="Check").click()
            expect(page.get_by_text("The event breaks the contract")).to_be_visible()
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true; }")
        with supervisor.unheard():
            for theme in in_both_themes(page):
                check_accessible(page, theme, path)
            check_narrow(page, path)
            page.set_viewport_size({"width": 1280, "height": 900})
        assert page.title() != "owned", path


def test_from_the_cause_to_the_mended_letter_by_keyboard(desk: Desk, visit: Visit) -> None:
    """Find it, see what is wrong, edit, check, apply; the history says who and why."""
    letter_id = bury(desk, to_json(mapping(user_id="ann", quality_score=9, ltv_amount="5")))
    supervisor = visit("supervisor")
    supervisor.expected |= {"422"}
    page = supervisor.open("/ops/causes")
    page.get_by_role("link", name="A field breaks the contract").press("Enter")
    page.get_by_role("link", name=f"letter {letter_id}").first.press("Enter")
    page.get_by_role("button", name="Edit…").press("Enter")
    event = page.locator("#event")
    text = event.input_value()
    event.fill(text.replace('"quality_score": 9', '"quality_score": 4'))
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.get_by_text("not in Postgres → PROSPECT 5.00")).to_be_visible()
    page.get_by_label("Why?").fill("a typing mistake")
    page.get_by_role("button", name="Apply").press("Enter")
    expect(page.get_by_text("edit by user:supervisor")).to_be_visible()
    expect(page.get_by_text("a typing mistake").first).to_be_visible()
    expect(page.get_by_text("not in Postgres → PROSPECT 5.00 USD")).to_be_visible()


def test_the_list_says_what_came_and_does_not_move(desk: Desk, visit: Visit) -> None:
    """The number of new letters stands beside the list; a click shows them."""
    bury(desk, b"first")
    page = visit("supervisor").open("/ops/dead")
    page.clock.install()
    page.reload()
    bury(desk, b"second")
    page.clock.run_for(11_000)
    expect(page.get_by_text("1 new: show it")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="1 new: show it").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_dry_run_is_followed_to_its_replay_by_keyboard(
    desk: Desk, visit: Visit, pictures: Path | None
) -> None:
    """Its page shows the end by itself, in both themes and at 360 px; Enter starts the replay."""
    newer = approval(9, user_id="ann", customer_status="LEAD_QUALIFIED", ltv_amount="1250")
    desk.apply(newer)
    with connect_for_batches(desk.database_url, application="test") as connection:
        bury_events(
            connection,
            approval(1, interaction_id=newer.interaction_id, user_id="ann"),
            *(approval(n, user_id="bob", ltv_amount="700") for n in range(10)),
            *(approval(n, user_id=None) for n in range(2)),
        )
    operation = start_operation(desk.servers, Selection(), DRY, OperationAction.REPLAY)
    supervisor = visit("supervisor")
    page = supervisor.open(f"/ops/replays/{operation.id}")
    expect(page.get_by_text("it has not begun")).to_be_visible()
    run_all(desk.database_url)
    expect(page.locator("#replay")).to_have_attribute("data-ended", "yes")
    expect(page.get_by_text("11 would apply, 1 of them late, 2 would stay")).to_be_visible()
    with supervisor.unheard():
        page.reload()
        for theme in in_both_themes(page):
            for width in (1280, 360):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                check_accessible(page, theme)
                if pictures:
                    page.screenshot(path=pictures / f"replay-{theme}-{width}.png", full_page=True)
    page.get_by_label("Why?").press_sequentially("try one")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Replay the oldest 1", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"Operation {operation.id + 1}: replay of 1 letter"
    )
