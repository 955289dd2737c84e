"""The review desk in the browser: what reviewers rely on, each of it with a real browser."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from approvals import approval
from chromium import Desk, Visit, desk_of
from desk import end_leases, in_outbox, sql
from playwright.sync_api import APIResponse, Page, Route, expect
from processes import DEADLINE
from psycopg_pool import ConnectionPool

from signoff_db.connection import pool_of
from signoff_embedded.ports import free_port
from signoff_ops import reviews
from signoff_schemas.taxonomy import EDIT_TAGS

REFRESH = "document.body.dispatchEvent(new Event('desk:changed'))"
"""What the desk does each few seconds, now."""
NEXT = re.compile(r"/desk/next\b")
"""Where the desk gets the next review before it is shown."""

PEOPLE = (("anna-42", 1), ("ben-7", 0.5), ("cleo-1", 0))
"""Customers with the priorities of their drafts."""


def holder(desk: Desk, interaction_id: UUID) -> str | None:
    """Who holds a review."""
    review = reviews.review(desk.servers, interaction_id)
    assert review is not None
    return review.claimed_by


# A page is told its routes before it is opened: of a page that is open the browser lets requests
# pass for a while, until it intercepts them.


def keep(held: list[Route]) -> Callable[[Route], None]:
    """Holds requests back."""

    def holding(route: Route) -> None:
        held.append(route)

    return holding


def give(late: list[tuple[Route, APIResponse]]) -> None:
    """Let the page have an answer that was held back."""
    route, answer = late.pop()
    route.fulfill(response=answer)


def eventually_held_by(page: Page, desk: Desk, interaction_id: UUID, name: str | None) -> None:
    """Wait until a review is held by somebody, or by nobody."""
    eventually(page, lambda: holder(desk, interaction_id) == name)


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until something holds, while the page goes on."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < DEADLINE
        page.wait_for_timeout(25)


def pass_time(desk: Desk) -> None:
    """Let the time pass in which decisions can be undone: they are as if made a minute ago."""
    for change in (
        "ALTER TABLE signoff.review_decisions DISABLE TRIGGER USER",
        "UPDATE signoff.review_decisions SET final_at = now() - interval '1 second'",
        "ALTER TABLE signoff.review_decisions ENABLE TRIGGER USER",
        "UPDATE signoff.reviews SET undo_until = now() WHERE undo_until IS NOT NULL",
        "UPDATE public.signoff_outbox SET due_at = now() - interval '1 second'",
    ):
        sql(desk.database_url, change)


class Away:
    """Postgres can be taken away: no new connections, and those that are open break."""

    def __init__(self, database_url: str) -> None:
        self._name = urlsplit(database_url).path.lstrip("/")
        self._administrator = urlsplit(database_url)._replace(path="/postgres").geturl()

    def begin(self) -> None:
        """Take it away."""
        sql(self._administrator, f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        sql(
            self._administrator,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            self._name,
        )

    def end(self) -> None:
        """Bring it back."""
        sql(self._administrator, f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")


# One reviewer an item


def test_one_reviewer_has_it_and_the_other_sees_who(desk: Desk, visit: Visit) -> None:
    """The second reviewer reads it, and gets it by itself when the first one leaves."""
    interaction = desk.post("anna-42")
    ann, ben = visit("ann"), visit("ben")
    ann.open(interaction)
    page = ben.open(interaction)
    expect(page.locator("[data-banner]")).to_contain_text("ann has this review, opened")
    expect(page.locator("form.approve")).to_have_count(0)
    expect(page.locator("#queue .row")).to_contain_text("ann has it")

    ann.page.goto("about:blank")
    eventually(page, lambda: holder(desk, interaction) != "ann")  # ben's page may be quick
    page.evaluate(REFRESH)
    expect(page.locator("form.approve")).to_be_visible()
    assert holder(desk, interaction) == "ben"


def test_a_closed_laptop_gives_the_review_back(desk: Desk, visit: Visit) -> None:
    """After the lease another reviewer has it; the first one is told, and loses no text."""
    interaction = desk.post("anna-42")
    ann, ben = visit("ann"), visit("ben")
    ann.expected.add("409")
    with ann.page.expect_response(NEXT):  # it takes a review whose lease has ended
        page = ann.open(interaction)
    page.locator(".bubble").fill("I was about to say")
    end_leases(desk.database_url)
    ben.open(interaction)

    page.evaluate("window.dispatchEvent(new Event('online'))")  # the laptop is open again
    banner = page.locator("[data-banner]")
    expect(banner).to_contain_text("You do not have this review any more: ben holds")
    expect(page.locator(".bubble")).to_have_value("I was about to say")
    page.keyboard.press("Control+Enter")
    assert in_outbox(desk.database_url) == []


# Nobody's typing is lost


def test_typing_is_kept_on_the_server(desk: Desk, visit: Visit) -> None:
    """Another browser of the same reviewer has all fields again, after the first one crashed."""
    interaction = desk.post("anna-42", draft_bubbles=["one", "two"])
    ann = visit("ann")
    page = ann.open(interaction)
    page.locator(".bubble").first.fill("edited 🙂")
    page.get_by_role("button", name="Add a message").click()
    page.keyboard.type("three")
    page.get_by_role("button", name="Move message up").nth(2).click()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.get_by_label("CHURNED", exact=True).check()
    page.get_by_label("TONE_CASUAL", exact=True).check()
    page.locator('[name="ltv_amount"]').fill("12.")
    page.locator("summary", has_text="Notes").click()
    page.locator('[name="cta_data"]').fill('{"half')
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    page.close(run_before_unload=False)

    again = visit("ann").open(interaction)
    values = [bubble.input_value() for bubble in again.locator(".bubble").all()]
    assert values == ["edited 🙂", "three", "two"]
    expect(again.locator('[name="quality_score"]:checked')).to_have_value("3")
    expect(again.locator('[name="customer_status"]:checked')).to_have_value("CHURNED")
    expect(again.locator('[name="edit_tags"]:checked')).to_have_value("TONE_CASUAL")
    expect(again.locator('[name="ltv_amount"]')).to_have_value("12.")
    expect(again.locator('[name="cta_data"]')).to_have_value('{"half')


def test_a_crash_while_the_server_is_away_loses_nothing(desk: Desk, visit: Visit) -> None:
    """What the server never got is kept in the browser, and is back when it is opened again."""
    interaction = desk.post("anna-42")
    ann = visit("ann")
    ann.context.route("**/draft", lambda route: route.abort())
    page = ann.open(interaction)
    page.locator(".bubble").fill("typed in a tunnel")
    expect(page.locator("[data-saved]")).to_contain_text("Kept in this browser")
    page.close()
    ann.context.unroute("**/draft")
    ann.errors.clear()  # the console names each request that failed

    reopened = ann.context.new_page()
    ann.watch(reopened)
    reopened.goto(f"/desk/{interaction}")
    expect(reopened.locator(".bubble")).to_have_value("typed in a tunnel")
    expect(reopened.locator("[data-saved]")).to_have_text("Saved")
    claimed = reviews.claim(desk.servers, interaction, "ann")
    assert claimed is not None
    assert claimed.draft is not None
    assert claimed.draft["final_bubbles"] == ["typed in a tunnel"]


def test_a_long_draft_is_kept_too(desk: Desk, visit: Visit) -> None:
    """Twenty messages as long as an upstream may send them, with signs that take many bytes."""
    interaction = desk.post(draft_bubbles=["x" * 4000] * 19 + ["ü" * 4000])
    page = visit("ann").open(interaction)
    page.locator(".bubble").last.fill("é" * 3000)
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    claimed = reviews.claim(desk.servers, interaction, "ann")
    assert claimed is not None
    assert claimed.draft is not None
    assert claimed.draft["final_bubbles"][19] == "é" * 3000


# One approval


def test_a_double_click_is_one_approval(desk: Desk, visit: Visit) -> None:
    """The second click does nothing, neither here nor to the next review."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    page = ann.open()
    ann.is_at(first)
    page.keyboard.press("5")
    page.locator('[data-act="approve"]').dblclick()
    ann.is_at(second)
    assert len(in_outbox(desk.database_url)) == 1


def test_two_tabs_are_one_approval(desk: Desk, visit: Visit) -> None:
    """The second tab gets the same answer; another content is refused, and says why."""
    interaction = desk.post("anna-42")
    ann = visit("ann")
    ann.expected.add("409")
    tabs = [ann.context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(f"/desk/{interaction}")
        expect(tab.locator("#keys-button")).to_be_visible()
    for tab, score in zip(tabs, "445", strict=True):
        tab.get_by_label(score, exact=True).check()
    for tab in tabs[:2]:
        tab.locator('[data-act="approve"]').click()
        expect(tab.locator("#notices")).to_contain_text("Approved for anna-42")
    tabs[2].locator('[data-act="approve"]').click()
    expect(tabs[2].locator("[data-banner]")).to_contain_text("was approved by ann")
    expect(tabs[2].locator("[data-banner]")).to_contain_text("Go on with another reply")
    assert len(in_outbox(desk.database_url)) == 1


def test_a_retry_after_a_lost_answer_is_one_approval(desk: Desk, visit: Visit) -> None:
    """The desk says that it does not know; pressing again is safe."""
    interaction = desk.post("anna-42")
    ann = visit("ann")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    ann.page.route("**/approve", lose_the_answer)
    page = ann.open(interaction)
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-banner]")).to_contain_text("press again, it is decided once")
    assert len(in_outbox(desk.database_url)) == 1
    page.unroute("**/approve")
    ann.errors.clear()
    page.keyboard.press("Control+Enter")
    ann.hears("Approved for anna-42")
    assert len(in_outbox(desk.database_url)) == 1


# Servers that are away


def test_an_approval_while_redis_is_away_is_in_the_outbox(database_url: str, visit: Visit) -> None:
    """It is accepted, and the screen says where it waits."""
    with desk_of(f"redis://127.0.0.1:{free_port()}", database_url) as desk:
        interaction = desk.post("anna-42")
        ann = visit("ann", at=desk)
        page = ann.open(interaction)
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        ann.hears("it waits in the outbox and goes out by itself")
        expect(page.locator("#queue-outage")).to_contain_text("wait in the outbox")
        assert len(in_outbox(database_url)) == 1
        ann.context.close()  # before its server ends


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[ConnectionPool[Any]]:
    """The pools of connections to Postgres that services make."""
    made: list[ConnectionPool[Any]] = []

    def noting(*args: Any, **options: Any) -> ConnectionPool[Any]:
        made.append(pool_of(*args, **options))
        return made[-1]

    monkeypatch.setattr("signoff_ops.servers.pool_of", noting)
    return made


@pytest.fixture
def postgres_away(desk: Desk) -> Iterator[Away]:
    """Takes Postgres away from the service, and brings it back."""
    away = Away(desk.database_url)
    yield away
    away.end()


def test_while_postgres_is_away_nothing_is_guessed(
    pools: list[ConnectionPool[Any]], desk: Desk, visit: Visit, postgres_away: Away
) -> None:
    """The desk says so and keeps what was typed; it shows no empty queue, no status and no LTV."""
    interaction = desk.post("anna-42")
    desk.post("ben-7")
    ann, ben = visit("ann"), visit("ben")
    ann.expected.add("503")
    ben.expected.add("503")
    page = ann.open(interaction)
    page.keyboard.press("4")
    page.locator(".bubble").fill("typed before")
    postgres_away.begin()
    for pool in pools:  # a request waits for less time than usual
        pool.timeout = 0.5

    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-banner]")).to_contain_text("Nothing is confirmed")
    expect(page.locator(".bubble")).to_have_value("typed before")
    page.evaluate(REFRESH)
    expect(page.locator("#outage")).to_contain_text("The lists are older than")
    expect(page.locator("#queue .row")).to_have_count(2)
    page.locator('[name="ltv_amount"]').fill("50")
    expect(page.locator(".effect")).to_contain_text("is not known now")
    ben.page.goto("/desk")
    expect(ben.page.locator("h1")).to_have_text("The database cannot be reached")
    expect(ben.page.get_by_text("Nothing waits")).to_have_count(0)
    expect(ben.page.get_by_text("PROSPECT")).to_have_count(0)

    postgres_away.end()
    page.locator('[name="ltv_amount"]').fill("")

    def approved() -> bool:
        """Whether the service has noticed that Postgres is back."""
        expect(page.locator(f'#open [data-review="{interaction}"]')).to_have_attribute(
            "aria-busy", "false"
        )
        with page.expect_response("**/approve") as answer:
            page.keyboard.press("Control+Enter")
        return bool(answer.value.ok)

    eventually(page, approved)
    expect(page.locator("#notices")).to_contain_text("Approved for anna-42")
    assert len(in_outbox(desk.database_url)) == 1


def test_a_next_review_that_cannot_be_fetched_is_no_empty_queue(desk: Desk, visit: Visit) -> None:
    """The desk says that it does not know, and tries again when it is told to."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    ann.expected.add("503")
    ann.page.route(NEXT, lambda route: route.fulfill(status=503, body="{}"))
    page = ann.open(first)
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#open > .blank h1")).to_have_text("The next review is not known")
    page.unroute(NEXT)
    # It also tries by itself, with the next look at the queue, and may have done so already.
    page.evaluate("document.querySelector('#open > .blank button')?.click()")
    ann.is_at(second)


# The answer to a slow request never lands on another item


def test_a_slow_review_does_not_replace_the_one_selected_meanwhile(
    desk: Desk, visit: Visit
) -> None:
    """The late answer is thrown away, and the review given back."""
    opened, other, slow, _ = (desk.post(f"user-{n}", priority=(9 - n) / 10) for n in range(4))
    ann = visit("ann")
    ann.expected.add("503")  # none is fetched ahead: it could be the slow one
    ann.page.route(NEXT, lambda route: route.fulfill(status=503, body="{}"))
    page = ann.open(opened)
    held: list[Route] = []
    page.route(f"**/desk/{slow}", keep(held))
    rows = page.locator("#queue a")
    rows.nth(2).click()
    rows.nth(1).click()
    ann.is_at(other)
    eventually(page, lambda: len(held) == 1)
    held[0].continue_()
    eventually_held_by(page, desk, slow, None)
    ann.is_at(other)
    assert page.url.endswith(str(other))


def test_slow_answers_about_a_review_that_was_left_change_no_other(
    desk: Desk, visit: Visit
) -> None:
    """Neither the preview of its LTV nor the answer to its approval touch the open review."""
    left, other = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    held: list[Route] = []
    ann.page.route(re.compile(f"{left}/(preview|approve)"), keep(held))
    page = ann.open(left)
    page.keyboard.press("5")
    page.locator('[name="ltv_amount"]').fill("77")
    eventually(page, lambda: len(held) == 1)
    page.keyboard.press("Control+Enter")
    eventually(page, lambda: len(held) == 2)
    page.locator(f'#queue [data-review="{other}"]').click()
    ann.is_at(other)
    page.locator(".bubble").fill("for Ben")
    for route in held:
        route.continue_()
    ann.hears("Approved for anna-42")
    ann.is_at(other)
    expect(page.locator(".bubble")).to_have_value("for Ben")
    expect(page.locator('[name="quality_score"]:checked')).to_have_count(0)
    expect(page.locator(".effect")).not_to_contain_text("77")


# Errors, success, verdicts


def test_what_is_wrong_is_named_at_its_field(desk: Desk, visit: Visit) -> None:
    """Each field says what is allowed, everything stays filled, and focus is on the first one."""
    interaction = desk.post("anna-42", draft_bubbles=["fine", "x" * 501])
    ann = visit("ann")
    ann.expected.add("422")
    page = ann.open(interaction)
    page.locator('[name="ltv_amount"]').fill("12.345")
    expect(page.locator(".effect")).to_contain_text("The LTV amount must")
    page.locator("summary", has_text="Notes").click()
    page.locator('[name="cta_data"]').fill("no JSON")
    page.locator('[name="reviewer_notes"]').fill("kept")
    page.locator('[data-act="approve"]').click()

    expect(page.locator('[data-error="quality_score"]')).to_contain_text("choose 1 to 5")
    expect(page.locator('[data-error="ltv_amount"]')).to_contain_text("2 decimal places")
    expect(page.locator('[data-error="cta_data"]')).to_contain_text("must be a JSON object")
    expect(page.locator(".reply .error").nth(1)).to_contain_text("500 characters")
    expect(page.locator(".reply .error").nth(0)).to_be_hidden()
    expect(page.locator(".bubble").nth(1)).to_be_focused()
    expect(page.locator('[name="ltv_amount"]')).to_have_value("12.345")
    expect(page.locator('[name="reviewer_notes"]')).to_have_value("kept")
    assert in_outbox(desk.database_url) == []


def test_success_says_the_total_and_goes_on(desk: Desk, visit: Visit) -> None:
    """The arithmetic is shown before and after; then the next form is clear and has the focus."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    desk.apply(
        approval(
            user_id="anna-42",
            interaction_id=first,
            customer_status="CUSTOMER",
            ltv_amount="150.00",
        )
    )
    ann = visit("ann")
    page = ann.open()
    total = "CUSTOMER, 150.00 + 50.00 = 200.00 USD"
    page.keyboard.press("5")
    page.locator('[name="ltv_amount"]').fill("50")
    expect(page.locator(".effect")).to_contain_text(total)
    page.keyboard.press("Control+Enter")

    ann.hears(f"Approved for anna-42: {total}")
    ann.is_at(second)
    expect(ann.item).to_be_focused()
    expect(page.locator('[name="ltv_amount"]')).to_have_value("")
    expect(page.locator('[name="quality_score"]:checked')).to_have_count(0)
    expect(page.locator('[name="customer_status"]:checked')).to_have_value("")
    assert desk.apply_outbox() == ["applied"]
    pass_time(desk)
    page.evaluate(REFRESH)
    expect(page.locator("#decisions")).to_contain_text(f"Applied: {total}")


def test_a_late_verdict_and_a_dead_letter_reach_the_reviewer(desk: Desk, visit: Visit) -> None:
    """They are told once, and stay in the list of decisions."""
    late, dead = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    page = ann.open()
    for status in ("LEAD_QUALIFIED", "CUSTOMER"):
        page.keyboard.press("4")
        page.get_by_label(status, exact=True).check()
        page.keyboard.press("Control+Enter")
        ann.hears(f": {status}")
    newer = datetime.now(UTC) + timedelta(minutes=2)
    desk.apply(
        approval(
            occurred_at=newer,
            user_id="anna-42",
            interaction_id=late,
            customer_status="CHURNED",
        ),
        approval(user_id="somebody-else", interaction_id=dead),
    )
    desk.apply_outbox()
    pass_time(desk)
    page.evaluate(REFRESH)
    ann.hears("Late: applied, but a newer event holds the status")
    ann.hears("Not applied, dead letter")
    expect(page.locator("#decisions .bad")).to_have_count(2)
    page.reload()
    expect(page.locator("#decisions .bad")).to_have_count(2)
    assert (
        page.locator("#notices .notice").count() == 0
    )  # that it was approved is not true any more


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}&amp;"
BIDI = "a\u202eb\u2066c \u0645\u0631\u062d\u0628\u0627 \U0001f469\u200d\U0001f469\u200d\U0001f467"


def test_hostile_texts_are_texts(desk: Desk, visit: Visit) -> None:
    """Markup, bidirectional marks, emoji, right-to-left and 4,000 characters, in every text."""
    text = HOSTILE + BIDI
    interaction = desk.post(
        f"user {text}"[:200],
        customer_message=f"{text} " + "long " * 700,
        draft_bubbles=[text, "w" * 4000],
        context={text[:100]: text, "nested": [text]},
    )
    other = desk.post(f"user {text}"[:200])
    desk.apply(
        approval(
            user_id=f"user {text}"[:200],
            interaction_id=other,
            final_bubbles=[text],
            reviewer_id=text[:200],
            customer_status="CUSTOMER",
            cta_data={text[:100]: text},
        )
    )
    ann, ben = visit("ann"), visit("ben")
    page = ann.open(interaction)
    expect(page.locator(".work .said")).to_contain_text(text)
    expect(page.locator(".bubble").first).to_have_value(text)
    expect(page.locator(".context")).to_contain_text(text)
    expect(page.locator(".count").nth(1)).to_have_text("4000 of 500 characters")
    assert page.locator("#open script, #open img, #queue script, #queue img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    page.keyboard.press("r")
    page.keyboard.type("<b>no</b>")
    page.get_by_role("button", name="Reject and next").click()
    ann.hears("Rejected for user <script>")
    pass_time(desk)
    page.evaluate(REFRESH)
    expect(page.locator("#decisions")).to_contain_text("<b>no</b>")
    ben.open(interaction)


def test_the_tags_are_those_of_the_contract(desk: Desk, visit: Visit) -> None:
    """The screen offers what the contract takes; typing finds one."""
    desk.post()
    page = visit("ann").open()
    offered = page.locator('[name="edit_tags"]').evaluate_all("all => all.map(one => one.value)")
    assert tuple(offered) == EDIT_TAGS
    page.keyboard.press("t")
    for sought in ("emoji a", "casual"):
        page.keyboard.type(sought)
        page.keyboard.press("Enter")
    chosen = page.locator('[name="edit_tags"]:checked').evaluate_all("all => all.map(o => o.value)")
    assert chosen == ["CONTENT_EMOJI_ADD", "TONE_CASUAL"]
    page.keyboard.type("no such tag")
    expect(page.locator(".tags label:visible")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".tags label:visible")).to_have_count(len(EDIT_TAGS))


# Undo, reject, skip, speed


def test_undo_brings_the_review_back_as_it_was(desk: Desk, visit: Visit) -> None:
    """Within the time the approval is taken back; the review that was open comes next, unharmed."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    page = ann.open()
    page.locator(".bubble").fill("Edited")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    page.locator(".bubble").fill("half a sentence")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    ann.is_at(first)
    expect(page.locator(".bubble")).to_have_value("Edited")
    expect(page.locator('[name="quality_score"]:checked')).to_have_value("2")
    assert (
        page.locator("#notices .notice").count() == 0
    )  # that it was approved is not true any more
    assert in_outbox(desk.database_url) == []

    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    expect(page.locator(".bubble")).to_have_value("half a sentence")


def test_what_was_open_comes_next_after_an_undo_while_another_review_was_on_its_way(
    desk: Desk, visit: Visit
) -> None:
    """That one is given back: this tab shows it to nobody."""
    first, second, third = (desk.post(name, priority=p) for name, p in PEOPLE)
    ann = visit("ann")
    late: list[tuple[Route, APIResponse]] = []
    ann.page.route(NEXT, lambda route: late.append((route, route.fetch())))
    page = ann.open()
    eventually(page, lambda: len(late) == 1)
    give(late)
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    page.locator(".bubble").fill("half a sentence")
    page.keyboard.press("Escape")
    eventually(page, lambda: len(late) == 1)
    page.keyboard.press("u")
    ann.is_at(first)
    give(late)
    eventually_held_by(page, desk, third, None)

    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    expect(page.locator(".bubble")).to_have_value("half a sentence")
    eventually(page, lambda: len(late) == 1)
    give(late)
    eventually_held_by(page, desk, third, "ann")


def test_an_undo_that_comes_too_late_says_so(desk: Desk, visit: Visit) -> None:
    """The decision is final, and nothing changes."""
    desk.post("anna-42")
    ann = visit("ann")
    ann.expected.add("409")
    page = ann.open()
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    ann.hears("Approved for anna-42")
    pass_time(desk)
    page.keyboard.press("u")
    ann.hears("Not undone")
    assert len(in_outbox(desk.database_url)) == 1


def test_reject_wants_a_reason_and_skip_wants_none(desk: Desk, visit: Visit) -> None:
    """An empty reason is refused at the field; a skipped review is not offered for a while."""
    skipped, rejected = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    ann.expected.add("422")
    page = ann.open()
    ann.is_at(skipped)
    page.keyboard.press("x")
    ann.is_at(rejected)
    page.keyboard.press("r")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Reject and next").click()
    expect(page.locator('[data-error="reason"]')).to_contain_text("1 to 500 characters")
    expect(page.locator('[name="reason"]')).to_be_focused()
    page.keyboard.type("Too pushy")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing for you now")).to_be_visible()
    review = reviews.review(desk.servers, rejected)
    assert review is not None
    assert (review.state, review.reject_reason) == ("rejected", "Too pushy")


def test_whoever_is_signed_out_is_told_that_the_lists_are_old(desk: Desk, visit: Visit) -> None:
    """The lists stay, and say that they are not those of now."""
    desk.post("anna-42")
    ann = visit("ann")
    ann.expected.add("401")
    page = ann.open()
    ann.context.clear_cookies()
    with page.expect_response("**/desk/decisions") as answer:
        page.evaluate("document.body.dispatchEvent(new Event('desk:changed'))")
    assert answer.value.status == 401
    expect(page.locator("#outage")).to_contain_text("You are signed out")
    expect(page.locator("#outage")).to_be_visible()
    expect(page.locator("#queue")).to_contain_text("anna-42")


def test_the_open_review_is_not_the_next_one_too(desk: Desk, visit: Visit) -> None:
    """A reload gives the open review back for a moment; then it is not shown again once decided."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")

    def given_back(route: Route) -> None:
        page.unroute(NEXT)
        reviews.release(desk.servers, first, "ann")
        route.continue_()

    page = ann.page
    page.route("**/renew", lambda route: route.fulfill(status=204))
    page.route(NEXT, given_back)
    with page.expect_response(NEXT):
        ann.open(first)
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    expect(page.locator(".actions")).to_be_visible()


def test_what_a_dead_browser_held_comes_first(desk: Desk, visit: Visit) -> None:
    """The browser had one review open and the next one fetched; both go on in another browser."""
    first, second, third = (desk.post(name, priority=p) for name, p in PEOPLE)
    reviews.claim(desk.servers, first, "ann")
    reviews.claim(desk.servers, None, "ann", opened=False)
    ann = visit("ann")
    page = ann.open()
    for expected in (first, second, third):
        ann.is_at(expected)
        page.keyboard.press("3")
        page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()


def test_what_another_tab_holds_is_not_the_next_one(desk: Desk, visit: Visit) -> None:
    """Nor is it called another reviewer's."""
    first, second, third = (desk.post(name, priority=p) for name, p in PEOPLE)
    ann = visit("ann")
    page = ann.open(first)
    eventually_held_by(page, desk, second, "ann")
    other = ann.context.new_page()
    ann.watch(other)
    with other.expect_response(NEXT) as answer:
        other.goto(f"/desk/{third}")
    assert answer.value.status == 204
    other.keyboard.press("3")
    other.keyboard.press("Control+Enter")
    expect(other.locator("[data-empty]")).to_contain_text(
        "Of 2 waiting, 2 are yours, open in another window, and 0 are held by others."
    )
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)


def test_two_tabs_that_look_for_the_next_one_at_once_get_two(desk: Desk, visit: Visit) -> None:
    """The first one's answer is still on its way when the other one asks."""
    ann = visit("ann")
    page, other = ann.page, ann.context.new_page()
    ann.watch(other)
    late: list[tuple[Route, APIResponse]] = []
    page.route(NEXT, lambda route: late.append((route, route.fetch())))
    for tab, user in ((page, "anna-42"), (other, "ben-7")):
        open_now = desk.post(user)
        reviews.claim(desk.servers, open_now, "ann")
        with tab.expect_request(NEXT):
            tab.goto(f"/desk/{open_now}")
        if tab is page:
            eventually(tab, lambda: len(late) == 1)
            give(late)
    posted = [desk.post(user) for user in ("cleo-1", "dora-5")]

    page.evaluate(REFRESH)
    eventually(page, lambda: len(late) == 1)
    with other.expect_response(re.compile(r"/desk/queue\b")):
        other.evaluate(REFRESH)
    other.evaluate("navigator.locks.query()")  # it had time to ask
    give(late)

    for review in posted:
        eventually_held_by(other, desk, review, "ann")


def test_without_locks_each_tab_knows_its_own_reviews(desk: Desk, visit: Visit) -> None:
    """A browser that refuses them, or has none, goes on to the next review all the same."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    ann.page.add_init_script("navigator.locks.query = () => Promise.reject(new Error('no'))")
    page = ann.open(first)
    eventually_held_by(page, desk, second, "ann")
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)


def test_a_slow_look_at_a_review_does_not_hold_up_its_decision(desk: Desk, visit: Visit) -> None:
    """It is decided when the look comes to the server, and the decision's answer comes last."""
    first, second, third = (desk.post(name, priority=p) for name, p in PEOPLE)
    ann = visit("ann")
    looks: list[Route] = []
    ann.page.route(re.compile(rf"/desk/{second}$"), keep(looks))
    late: list[tuple[Route, APIResponse]] = []
    approval_of_second = re.compile(rf"/desk/{second}/approve$")
    ann.page.route(approval_of_second, lambda route: late.append((route, route.fetch())))
    page = ann.open(first)
    eventually_held_by(page, desk, second, "ann")
    for expected, waiting in ((first, looks), (second, late)):
        ann.is_at(expected)
        page.keyboard.press("3")
        page.keyboard.press("Control+Enter")
        eventually(page, lambda waiting=waiting: len(waiting) == 1)  # type: ignore[misc]
    with page.expect_response(re.compile(rf"/desk/{second}$")):
        looks[0].continue_()
    page.evaluate("() => new Promise(requestAnimationFrame)")  # it had time to be shown
    give(late)
    ann.is_at(third)


def test_the_next_review_needs_no_request(desk: Desk, visit: Visit) -> None:
    """It is shown though nothing but the approval is answered any more.

    `bench desk` measures how long that takes.
    """
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    ann.page.route("**/approve", lambda route: route.continue_())
    page = ann.open(first)
    eventually_held_by(page, desk, second, "ann")
    page.keyboard.press("4")
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    held: list[Route] = []
    page.route(re.compile(r"/desk/(?!.*/approve$)"), keep(held))
    page.keyboard.press("Control+Enter")
    ann.is_at(second)


# Keys


def test_twenty_reviews_by_keyboard_alone(desk: Desk, visit: Visit) -> None:
    """Score, status, LTV, tags, an edit, and on: the mouse is never needed."""
    for number in range(20):
        desk.post(f"user-{number:02}", priority=(20 - number) / 20)
    ann = visit("ann")
    page = ann.open()
    for number in range(20):
        expect(ann.item).to_have_attribute("data-user", f"user-{number:02}")
        page.keyboard.press(str(number % 5 + 1))
        if number % 4 == 0:
            page.keyboard.press("s")
            page.keyboard.press("ArrowRight")
        if number % 4 == 1:
            page.keyboard.press("l")
            page.keyboard.type(str(number))
        if number % 4 == 2:
            page.keyboard.press("t")
            page.keyboard.type("soft")
            page.keyboard.press("Enter")
        if number % 4 == 3:
            page.keyboard.press("e")
            page.keyboard.type("hjkltsurx12")
        page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    events = [json.loads(held["event"]) for held in in_outbox(desk.database_url)]
    assert [event["user_id"] for event in events] == [f"user-{n:02}" for n in range(20)]
    assert [event["quality_score"] for event in events] == [n % 5 + 1 for n in range(20)]
    assert [event.get("customer_status") for event in events[:3]] == ["PROSPECT", None, None]
    assert events[1]["ltv_amount"] == "1.00"
    assert events[2]["edit_tags"] == ["CTA_SOFT"]
    assert "hjkltsurx12" in events[3]["final_bubbles"][0]


def test_j_and_k_walk_through_the_queue(desk: Desk, visit: Visit) -> None:
    """What was typed into a review is there when the reviewer comes back to it."""
    ids = [desk.post(f"user-{n}", priority=(9 - n) / 10) for n in range(4)]
    ann = visit("ann")
    page = ann.open()
    page.locator(".bubble").fill("not finished")
    page.keyboard.press("Escape")
    for expected in (ids[1], ids[2], ids[3]):
        page.keyboard.press("j")
        ann.is_at(expected)
    for expected in (ids[2], ids[1], ids[0]):
        page.keyboard.press("k")
        ann.is_at(expected)
    expect(page.locator(".bubble")).to_have_value("not finished")
    page.go_back()
    ann.is_at(ids[1])


def test_keys_can_be_changed_and_switched_off(desk: Desk, visit: Visit) -> None:
    """The choice outlives the page; a key of something else is refused."""
    first, second = desk.post("anna-42", priority=1), desk.post("ben-7")
    ann = visit("ann")
    page = ann.open()
    page.keyboard.press("?")
    skip = page.get_by_role("button", name="Skip: x")
    skip.click()
    page.keyboard.press("j")
    expect(skip).to_have_text("taken: Next review of the queue")
    skip.click()
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Skip: z")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator('[data-key="skip"]')).to_have_text("z")
    page.reload()
    expect(page.locator("#keys-button")).to_be_visible()
    page.keyboard.press("x")
    ann.is_at(first)
    page.keyboard.press("z")
    ann.is_at(second)

    page.locator("#keys-button").click()
    page.get_by_label("Keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("3")
    expect(page.locator('[name="quality_score"]:checked')).to_have_count(0)
    expect(page.locator('[data-key="skip"]')).to_be_hidden()


# Beside the draft


def test_what_stands_beside_the_draft_is_that_of_its_customer(desk: Desk, visit: Visit) -> None:
    """Message, last exchanges, status, LTV, transitions and calls to action; none of another."""
    first = desk.post("anna-42", priority=1, customer_message="Is Anna there?")
    second = desk.post("ben-7", customer_message="Is Ben there?")
    desk.apply(
        approval(
            user_id="anna-42",
            final_bubbles=["Anna's reply"],
            edit_tags=["CTA_DIRECT"],
            customer_status="CUSTOMER",
            ltv_amount="70.00",
        ),
        approval(1, user_id="ben-7", final_bubbles=["Ben's reply"], customer_status="CHURNED"),
    )
    ann = visit("ann")
    page = ann.open(first)
    beside = page.locator(".context")
    for text in ("CUSTOMER", "70.00 USD", "Anna's reply", "PROSPECT → CUSTOMER", "CTA_DIRECT"):
        expect(beside).to_contain_text(text)
    expect(page.locator(".work .said")).to_have_text("Is Anna there?")
    page.keyboard.press("j")
    ann.is_at(second)
    for text in ("CHURNED", "Ben's reply"):
        expect(beside).to_contain_text(text)
    expect(beside).not_to_contain_text("Anna's reply")
    expect(page.locator(".work .said")).to_have_text("Is Ben there?")


def test_the_next_review_shows_what_is_true_when_it_is_opened(desk: Desk, visit: Visit) -> None:
    """It was fetched before: what changed since then is brought up to date."""
    desk.post("anna-42", priority=1)
    second = desk.post("ben-7")
    ann = visit("ann")
    page = ann.open()
    eventually_held_by(page, desk, second, "ann")
    desk.apply(
        approval(
            user_id="ben-7",
            interaction_id=second,
            customer_status="CUSTOMER",
            ltv_amount="99.00",
        )
    )
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    ann.is_at(second)
    expect(page.locator(".context")).to_contain_text("99.00 USD")
    expect(page.locator(".effect")).to_contain_text("CUSTOMER, 99.00 USD")


def test_the_edit_is_compared_with_the_draft(desk: Desk, visit: Visit) -> None:
    """Words that were taken out and put in are marked."""
    desk.post(draft_bubbles=["It is 50 dollars a year."])
    page = visit("ann").open()
    page.locator(".bubble").fill("It is 60 dollars a year!")
    page.get_by_role("button", name="Compare with the draft").click()
    expect(page.locator(".diff del")).to_have_text(["50", "."])
    expect(page.locator(".diff ins")).to_have_text(["60", "!"])


# Without scripts, and the supervisor


def test_it_works_without_scripts(desk: Desk, visit: Visit) -> None:
    """Forms are forms: errors are named at their fields, then the review is approved."""
    desk.post("anna-42")
    ann = visit("ann", java_script_enabled=False)
    ann.expected.add("422")
    page = ann.page
    page.goto("/desk")
    page.locator(".bubble").fill("By hand")
    page.get_by_role("button", name="Approve and next").click()
    expect(page.locator('[data-error="quality_score"]')).to_be_visible()
    expect(page.locator(".bubble")).to_have_value("By hand")
    page.get_by_label("4", exact=True).check()
    page.get_by_role("button", name="Approve and next").click()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    assert len(in_outbox(desk.database_url)) == 1


def test_a_supervisor_sees_who_holds_what_and_moves_it(desk: Desk, visit: Visit) -> None:
    """A review is taken over, or given to another reviewer; whoever had it is told."""
    interaction = desk.post("anna-42")
    ann = visit("ann")
    ann.expected.add("409")
    ann.open(interaction)
    supervisor = visit("supervisor")
    page = supervisor.open("/desk/team")
    row = page.locator("tr[data-held]")
    expect(row).to_contain_text("ann")
    row.get_by_label("Reviewer who gets").fill("ben")
    row.get_by_role("button", name="Give").click()
    expect(page.locator("tr[data-held]")).to_contain_text("ben")
    assert holder(desk, interaction) == "ben"
    ann.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(ann.page.locator("[data-banner]")).to_contain_text("ben holds")
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("tr[data-held]")).to_contain_text("supervisor")
    assert holder(desk, interaction) == "supervisor"


def test_the_team_is_not_for_reviewers(visit: Visit) -> None:
    """A reviewer neither sees the link nor the page."""
    ann = visit("ann")
    ann.expected.add("403")
    page = ann.open("/desk/team")
    expect(page.locator("h1")).to_have_text("Not permitted")
    expect(page.get_by_role("link", name="Team")).to_have_count(0)
