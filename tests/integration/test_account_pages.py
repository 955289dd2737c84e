"""The pages /account and /admin: one's own sessions and password; users and keys."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest
import web
from browsers import Browser

from signoff_ops import api_keys, users
from signoff_ops.accounts import identity_of_key
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Role, Scope

PASSWORD = "correct horse"


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """With the administrator ann, who has a password."""
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
def ann(client: httpx.Client) -> Browser:
    """A browser in which ann is signed in."""
    return signed_in(client, "ann", PASSWORD)


def signed_in(client: httpx.Client, name: str, password: str) -> Browser:
    """A browser in which this user is signed in."""
    browser = Browser(client)
    browser.sign_in(name, password)
    assert browser.token
    return browser


def test_users_see_and_end_their_own_sessions(client: httpx.Client, ann: Browser) -> None:
    """The other browser is signed out; this one is not offered."""
    other = signed_in(client, "ann", PASSWORD)
    shown = ann.open("/account").text
    (action,) = re.findall(r'action="(/account/sessions/\d+/end)"', shown)
    assert ann.send(action).status_code == HTTPStatus.SEE_OTHER
    assert other.open("/account").status_code == HTTPStatus.SEE_OTHER
    assert ann.open("/account").is_success


def test_nobody_ends_the_session_of_another_user(
    client: httpx.Client, ann: Browser, servers: DirectServers
) -> None:
    """Whatever number is sent."""
    users.add_user(servers, "bob", [Role.VIEWER], "root", password=PASSWORD)
    bob = signed_in(client, "bob", PASSWORD)
    for session in ("1", "2", "99999999999999999999", "-1", "x"):
        bob.send(f"/account/sessions/{session}/end")
        assert ann.open("/account").is_success
    bob.send("/account/sessions/2/end")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (("wrong", "a new password", "a new password"), "not correct"),
        ((PASSWORD, "a new password", "another password"), "differ"),
        ((PASSWORD, "short", "short"), "12 to 200"),
        ((PASSWORD, "", ""), "12 to 200"),
    ],
)
def test_a_password_that_is_refused_is_not_changed(
    client: httpx.Client, ann: Browser, typed: tuple[str, str, str], reason: str
) -> None:
    """The page says why."""
    fields = dict(zip(("present", "new", "again"), typed, strict=True))
    refused = ann.send("/account/password", fields)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert reason in refused.text
    signed_in(client, "ann", PASSWORD)


def test_a_new_password_is_the_one_that_counts(client: httpx.Client, ann: Browser) -> None:
    """Other browsers are signed out."""
    other = signed_in(client, "ann", PASSWORD)
    fields = {"present": PASSWORD, "new": "a new password", "again": "a new password"}
    assert ann.send("/account/password", fields).status_code == HTTPStatus.SEE_OTHER
    assert "was changed" in ann.open("/account?done=password").text
    assert other.open("/account").status_code == HTTPStatus.SEE_OTHER
    signed_in(client, "ann", "a new password")


def test_guessing_the_present_password_is_limited(ann: Browser) -> None:
    """Somebody at a browser that was left open tries in vain."""
    fields = {"present": "wrong", "new": "a new password", "again": "a new password"}
    for _ in range(10):
        assert "not correct" in ann.send("/account/password", fields).text
    assert "Too many tries" in ann.send("/account/password", fields | {"present": PASSWORD}).text


def test_an_administrator_adds_a_user_and_passes_the_link_on(
    client: httpx.Client, ann: Browser, servers: DirectServers
) -> None:
    """The link is shown once; it signs the user in, who then sets a password."""
    shown = ann.send("/admin/users", {"name": " Bob ", "role": ["reviewer", "operator"]}).text
    (path,) = re.findall(r"http://[^/]+(/sign-in/link\?token=[\w-]+)", shown)
    bob = Browser(client)
    assert bob.open(path).status_code == HTTPStatus.SEE_OTHER
    assert "Present password" not in bob.open("/account").text
    bob.send("/account/password", {"new": PASSWORD, "again": PASSWORD})
    signed_in(client, "bob", PASSWORD)
    assert set(users.user(servers, "bob").roles) == {Role.REVIEWER, Role.OPERATOR}
    assert users.user(servers, "bob").created_by == "user:ann"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "", "role": "viewer"}, "is no name of a user"),
        ({"name": "<script>", "role": "viewer"}, "is no name of a user"),
        ({"name": "ann", "role": "viewer"}, "already"),
        ({"name": "bob"}, "at least one role"),
        ({"name": "bob", "role": "king"}, "a role is one of"),
    ],
)
def test_a_user_that_cannot_be_added_is_said_so(
    ann: Browser, fields: dict[str, str], reason: str
) -> None:
    """What was typed stays, escaped."""
    refused = ann.send("/admin/users", fields)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert reason in refused.text
    assert "<script>" not in refused.text.replace('<script src="', "")


def test_an_administrator_changes_users(ann: Browser, servers: DirectServers) -> None:
    """Roles, disabled and enabled, another link; not oneself."""
    users.add_user(servers, "bob+x@example.com", [Role.VIEWER], "root")
    base = "/admin/users/bob%2Bx%40example.com"
    assert ann.send(f"{base}/roles", {"role": "operator"}).status_code == HTTPStatus.SEE_OTHER
    assert "/sign-in/link?token=" in ann.send(f"{base}/link").text
    ann.send(f"{base}/disable")
    assert users.user(servers, "bob+x@example.com").disabled_at
    assert "is disabled" in ann.send(f"{base}/link").text
    ann.send(f"{base}/enable")
    found = users.user(servers, "bob+x@example.com")
    assert (found.roles, found.disabled_at) == ((Role.OPERATOR,), None)
    assert "ask another administrator" in ann.send("/admin/users/ann/disable").text
    assert (
        "ask another administrator" in ann.send("/admin/users/ann/roles", {"role": "viewer"}).text
    )
    assert "there is no user" in ann.send("/admin/users/nobody/disable").text
    assert ann.open("/admin/users").is_success


def test_an_administrator_adds_and_revokes_keys(ann: Browser, servers: DirectServers) -> None:
    """The key is on the page once, and works until it is revoked."""
    shown = ann.send("/admin/keys", {"name": "billing", "scope": ["read"], "days": "90"}).text
    (key,) = re.findall(r"sgn_[0-9a-f]{16}_[0-9a-f]{64}", shown)
    assert identity_of_key(servers, key)
    listed = ann.open("/admin/keys").text
    assert key.rpartition("_")[2] not in listed
    (action,) = re.findall(r'action="(/admin/keys/\w+/revoke)"', listed)
    ann.send(action)
    assert identity_of_key(servers, key) is None
    assert "no valid key" in ann.send(action).text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "Ä", "scope": "read"}, "is no name of a key"),
        ({"name": "a"}, "at least one scope"),
        ({"name": "a", "scope": "everything"}, "a scope is one of"),
        ({"name": "a", "scope": "read", "days": "0"}, "1 to 3,650 days"),
        ({"name": "a", "scope": "read", "days": "²"}, "1 to 3,650 days"),
        ({"name": "a", "scope": "read", "days": "9" * 100}, "1 to 3,650 days"),
    ],
)
def test_a_key_that_cannot_be_added_is_said_so(
    ann: Browser, fields: dict[str, str], reason: str
) -> None:
    """In a sentence on the page."""
    refused = ann.send("/admin/keys", fields)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert reason in refused.text


def test_long_lists_go_on_at_the_next_page(ann: Browser, servers: DirectServers) -> None:
    """A hundred at a time; a cursor that is none is refused."""
    with servers.database() as connection:
        connection.execute(
            "INSERT INTO users (name, roles, created_by)"
            " SELECT 'user-' || n, '{viewer}', 'root' FROM generate_series(1000, 1100) n"
        )
    (more,) = re.findall(r'href="(/admin/users\?after=[^"]+)"', ann.open("/admin/users").text)
    assert "user-1100" in ann.open(more).text
    assert ann.open("/admin/users?after=x").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    api_keys.add_key(servers, "a", [Scope.READ], "root")
    assert "after=" not in ann.open("/admin/keys").text


def test_the_first_page_leads_to_where_somebody_works(
    client: httpx.Client, ann: Browser, servers: DirectServers
) -> None:
    """Whom the console is for sees how everything is; a reviewer is led to the desk."""
    users.add_user(servers, "bob", [Role.VIEWER], "root", password=PASSWORD)
    for one in (ann, signed_in(client, "bob", PASSWORD)):
        assert "<h1>Health</h1>" in one.open("/").text
    users.add_user(servers, "eve", [Role.REVIEWER], "root", password=PASSWORD)
    assert signed_in(client, "eve", PASSWORD).open("/").headers["location"] == "/desk"


def test_a_key_has_no_account(client: httpx.Client, servers: DirectServers) -> None:
    """The page is for users."""
    key = api_keys.add_key(servers, "a", [Scope.READ], "root").text
    answer = client.get("/account", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert answer.json()["type"] == "urn:signoff:problem:users-only"
