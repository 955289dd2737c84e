"""Who may call what: every role and every scope on every route, with real sessions and keys."""

import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import web
from fastapi import FastAPI
from fastapi.routing import APIRoute
from processes import DEADLINE, eventually
from starlette.routing import Mount

from signoff_ops import api_keys, users
from signoff_ops.servers import DirectServers
from signoff_ops.sign_in import Browser, use_link
from signoff_schemas import Settings
from signoff_schemas.access import SCOPES_OF_ROLE, Role, Scope
from signoff_web.access import rules_of
from signoff_web.app import create_app
from signoff_web.authentication import COOKIE
from signoff_web.head import takes_head

_PAGE = Path(__file__).parents[2] / "docs" / "accounts.md"
_NUMBER = "999999"
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True)
class Route:
    """A route, as it is called."""

    method: str
    path: str
    scope: Scope | None


@dataclass(frozen=True)
class Service:
    """A served app, its routes, and somebody of each kind."""

    client: httpx.Client
    routes: tuple[Route, ...]
    servers: DirectServers

    def call(self, route: Route, **headers: str) -> tuple[int, str]:
        """The status and the type of the answer; a body that does not end is not read."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        with self.client.stream(route.method, route.path, headers=sent) as answer:
            if answer.status_code < HTTPStatus.BAD_REQUEST:
                return answer.status_code, ""
            answer.read()
            return answer.status_code, answer.text

    def key(self, *scopes: Scope) -> dict[str, str]:
        """The header of a program with these scopes."""
        name = "-".join(scopes)
        key = api_keys.add_key(self.servers, name, scopes, "root").text
        return {"authorization": f"Bearer {key}"}

    def session(self, *roles: Role) -> dict[str, str]:
        """The headers of a page on which a user with these roles is signed in."""
        name = "-".join(roles)
        users.add_user(self.servers, name, roles, "root")
        link = users.make_link(self.servers, name, "root")
        session = use_link(self.servers, link.token, Browser())
        assert session
        return {"cookie": f"{COOKIE}={session.token}", "sec-fetch-site": "same-origin"}


def routes_of(app: FastAPI) -> Iterator[Route]:
    """All routes but the static files; what stands for an id is one that is nothing's."""
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.name == "static"
            continue
        assert isinstance(route, APIRoute), route
        (rule,) = rules_of(route)
        for method in route.methods or ():
            yield Route(method, _filled(route), rule.scope)


def _filled(route: APIRoute) -> str:
    """The path with ids that fit: a number where one is wanted, else a UUID."""
    numbers = {one.name for one in route.dependant.path_params if one.field_info.annotation is int}
    return re.sub(
        r"{(\w+)(:\w+)?}",
        lambda found: _NUMBER if found[1] in numbers else str(uuid4()),
        route.path,
    )


@contextmanager
def running(redis_url: str, database_url: str) -> Iterator[Service]:
    """The service as `signoff serve` runs it."""
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    app = create_app(settings)
    with (
        web.serving(app) as url,
        httpx.Client(base_url=url, timeout=DEADLINE, verify=web.NO_AUTHORITIES) as client,
    ):
        yield Service(client, tuple(routes_of(app)), DirectServers(settings))


@pytest.fixture
def service(redis_url: str, database_url: str) -> Iterator[Service]:
    """The running service."""
    with running(redis_url, database_url) as service:
        yield service


def differences(
    service: Service,
    headers: dict[str, str],
    scopes: frozenset[Scope],
    among: Container[Scope] = frozenset(Scope),
) -> list[str]:
    """The routes that answer somebody with these scopes otherwise than they should.

    Only routes that need a scope `among` these are asked.
    """
    wrong = []
    for route in service.routes:
        # Signing out and the like would end what the test signs in with.
        if route.scope is None or route.scope not in among:
            continue
        status, text = service.call(route, **headers)
        if route.scope in scopes:
            is_right = status not in _REFUSED
        else:
            is_right = status == HTTPStatus.FORBIDDEN and f"`{route.scope}`" in text
        if not is_right:
            wrong.append(f"{route}: {status} {text[:200]}")
    return wrong


def test_nobody_gets_anything_that_is_not_open(service: Service) -> None:
    """Each route that needs a scope answers 401, and says how to send a key."""
    assert len(service.routes) > 15
    for route in service.routes:
        status, text = service.call(route)
        if route.scope is None:
            assert status not in _REFUSED or "password" in text, route
        else:
            assert (status, "not-signed-in" in text) == (HTTPStatus.UNAUTHORIZED, True), route


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer sgn_x", f"Bearer sgn_{'0' * 16}_{'0' * 64}", "Basic YTpi", "x"],
)
def test_a_wrong_key_opens_nothing(service: Service, authorization: str) -> None:
    """With 401 and a challenge, also where a session would be valid."""
    headers = service.session(*Role) | {"authorization": authorization}
    for route in service.routes:
        if route.scope is not None:
            status, text = service.call(route, **headers)
            assert (status, "invalid-key" in text) == (HTTPStatus.UNAUTHORIZED, True), route


@pytest.mark.parametrize("scope", Scope)
def test_a_key_gets_what_its_scope_gives(service: Service, scope: Scope) -> None:
    """One scope opens its own routes, and no others."""
    assert differences(service, service.key(scope), frozenset({scope})) == []


@pytest.mark.parametrize("scope", Scope)
def test_all_other_scopes_together_are_not_enough(service: Service, scope: Scope) -> None:
    """No scope is part of another one."""
    others = frozenset(Scope) - {scope}
    assert differences(service, service.key(*others), others, {scope}) == []


@pytest.mark.parametrize("role", Role)
def test_a_user_gets_what_the_role_gives(service: Service, role: Role) -> None:
    """By session, from a page of the service."""
    assert differences(service, service.session(role), SCOPES_OF_ROLE[role]) == []


def test_head_is_answered_like_get(service: Service) -> None:
    """Each route that takes GET takes HEAD too, of the same senders, and answers without a body."""
    nobody: dict[str, str] = {}
    for headers in (nobody, service.session(*Role)):
        for route in service.routes:
            if route.method == "GET" and takes_head(route.path):
                expected, _ = service.call(route, **headers)
                answer = service.client.head(route.path, headers=headers)
                assert (answer.status_code, answer.content) == (expected, b""), route


@pytest.mark.parametrize("path", ["/desk", "/sign-in/link"])
def test_head_is_refused_where_get_changes_something(service: Service, path: str) -> None:
    """It claims no review, and uses up no link: the answer names the methods that are taken."""
    answer = service.client.head(path, headers=service.session(*Role))
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert "HEAD" not in answer.headers["allow"]


def test_a_refused_method_names_those_that_are_taken(service: Service) -> None:
    """All of the path, of whichever route; HEAD where GET is."""
    answer = service.client.put("/v1/reviews", headers=service.key(Scope.READ))
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["detail"] == "This path takes GET, HEAD, POST; found PUT."


def test_a_key_that_is_revoked_or_expired_is_refused_from_the_next_request_on(
    service: Service,
) -> None:
    """With 401, although it was in memory."""
    headers = service.key(Scope.ADMIN)
    route = Route("GET", "/admin/users", Scope.ADMIN)
    assert service.call(route, **headers)[0] == HTTPStatus.OK
    api_keys.revoke_key(service.servers, "admin", "root")
    eventually(
        lambda: service.call(route, **headers)[0] == HTTPStatus.UNAUTHORIZED, what="it is refused"
    )


def test_the_docs_show_the_scopes_of_the_roles() -> None:
    """The table in docs/accounts.md is that of the code."""
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in _PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    heading, *scopes = rows
    shown = {
        Role(role): {Scope(row[0]) for row in scopes if row[at] == "yes"}
        for at, role in enumerate(heading)
        if at > 1
    }
    assert shown == SCOPES_OF_ROLE
