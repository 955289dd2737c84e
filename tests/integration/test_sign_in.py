"""Signing in and out in a browser: passwords, one-time links, limits, other sites."""

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import quote

import httpx
import pytest
import web
from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from browsers import Browser

from signoff_embedded.ports import free_port
from signoff_ops import users
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Role
from signoff_web.sign_in_limits import SignInLimits

PASSWORD = "correct horse"
WRONG = "Name or password is not correct."


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """With the user ann, who has a password."""
    servers = DirectServers(Settings.load(database_url=database_url))
    users.add_user(servers, "ann", [Role.ADMIN], "root", password=PASSWORD)
    return servers


@pytest.fixture
def client(redis_url: str, database_url: str, servers: DirectServers) -> Iterator[httpx.Client]:
    """A client of the web service."""
    del servers  # ann is there first
    with web.client(redis_url, database_url) as client:
        yield client


@pytest.fixture
def browser(client: httpx.Client) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(client)


def goes_to(answer: httpx.Response) -> str | None:
    """Where the answer leads; None if it is no redirect."""
    return answer.headers["location"] if answer.status_code == HTTPStatus.SEE_OTHER else None


def path_of(link: users.SignInLink) -> str:
    """The path of a one-time link."""
    return f"/sign-in/link?token={link.token}"


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_page_and_back(browser: Browser) -> None:
    """To the page that was asked for, with its query."""
    goal = goes_to(browser.open("/admin/users?after=x%26y"))
    assert goal == f"/sign-in?next={quote('/admin/users?after=x%26y', safe='')}"
    shown = browser.open(goal)
    assert 'value="/admin/users?after=x%26y"' in shown.text
    signed_in = browser.sign_in("Ann", PASSWORD, goal="/admin/users?after=x%26y")
    assert goes_to(signed_in) == "/admin/users?after=x%26y"
    assert browser.open("/admin/users").is_success


@pytest.mark.parametrize("headers", [{"hx_request": "true"}, {"sec_fetch_mode": "cors"}])
def test_what_a_script_asks_for_is_no_sign_in_page(
    browser: Browser, headers: dict[str, str]
) -> None:
    """It would be put into the page of which the script asked for a part."""
    assert browser.open("/account", **headers).status_code == HTTPStatus.UNAUTHORIZED


def test_the_cookie_is_one_that_only_this_service_gets(browser: Browser) -> None:
    """No script reads it, no other host sets it, no other site's form sends it."""
    cookie = browser.sign_in("ann", PASSWORD).headers["set-cookie"]
    name, *attributes = (part.strip() for part in cookie.split(";"))
    assert name.startswith("__Host-signoff=")
    assert {a.lower() for a in attributes} == {
        "httponly", "secure", "samesite=lax", "path=/", "max-age=604800",
    }  # fmt: skip


@pytest.mark.parametrize(
    "goal",
    [
        "//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "evil",
        "/\t/evil.example", "javascript:alert(1)", "", "/é", "/a\r\nSet-Cookie: x=y", "/" * 3000,
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_site(browser: Browser, goal: str) -> None:
    """Whatever a link to the sign-in page says."""
    assert f'value="{goal}"' not in browser.open(f"/sign-in?next={quote(goal)}").text or not goal
    assert goes_to(browser.sign_in("ann", PASSWORD, goal=goal)) == "/"


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("", ""), ("<script>", "\0")]
)
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    browser: Browser, name: str, password: str
) -> None:
    """What was typed as the name stays filled in, escaped."""
    answer = browser.sign_in(name, password)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert WRONG in answer.text
    assert "<script>alert" not in answer.text
    assert 'value="<script>' not in answer.text
    assert browser.token is None


@pytest.mark.parametrize("name", ["ann", "bob", "nobody"])
def test_a_wrong_name_takes_as_much_work_as_a_wrong_password(
    browser: Browser, servers: DirectServers, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Otherwise the time would say which names there are, or who has no password, as bob."""
    users.add_user(servers, "bob", [Role.ADMIN], "root")
    compared: list[Parameters] = []
    verify = PasswordHasher.verify

    def watched(hasher: PasswordHasher, stored: str, password: str) -> bool:
        compared.append(extract_parameters(stored))
        return verify(hasher, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    assert browser.sign_in(name, "wrong").status_code == HTTPStatus.UNAUTHORIZED
    (work,) = compared
    assert (work.type, work.time_cost, work.memory_cost) == (Type.ID, 2, 19 * 1024)


def test_signing_out_ends_the_session_on_the_server(browser: Browser) -> None:
    """The old token is worth nothing, even if somebody has kept it."""
    browser.sign_in("ann", PASSWORD)
    token = browser.token
    assert goes_to(browser.send("/sign-out")) == "/sign-in"
    assert browser.token is None
    browser.token = token
    assert goes_to(browser.open("/account"))


def test_signing_in_begins_another_session(browser: Browser) -> None:
    """A token that somebody planted before is not the one that is signed in."""
    browser.token = "planted"
    browser.sign_in("ann", PASSWORD)
    first = browser.token
    browser.sign_in("ann", PASSWORD)
    assert len({"planted", first, browser.token}) == 3
    browser.token = first
    assert goes_to(browser.open("/account"))


def test_a_disabled_users_session_ends_at_once(browser: Browser, servers: DirectServers) -> None:
    """The next request is one of nobody."""
    browser.sign_in("ann", PASSWORD)
    users.disable_user(servers, "ann", "root")
    assert goes_to(browser.open("/account"))
    assert browser.sign_in("ann", PASSWORD).status_code == HTTPStatus.UNAUTHORIZED


def test_a_link_signs_in_once(browser: Browser, servers: DirectServers) -> None:
    """Whoever opens it in a browser is signed in at once; then the page says that it is used up."""
    path = path_of(users.make_link(servers, "ann", "root"))
    assert goes_to(browser.open(path)) == "/"
    assert browser.open("/account").is_success
    again = browser.open(path)
    assert again.status_code == HTTPStatus.GONE
    assert "used up" in again.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_mode": "", "sec_fetch_site": ""},
        {"sec_purpose": "prefetch"},
        {"sec_purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"sec_fetch_mode": "no-cors"},
        {"sec_fetch_dest": "iframe"},
    ],
)
def test_looking_at_a_link_does_not_use_it_up(
    browser: Browser, servers: DirectServers, headers: dict[str, str]
) -> None:
    """Programs of mail and chat open links to show what is there; they get a page with a button."""
    link = users.make_link(servers, "ann", "root")
    shown = browser.open(path_of(link), **headers)
    assert shown.is_success
    assert browser.token is None
    assert f'name="token" value="{link.token}"' in shown.text
    assert goes_to(browser.send("/sign-in/link", {"token": link.token})) == "/"
    assert browser.open("/account").is_success


def test_who_is_signed_in_does_not_become_somebody_else_by_a_link(
    browser: Browser, servers: DirectServers
) -> None:
    """Not without pressing the button."""
    users.add_user(servers, "eve", [Role.VIEWER], "root")
    browser.sign_in("ann", PASSWORD)
    shown = browser.open(path_of(users.make_link(servers, "eve", "root")))
    assert "<button" in shown.text
    assert "ann" in browser.open("/account").text


@pytest.mark.parametrize("token", ["", "x", "é", "x" * 5000, "\0", "%00"])
def test_what_is_no_link_is_said_so(browser: Browser, token: str) -> None:
    """Whatever it holds."""
    assert browser.open(f"/sign-in/link?token={quote(token)}").status_code == HTTPStatus.GONE
    assert browser.send("/sign-in/link", {"token": token}).status_code == HTTPStatus.GONE


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": ""},
    ],
)
def test_another_site_changes_nothing(browser: Browser, headers: dict[str, str]) -> None:
    """A form there that is sent here with the user's cookie is refused."""
    browser.sign_in("ann", PASSWORD)
    for path in ("/sign-out", "/account/password", "/admin/users", "/no/such/page"):
        refused = browser.send(path, None, **headers)
        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert "another site" in refused.text
    assert browser.open("/account").is_success


def test_our_own_pages_are_no_other_site(browser: Browser, client: httpx.Client) -> None:
    """Browsers without Sec-Fetch headers say where a request comes from by Origin."""
    browser.sign_in("ann", PASSWORD)
    origin = str(client.base_url).rstrip("/")
    answer = browser.send("/sign-out", sec_fetch_site="", origin=origin)
    assert goes_to(answer) == "/sign-in"


def test_behind_a_proxy_the_public_host_is_ours_too(
    redis_url: str, database_url: str, servers: DirectServers
) -> None:
    """The proxy may send another Host than the browser did."""
    del servers
    with web.client(redis_url, database_url, web_url="https://desk.example") as client:
        browser = Browser(client)
        browser.sign_in("ann", PASSWORD)
        answer = browser.send("/sign-out", sec_fetch_site="", origin="https://desk.example")
        assert goes_to(answer) == "/sign-in"


def test_an_account_is_limited_at_one_address(browser: Browser) -> None:
    """After ten tries even the right password waits; the page says how long."""
    for _ in range(10):
        assert browser.sign_in("ann", "wrong").status_code == HTTPStatus.UNAUTHORIZED
    for name in ("ann", " ANN "):
        refused = browser.sign_in(name, PASSWORD)
        assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert 1 <= int(refused.headers["retry-after"]) <= 600
        assert "Too many tries" in refused.text


def test_an_address_is_limited_whatever_names_it_tries(
    browser: Browser, redis_url: str, database_url: str
) -> None:
    """Fifty tries in ten minutes; another process of the service counts the same ones."""
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    limits = SignInLimits(DirectServers(settings))
    assert {limits.retry_after(f"user-{n}", "127.0.0.1") for n in range(49)} == {None}
    assert browser.sign_in("ann", "wrong").status_code == HTTPStatus.UNAUTHORIZED
    assert browser.sign_in("ann", PASSWORD).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert limits.retry_after("ann", "127.0.0.2") is None


def test_an_account_is_limited_from_everywhere(redis_url: str, database_url: str) -> None:
    """A hundred tries in ten minutes; a network of IPv6 is one address."""
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    limits = SignInLimits(DirectServers(settings))
    assert {limits.retry_after("ann", f"10.0.0.{n}") for n in range(100)} == {None}
    assert limits.retry_after("ann", "10.0.1.1")
    assert {limits.retry_after(f"u{n}", f"2001:db8::{n:x}") for n in range(50)} == {None}
    assert limits.retry_after("bob", "2001:db8::ffff%eth0")
    assert limits.retry_after("bob", "2001:db8:0:1::1") is None
    assert limits.retry_after("bob", "no address") is None


def test_signing_in_forgives_what_failed_before(browser: Browser) -> None:
    """Nine slips, then the right password: the count begins anew."""
    for _ in range(2):
        for _ in range(9):
            browser.sign_in("ann", "wrong")
        assert goes_to(browser.sign_in("ann", PASSWORD)) == "/"


def test_tries_are_limited_while_redis_is_away(database_url: str, servers: DirectServers) -> None:
    """Then each process counts by itself; signing in works."""
    del servers
    with web.client(f"redis://127.0.0.1:{free_port()}", database_url) as client:
        browser = Browser(client)
        assert goes_to(browser.sign_in("ann", PASSWORD)) == "/"
        for _ in range(10):
            browser.sign_in("ann", "wrong")
        assert browser.sign_in("ann", PASSWORD).status_code == HTTPStatus.TOO_MANY_REQUESTS


def test_an_outage_of_postgres_is_said_so(redis_url: str) -> None:
    """Nobody is told that the password is wrong."""
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with web.client(redis_url, away) as client:
        answer = Browser(client).sign_in("ann", PASSWORD)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("", b"", 415),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000, 413),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 51), 422),
        ("application/x-www-form-urlencoded", b"\xff", 422),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused(
    client: httpx.Client, content_type: str, body: bytes, status: int
) -> None:
    """Before it is parsed."""
    answer = client.post("/sign-in", content=body, headers={"content-type": content_type})
    assert answer.status_code == status


def test_without_https_the_page_says_that_no_session_will_be_kept(client: httpx.Client) -> None:
    """Browsers keep the cookie only over HTTPS, or on their own machine."""
    warned = client.get("/sign-in", headers={"host": "desk.example"}).text
    assert "without HTTPS" in warned
    assert "without HTTPS" not in client.get("/sign-in").text
