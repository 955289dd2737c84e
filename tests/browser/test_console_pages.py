"""Each page of the console after a small incident, as an operator and as a viewer see it."""

import hashlib
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx
import psycopg
import pytest
from chromium import Desk, Visitor
from console import console_of
from incident_model import Incident, Trouble
from incident_strays import ATTACKS, applied_attacks
from playwright.sync_api import Browser, Page, expect
from processes import DEADLINE, eventually
from suiting import check_accessible, check_narrow, in_both_themes
from web import NO_AUTHORITIES

from signoff_db.migrate import migrate
from signoff_embedded import embedded_services
from signoff_ops.operating import Operator
from signoff_ops.operation_run import run_operations
from signoff_ops.operations import OperationAction, operation, start_operation
from signoff_ops.values import Selection

PAGES: Final = (
    *("/", "/ops/causes", "/ops/causes/{cause}", "/ops/dead", "/ops/dead?text=campaign"),
    *(
        "/ops/dead/{letter}",
        "/ops/replays",
        "/ops/replays/{operation}",
        "/ops/workers",
        "/ops/outbox",
    ),
    *("/events/{event}", "/interactions/{interaction}", "/customers/{user}"),
    *("/find?q=customer-0", "/audit", "/audit?actor=nobody"),
)
MOST_PAGES: Final = 120
"""The most pages that the crawl opens."""
LINK: Final = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')
FORM: Final = re.compile(r'<form\b[^>]*?\bmethod="post".*?</form>', re.DOTALL)
ACTION: Final = re.compile(r'\b(?:form)?action="([^"]*)"')
FOR_EVERYBODY: Final = ("/sign-out", "/account")
"""Not the console: everybody may do this."""
CONTROLS: Final = """
() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter(one => one.checkVisibility({ visibilityProperty: true }) && !one.disabled)
  .filter(one => one.type !== "hidden" && !(one.type === "radio" && !one.checked))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Incident]]:
    """The console of one small incident, for all tests of this module."""
    with embedded_services(tmp_path_factory.mktemp("incident"), fsync=False) as services:
        migrate(services.database_url)
        with console_of(services.redis_url, services.database_url) as console:
            _dry_run(console[0])
            yield console


def _dry_run(console: Desk) -> None:
    """What a replay of all letters would do."""
    operator = Operator("user:ann", "what would it do?", dry_run=True)
    started = start_operation(console.servers, Selection(), operator, OperationAction.REPLAY)
    stop = threading.Event()
    runner = threading.Thread(target=run_operations, args=(console.servers.settings, stop))
    runner.start()
    try:
        eventually(lambda: _ended(console, started.id), what="the dry run ends")
    finally:
        stop.set()
        runner.join()


def _ended(console: Desk, operation_id: int) -> bool:
    found = operation(console.servers, operation_id)
    return found is not None and found.ended_at is not None


@pytest.fixture(scope="module")
def console(served: tuple[Desk, Incident]) -> Desk:
    """It."""
    return served[0]


@pytest.fixture(scope="module")
def names(console: Desk) -> dict[str, str]:
    """Things that there are, for the paths of pages."""
    rows = _rows(
        console,
        "SELECT id, fingerprint, event_id, interaction_id FROM dead_letters"
        " WHERE kind = 'event_conflict' LIMIT 1",
    )
    letter, cause, event, interaction = map(str, rows[0])
    (user,) = _rows(console, "SELECT user_id FROM interactions WHERE id = %s", interaction)[0]
    return {
        "letter": letter,
        "cause": cause,
        "event": event,
        "interaction": interaction,
        "user": user,
        "operation": "1",
    }


@pytest.fixture
def ann(browser: Browser, console: Desk) -> Iterator[Visitor]:
    """An operator with a browser; an error in its console is a failure."""
    visitor = Visitor.arrive(browser, console, "ann", viewport={"width": 1280, "height": 900})
    yield visitor
    visitor.context.close()
    assert visitor.errors == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_suits_everybody(
    path: str, ann: Visitor, names: dict[str, str], pictures: Path | None
) -> None:
    """Axe finds nothing in either theme, nothing is cut off at 360 px, and Tab reaches it all."""
    page = ann.open(path.format(**names))
    expect(page.locator("h1")).to_be_visible()
    with ann.unheard():
        for theme in in_both_themes(page):
            check_accessible(page, theme)
            _shoot(page, pictures, f"{path}-{theme}-wide")
        _reach_all(page)
        check_narrow(page)
        _shoot(page, pictures, f"{path}-narrow")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/ops/dead", {"text": "campaign", "user_id": "nobody"}),
        ("/audit", {"actor": "user:ann"}),
    ],
)
def test_filters_are_the_address(ann: Visitor, path: str, fields: dict[str, str]) -> None:
    """What was filled in stands in the URL, and in the fields after a reload."""
    page = ann.open(path)
    for name, value in fields.items():
        _opened(page, name).fill(value)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"{next(iter(fields))}="))
    page.reload()
    for name, value in fields.items():
        expect(_opened(page, name)).to_have_value(value)


def test_texts_of_jobs_are_only_shown(ann: Visitor, served: tuple[Desk, Incident]) -> None:
    """No script of theirs runs, wherever they are shown."""
    console, made = served
    (strays,) = [one.settle for one in made.planted if one.trouble is Trouble.STRAY_JOBS]
    letters = _rows(
        console,
        "SELECT id FROM dead_letters WHERE job_id = ANY(%s) ORDER BY id",
        [sent.job_id for sent in strays if sent.event_id or "<" in sent.job_id],
    )
    applied = [sent.event_id for sent in applied_attacks(datetime.now(UTC))]
    shown = _rows(
        console,
        "SELECT event_id, interaction_id, user_id FROM approvals WHERE event_id = ANY(%s)",
        applied,
    )
    assert (len(letters), len(shown)) == (len(ATTACKS) + 1, len(ATTACKS))
    kinds = itertools.cycle((_event_page, _interaction_page, _customer_page))
    paths = [
        "/ops/dead",
        "/ops/causes",
        *(f"/ops/dead/{letter}" for (letter,) in letters),
        *(page_of(*row) for page_of, row in zip(kinds, shown, strict=False)),
    ]
    for path in paths:
        page = ann.open(path)
        assert page.locator("h1").is_visible(), path
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("[onload], [onerror], a[href^='javascript:']").count() == 0, path


def _event_page(event: object, _interaction: object, _user: str) -> str:
    return f"/events/{event}"


def _interaction_page(_event: object, interaction: object, _user: str) -> str:
    return f"/interactions/{interaction}"


def _customer_page(_event: object, _interaction: object, user: str) -> str:
    return f"/customers/{quote(user, safe='')}"


@dataclass(frozen=True)
class Crawl:
    """What somebody saw who followed the links from the first page on."""

    opened: set[str]
    acting: set[str]
    """The paths to which buttons of these pages post."""
    before: dict[str, str]
    after: dict[str, str]

    @classmethod
    def of(cls, console: Desk, name: str) -> "Crawl":
        """Follow the links, up to a number of pages; each of them is there."""
        before, waiting, opened, acting = _state(console), ["/"], set[str](), set[str]()
        with _client(console, name) as client:
            while waiting and len(opened) < MOST_PAGES:
                path = waiting.pop(0)
                if path in opened:
                    continue
                opened.add(path)
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)
                waiting += _links(answer)
                acting |= _acting(answer, path)
        return cls(opened, acting, before, _state(console))


def _links(answer: httpx.Response) -> list[str]:
    """The pages of the console to which a page leads."""
    if "html" not in answer.headers["content-type"]:
        return []
    found = [
        urlsplit(urljoin(str(answer.url), unescape(link))) for link in LINK.findall(answer.text)
    ]
    return [
        f"{one.path}?{one.query}".removesuffix("?")
        for one in found
        if one.netloc == answer.url.netloc.decode() and not one.path.startswith(FOR_EVERYBODY)
    ]


def _acting(answer: httpx.Response, path: str) -> set[str]:
    """Where the buttons of a page post to."""
    forms = [form for form in FORM.findall(answer.text) if "<button" in form]
    actions = {unescape(action) for form in forms for action in ACTION.findall(form) or [path]}
    return {action for action in actions if not action.startswith(FOR_EVERYBODY)}


@pytest.fixture(scope="module")
def of_ann(console: Desk) -> Crawl:
    """What the operator saw."""
    return Crawl.of(console, "ann")


def test_looking_changes_nothing(of_ann: Crawl) -> None:
    """No link changes a row in Postgres or a key in Redis."""
    assert of_ann.after == of_ann.before
    assert len(of_ann.opened) > 50
    assert of_ann.acting


def test_a_viewer_cannot_act(console: Desk, of_ann: Crawl) -> None:
    """Pages show no button that acts; whoever sends its request all the same gets 403."""
    of_vera = Crawl.of(console, "vera")
    assert len(of_vera.opened) > 50
    assert of_vera.acting == set()
    before = _state(console)
    with _client(console, "vera") as client:
        for path in of_ann.acting:
            assert client.post(path, data={"reason": "because"}).status_code == 403, path
    assert _state(console) == before


def _client(console: Desk, name: str) -> httpx.Client:
    return httpx.Client(
        base_url=console.url,
        cookies={"who": name},
        headers={"sec-fetch-site": "same-origin"},
        follow_redirects=True,
        timeout=DEADLINE,
        verify=NO_AUTHORITIES,
    )


def _state(console: Desk) -> dict[str, str]:
    """A hash of each table and of each key in Redis."""
    found = {}
    with psycopg.connect(console.database_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('signoff', 'public') ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            query = f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} AS t"
            (found[table],) = connection.execute(query.encode()).fetchone() or ("",)
    with console.servers.redis() as client:
        for key in sorted(client.scan_iter()):
            found[repr(key)] = hashlib.sha256(client.dump(key) or b"").hexdigest()
    return found


def _rows(console: Desk, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(console.database_url, autocommit=True) as connection:
        connection.execute("SET search_path = signoff, public")
        return connection.execute(query.encode(), parameters or None).fetchall()


def _opened(page: Page, name: str) -> Any:
    """A field of a filter; where filters are folded up, they are opened."""
    field = page.locator(f'form[method="get"] [name="{name}"]').last
    if not field.is_visible():
        page.locator("details:not([open]) > summary").first.click()
    return field


def _reach_all(page: Page) -> None:
    """Press Tab until it comes round; each control that is seen had the focus once."""
    wanted = page.evaluate(f"({CONTROLS})().length")
    page.evaluate("document.activeElement?.blur()")
    page.evaluate("window.reached = new Set()")
    page.evaluate("addEventListener('focusin', event => window.reached.add(event.target))")
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
    missed = page.evaluate(
        f"({CONTROLS})().filter(one => !window.reached.has(one)).map(one => one.outerHTML)"
    )
    assert missed == []


def _shoot(page: Page, pictures: Path | None, name: str) -> None:
    if pictures:
        safe = re.sub(r"\W+", "-", name).strip("-") or "home"
        page.screenshot(path=pictures / f"console-{safe}.png", full_page=True)
