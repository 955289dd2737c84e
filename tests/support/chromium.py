"""The review desk in the test's own process, and reviewers who visit it with a browser."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from uuid import UUID

import web
from approvals import apply_events
from desk import apply_outbox, post
from fastapi import Request
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from processes import DEADLINE

from signoff_db.connection import connect_for_batches
from signoff_ops.outbox import create_outbox
from signoff_ops.servers import DirectServers
from signoff_schemas import AnyEvent, Settings
from signoff_schemas.access import Identity, Scope
from signoff_web.app import create_app

_FOUND: Final = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
CHROMIUM: Final = next((path for path in _FOUND if path.exists()), _FOUND[0])
"""The one without windows, if there is one: a visitor takes a quarter of the CPU time."""
INSTALL: Final = f"there is no Chromium: apt-get install {_FOUND[0].name}"
SLOW: Final = DEADLINE * 1000
"""Milliseconds until a wait of a test has failed."""
expect.set_options(timeout=SLOW)
_ONE_ANSWER: Final = re.compile(r"the server responded with a status of (\d+)")


async def by_cookie(request: Request) -> Identity | None:
    """Whoever the cookie `who` names; `supervisor` operates too, and `admin` manages users."""
    name = request.cookies.get("who")
    if name is None:
        return None
    more = {"supervisor": {Scope.OPERATE}, "admin": {Scope.ADMIN}}.get(name, set[Scope]())
    return Identity("user", name, frozenset({Scope.READ, Scope.REVIEW} | more))


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that is served, and the servers behind it."""

    url: str
    servers: DirectServers
    database_url: str

    def post(self, user: str = "user-1", **fields: Any) -> UUID:
        """Post a draft; returns its interaction."""
        return post(self.servers, user_id=user, **fields)

    def apply(self, *events: AnyEvent) -> None:
        """Apply events, as a worker does."""
        with connect_for_batches(self.database_url, application="test") as connection:
            apply_events(connection, *events)

    def apply_outbox(self) -> list[str]:
        """Apply what the outbox holds, as relay and worker would; returns the verdicts."""
        with connect_for_batches(self.database_url, application="test") as connection:
            return apply_outbox(connection, self.database_url)


@contextmanager
def desk_of(redis_url: str, database_url: str, **settings: Any) -> Iterator[Desk]:
    """Serve a desk until the block ends."""
    create_outbox(database_url)
    loaded = Settings.load(redis_url=redis_url, database_url=database_url, **settings)
    with web.serving(create_app(loaded, authenticate=by_cookie)) as url:
        yield Desk(url, DirectServers(loaded), database_url)


@dataclass(slots=True)
class Visitor:
    """A reviewer with a browser."""

    name: str
    context: BrowserContext
    page: Page
    desk: Desk
    errors: list[str] = field(default_factory=list)
    """What the browser's console called an error."""
    expected: set[str] = field(default_factory=set)
    """Statuses of answers that the test provokes: the console names each of them."""

    @classmethod
    def arrive(cls, browser: Browser, desk: Desk, name: str, **options: Any) -> Self:
        """A new browser without memory, signed in under this name."""
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=desk.url, **options)
        context.set_default_timeout(SLOW)
        context.add_cookies([{"name": "who", "value": name, "url": desk.url}])
        visitor = cls(name, context, context.new_page(), desk)
        visitor.watch(visitor.page)
        return visitor

    def watch(self, page: Page) -> None:
        """Note what the console of a page calls an error."""
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        answered = _ONE_ANSWER.search(text)
        if kind == "error" and not (answered and answered[1] in self.expected):
            self.errors.append(text)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """What the console says meanwhile is not the page's: axe and screenshots add styles."""
        heard = list(self.errors)
        yield
        self.page.evaluate("0")
        self.errors[:] = heard

    def open(self, path: str | UUID = "/desk") -> Page:
        """Go to a page, or to a review, and wait until its scripts run."""
        self.page.goto(f"/desk/{path}" if isinstance(path, UUID) else path)
        if self.page.locator("#desk").count():
            expect(self.page.locator("#keys-button")).to_be_visible()
        return self.page

    @property
    def item(self) -> Locator:
        """The open review."""
        return self.page.locator("#open > .item")

    def is_at(self, interaction_id: UUID) -> None:
        """Wait until this review is open."""
        expect(self.item).to_have_attribute("data-review", str(interaction_id))

    def hears(self, text: str | re.Pattern[str]) -> None:
        """Wait for a notice."""
        expect(self.page.locator("#notices")).to_contain_text(text)


Visit: TypeAlias = Callable[..., Visitor]
"""Opens a browser for a reviewer, by name."""
