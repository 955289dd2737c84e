"""The console's frame in a browser: figures that are live or said to be old; the switch."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from approvals import approval
from chromium import Desk, Visit
from desk import sql
from playwright.sync_api import Page, expect
from rq.suspension import is_suspended, resume, suspend
from suiting import check_accessible, check_narrow, in_both_themes

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""A tab that is put into the background, as the page sees it."""
NOTE_CHARTS = """
window.charts = [];
let made;
Object.defineProperty(window, "uPlot", {
    get: () => made,
    set: (original) => {
        made = function (...given) {
            const chart = new original(...given);
            window.charts.push(chart);
            return chart;
        };
    },
});
"""
"""The charts of a page, as their library knows them."""
QUEUE = "rq:queue:approvals"


@pytest.fixture
def client(desk: Desk) -> Iterator[redis.Redis]:
    """The queue's Redis."""
    with redis.Redis.from_url(desk.servers.settings.require("redis_url")) as client:
        yield client


def _live(page: Page) -> None:
    """Wait until figures came by the stream."""
    expect(page.locator("body")).to_have_attribute("data-live", "now")
    expect(page.locator("#series canvas")).to_have_count(2)


def _followers(page: Page) -> float:
    """How many streams are open."""
    lines = page.request.get("/metrics").text().splitlines()
    (line,) = (one for one in lines if one.startswith("signoff_http_followers "))
    return float(line.split()[1])


def test_figures_come_by_themselves_and_lists_stay_under_the_pointer(
    desk: Desk, visit: Visit, client: redis.Redis
) -> None:
    """A number changes where it is; a list of reasons waits until nobody points at it."""
    desk.apply(approval(user_id=None))
    page = visit("supervisor").open("/")
    _live(page)
    page.locator("#reasons li").first.hover()
    before = page.locator("#reasons").inner_text()
    client.rpush(QUEUE, "x", "y")
    client.sadd("rq:signoff:missing_jobs:approvals", str(uuid4()))
    expect(page.locator('[data-key="waiting"] dd')).to_have_text("2")
    assert page.locator("#reasons").inner_text() == before
    page.mouse.move(2, 2)
    expect(page.locator("#reasons")).to_contain_text("1 job id without a job")

    page.get_by_text("As a table").click()
    expect(page.locator("#series-table tbody tr").first).to_contain_text("2")


def test_the_charts_span_ten_minutes_from_the_beginning(visit: Visit) -> None:
    """Of a moment alone, all labels would name the same second."""
    visitor = visit("supervisor")
    visitor.context.add_init_script(NOTE_CHARTS)
    page = visitor.open("/")
    _live(page)
    for labels in page.evaluate("() => window.charts.map((one) => one.axes[0]._values)"):
        assert len(labels) > 2
        assert len({*labels}) == len(labels)
    for low, high in page.evaluate(
        "() => window.charts.map(({ scales: { x } }) => [x.min, x.max])"
    ):
        assert high - low == pytest.approx(600)


def test_a_link_keeps_the_focus_while_its_figure_changes(desk: Desk, visit: Visit) -> None:
    """Whoever goes through the page by keyboard is not thrown back."""
    desk.apply(approval(user_id=None))
    page = visit("supervisor").open("/")
    _live(page)
    link = page.locator('[data-key="dead"] a').first
    link.focus()
    desk.apply(approval(user_id=None), approval(user_id=None))
    expect(link).to_have_text("3")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ops/dead")


def test_a_hidden_tab_asks_for_nothing(visit: Visit, client: redis.Redis) -> None:
    """The stream is closed, and opened when the tab is seen again."""
    page = visit("supervisor").open("/")
    _live(page)
    assert _followers(page) == 1
    page.evaluate(HIDE, True)
    expect(page.locator("body")).to_have_attribute("data-live", "paused")
    page.wait_for_function("""async () =>
        (await (await fetch("/metrics")).text()).includes("signoff_http_followers 0")""")
    client.rpush(QUEUE, "x")
    page.evaluate(HIDE, False)
    expect(page.locator('[data-key="waiting"] dd')).to_have_text("1")


def test_figures_that_stop_coming_are_said_to_be_old(visit: Visit, client: redis.Redis) -> None:
    """With since when; they stay on the page, and are new again when the service is back."""
    supervisor = visit("supervisor")
    supervisor.expected |= {"503"}
    page = supervisor.page
    page.clock.install()
    page.route("**/ops/live", lambda route: route.fulfill(status=503))
    supervisor.open("/")
    expect(page.locator(".health-sentence")).to_contain_text("No worker listens")
    page.clock.run_for(20_000)
    stale = page.get_by_text("Stale since")
    expect(stale).to_be_visible()
    expect(page.locator(".health-sentence")).to_contain_text("No worker listens")
    page.unroute("**/ops/live")
    client.rpush(QUEUE, "x")
    page.clock.run_for(6_000)
    expect(stale).to_be_hidden()
    expect(page.locator('[data-key="waiting"] dd')).to_have_text("1")


def test_the_queue_is_paused_and_resumed_by_keyboard(visit: Visit, client: redis.Redis) -> None:
    """With a reason, which the banner shows on each page."""
    page = visit("supervisor").open("/ops/workers")
    page.get_by_label("Why do you pause it?").focus()
    page.keyboard.type("a bad release")
    page.keyboard.press("Enter")
    expect(page.locator("#paused")).to_contain_text("paused by user:supervisor since")
    assert is_suspended(client)
    page.get_by_role("link", name="Outbox", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#paused")).to_contain_text("a bad release")
    page.get_by_role("link", name="Resume").click()
    page.get_by_label("Why do you resume it?").fill("mended")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The queue was resumed")
    assert not is_suspended(client)


def test_an_open_page_of_workers_follows_them(visit: Visit, client: redis.Redis) -> None:
    """What another one does is seen, and the switch is the other one; a typed reason stays."""
    page = visit("supervisor").open("/ops/workers")
    expect(page.locator("#workers-lead")).to_contain_text("0 wait")
    client.rpush(QUEUE, "x", "y")
    suspend(client)
    expect(page.locator("#workers-lead")).to_contain_text("2 wait")
    expect(page.locator("#paused")).to_contain_text("somebody outside of Signoff")
    page.get_by_label("Why do you resume it?").fill("mended")
    page.get_by_label("Why do you resume it?").blur()
    resume(client)
    expect(page.locator("#paused")).to_have_count(0)
    expect(page.get_by_label("Why do you resume it?")).to_have_value("mended")


def test_one_box_chooses_all_refused_events_of_the_page(desk: Desk, visit: Visit) -> None:
    """The actions stand above the list, so they are near its first row by keyboard."""
    insert = "INSERT INTO public.signoff_outbox (event, refused) VALUES (%s, 'no score')"
    for _ in range(3):
        sql(desk.database_url, insert, json.dumps({"event_id": str(uuid4())}))
    page = visit("supervisor").open("/ops/outbox")
    everything = page.get_by_label("Choose all of this page")
    everything.check()
    boxes = page.locator('[name="event"]')
    expect(page.locator('[name="event"]:checked')).to_have_count(3)
    boxes.first.uncheck()
    expect(everything).not_to_be_checked()
    boxes.first.focus()
    for _ in range(6):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("Why?")).to_be_focused()


def test_the_frames_pages_in_both_themes(desk: Desk, visit: Visit, client: redis.Redis) -> None:
    """Nothing that axe objects to, and nothing wider than 360 pixels, whatever texts hold."""
    hostile = f"<script>alert(1)</script>\u202e{'x' * 150}"
    desk.apply(approval(user_id=None))
    event = json.dumps({"event_id": str(uuid4()), "user_id": hostile}, ensure_ascii=False)
    insert = "INSERT INTO public.signoff_outbox (event, refused) VALUES (%s, %s)"
    sql(desk.database_url, insert, event, hostile)
    client.sadd("rq:workers:approvals", f"rq:worker:{hostile}")
    client.hset(f"rq:worker:{hostile}", "hostname", hostile)
    client.set("rq:suspended", json.dumps({"signoff": "1", "by": hostile, "reason": hostile}))
    supervisor = visit("supervisor")
    for path in ("/", "/ops/workers", "/ops/outbox"):
        page = supervisor.open(path)
        if path == "/":
            _live(page)
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true; }")
        assert "\u202e" not in page.locator("body").inner_text()
        with supervisor.unheard():
            for theme in in_both_themes(page):
                check_accessible(page, theme, path)
            check_narrow(page, path)
            page.set_viewport_size({"width": 1280, "height": 900})
    client.delete("rq:suspended")
