"""Sign-in by an identity provider: a small one of our own that follows the standard."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import web
from authlib.common.encoding import to_unicode, urlsafe_b64encode
from browsers import Browser
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from signoff_ops import users
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings, SettingsError
from signoff_schemas.access import Role
from signoff_web import oidc
from signoff_web.app import create_app

CLIENT = ("signoff", "a secret & more")
CALLBACK = "/sign-in/provider/callback"


@dataclass
class Issuer:
    """Signs in whoever comes; the claims of the next token can be changed."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    signs_with: Any = None
    methods: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    lacks: str = ""
    """What its configuration does not say."""

    def authorize(self, address: str) -> tuple[str, str]:
        """What the browser brings back from there: the code and the state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT[0]
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return code, asked["state"]

    def token(self, form: dict[str, str], auth: tuple[str, str] | None) -> dict[str, str] | None:
        """Exchange a code, once; None if something does not fit."""
        asked = self.codes.pop(form.get("code", ""), None)
        client = auth or (form.get("client_id"), form.get("client_secret"))
        if asked is None or client != CLIENT or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest())
        if to_unicode(challenge).rstrip("=") != asked["code_challenge"]:
            return None
        claims = {
            "iss": self.url,
            "aud": CLIENT[0],
            "sub": "17",
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            "preferred_username": "ann",
            "groups": ["desk", "unrelated"],
        }
        claims |= self.claims
        key = self.signs_with or self.key
        header = {"alg": "HS256" if isinstance(key, OctKey) else "RS256"}
        if key.kid:
            header["kid"] = key.kid
        return {"id_token": jwt.encode(header, claims, key, algorithms=["RS256", "HS256"])}


def app_of(issuer: Issuer) -> FastAPI:
    """The issuer's own web service."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        said = {
            "issuer": issuer.url,
            "authorization_endpoint": f"{issuer.url}/authorize?tenant=1",
            "token_endpoint": f"{issuer.url}/token",
            "jwks_uri": f"{issuer.url}/keys",
            "token_endpoint_auth_methods_supported": issuer.methods,
        }
        said.pop(issuer.lacks, None)
        return said

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [issuer.key.as_dict(private=False)]}

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        fields = parse_qs((await request.body()).decode())
        form = {name: values[0] for name, values in fields.items()}
        answer = issuer.token(form, _basic(request.headers.get("authorization")))
        return JSONResponse(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    return app


def _basic(header: str | None) -> tuple[str, str] | None:
    import base64  # noqa: PLC0415 -- only here
    from urllib.parse import unquote  # noqa: PLC0415 -- likewise

    if header is None:
        return None
    name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return unquote(name), unquote(secret)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer."""
    issuer = Issuer()
    with web.serving(app_of(issuer)) as url:
        issuer.url = url
        yield issuer


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The database of accounts."""
    return DirectServers(Settings.load(database_url=database_url))


@pytest.fixture
def client(redis_url: str, database_url: str, issuer: Issuer) -> Iterator[httpx.Client]:
    """A client of the web service that knows the issuer."""
    with web.client(
        redis_url,
        database_url,
        oidc_issuer=issuer.url,
        oidc_client_id=CLIENT[0],
        oidc_client_secret=CLIENT[1],
        oidc_claim="groups",
        oidc_roles="desk=reviewer, bosses=admin",
    ) as client:
        yield client


@dataclass
class Visitor:
    """Somebody who signs in at the issuer; keeps the cookie of the way there."""

    browser: Browser
    issuer: Issuer
    flow: str = ""

    def leave(self, path: str = "/sign-in/provider") -> tuple[str, str]:
        """Go to the issuer; what comes back from there."""
        answer = self.browser.open(path)
        assert answer.status_code == HTTPStatus.SEE_OTHER
        cookie = answer.headers["set-cookie"]
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= {
            part.strip().lower() for part in cookie.split(";")
        }
        self.flow = cookie.partition(";")[0]
        return self.issuer.authorize(answer.headers["location"])

    def come_back(self, code: str, state: str) -> httpx.Response:
        """Open the page that the issuer sends the browser to."""
        return self.browser.open(f"{CALLBACK}?code={code}&state={state}", cookie=self.flow)

    def sign_in(self, path: str = "/sign-in/provider") -> httpx.Response:
        """All the way."""
        return self.come_back(*self.leave(path))


@pytest.fixture
def visitor(client: httpx.Client, issuer: Issuer) -> Visitor:
    """Somebody who is not signed in."""
    return Visitor(Browser(client), issuer)


def refused(answer: httpx.Response, reason: str) -> bool:
    """Whether nobody was signed in, for this reason."""
    return answer.status_code == HTTPStatus.FORBIDDEN and reason in answer.text


def test_a_user_appears_at_the_first_sign_in(visitor: Visitor, servers: DirectServers) -> None:
    """With the roles of the claim; and goes on to the page that was asked for."""
    assert "/sign-in/provider?next=" in visitor.browser.open("/sign-in?next=/account").text
    answer = visitor.sign_in("/sign-in/provider?next=/account")
    assert answer.headers["location"] == "/account"
    assert visitor.browser.open("/account").is_success
    found = users.user(servers, "ann")
    assert (found.roles, found.issuer) == ((Role.REVIEWER,), visitor.issuer.url)


def test_roles_follow_the_claim(visitor: Visitor, servers: DirectServers) -> None:
    """At each sign-in; who has none is not signed in."""
    visitor.sign_in()
    visitor.issuer.claims = {"groups": ["bosses", "desk"]}
    visitor.sign_in()
    assert set(users.user(servers, "ann").roles) == {Role.REVIEWER, Role.ADMIN}
    visitor.issuer.claims = {"groups": ["others"]}
    assert refused(visitor.sign_in(), "has no role here")


def test_the_secret_may_be_sent_in_the_form(visitor: Visitor) -> None:
    """Where the provider wants it so."""
    visitor.issuer.methods = ["client_secret_post"]
    assert visitor.sign_in().status_code == HTTPStatus.SEE_OTHER


def test_a_key_that_is_new_is_read_again(visitor: Visitor) -> None:
    """Providers change their keys."""
    visitor.sign_in()
    visitor.issuer.key = RSAKey.generate_key(2048, auto_kid=True)
    assert visitor.sign_in().status_code == HTTPStatus.SEE_OTHER


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"exp": 1_000_000_000},
        {"sub": None},
    ],
)
def test_a_token_for_somebody_else_is_refused(visitor: Visitor, claims: dict[str, Any]) -> None:
    """Another browser, client, issuer or time."""
    visitor.issuer.claims = claims
    assert refused(visitor.sign_in(), "token is not valid")


@pytest.mark.parametrize("key", [RSAKey.generate_key(2048), OctKey.import_key("x" * 32)])
def test_a_token_with_a_wrong_signature_is_refused(visitor: Visitor, key: Any) -> None:
    """Of another key, and of a kind that anybody can make."""
    visitor.issuer.signs_with = key
    assert refused(visitor.sign_in(), "token is not valid")


def test_who_did_not_begin_here_is_refused(visitor: Visitor, client: httpx.Client) -> None:
    """Another browser's code is of no use, and one's own only once."""
    code, state = visitor.leave()
    stranger = Visitor(Browser(client), visitor.issuer)
    assert refused(stranger.come_back(code, state), "did not begin in this browser")
    stranger.leave()
    assert refused(stranger.come_back(code, state), "did not begin in this browser")
    assert visitor.come_back(code, state).status_code == HTTPStatus.SEE_OTHER
    assert refused(visitor.come_back(code, state), "did not answer as it should")


def test_what_the_provider_refuses_is_said_so(visitor: Visitor) -> None:
    """In a sentence of ours, not its text."""
    answer = visitor.browser.open(f"{CALLBACK}?error=access_denied&error_description=<b>no</b>")
    assert refused(answer, "did not sign you in")
    assert "<b>no" not in answer.text


def test_a_provider_that_is_away_is_said_so(redis_url: str, database_url: str) -> None:
    """The sign-in page with passwords goes on to work."""
    with web.client(
        redis_url, database_url,
        oidc_issuer="http://127.0.0.1:1", oidc_client_id="a", oidc_client_secret="b",
    ) as client:  # fmt: skip
        browser = Browser(client)
        assert refused(browser.open("/sign-in/provider"), "did not answer as it should")
        assert browser.open("/sign-in").is_success


def test_a_provider_that_is_away_is_not_asked_by_each_request(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try takes one of the threads that all requests share."""
    monkeypatch.setattr(oidc, "_AWAY_SECONDS", 600)  # this machine may be slow
    asked = []

    def take(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                asked.append(1)
                listening.accept()[0].close()

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        web.client(
            redis_url, database_url,
            oidc_issuer=f"http://127.0.0.1:{listening.getsockname()[1]}",
            oidc_client_id="a", oidc_client_secret="b",
        ) as client,
    ):  # fmt: skip
        threading.Thread(target=take, args=[listening], daemon=True).start()
        browser = Browser(client)
        for _ in range(5):
            assert refused(browser.open("/sign-in/provider"), "did not answer as it should")
    assert len(asked) == 2  # one was answered, the other is waited for


def test_what_a_provider_does_not_say_is_no_defect(visitor: Visitor) -> None:
    """A configuration without its addresses is refused."""
    visitor.issuer.lacks = "token_endpoint"
    assert refused(visitor.browser.open("/sign-in/provider"), "does not say its")


def test_without_a_provider_there_is_no_such_page(redis_url: str, database_url: str) -> None:
    """Nor a link to it."""
    with web.client(redis_url, database_url) as client:
        browser = Browser(client)
        assert browser.open("/sign-in/provider").status_code == HTTPStatus.NOT_FOUND
        assert browser.open(f"{CALLBACK}?code=x").status_code == HTTPStatus.NOT_FOUND
        assert "/sign-in/provider" not in browser.open("/sign-in").text


def test_an_issuer_without_its_client_is_refused_at_the_start(
    redis_url: str, database_url: str
) -> None:
    """With the names of the settings."""
    settings = Settings.load(
        redis_url=redis_url, database_url=database_url, oidc_issuer="https://idp.example"
    )
    with pytest.raises(SettingsError, match="SIGNOFF_OIDC_CLIENT_ID"):
        create_app(settings)


@pytest.mark.parametrize("text", ["desk", "desk=king", "=admin", "desk=admin,,"])
def test_a_wrong_mapping_of_roles_is_named(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(SettingsError, match=r"oidc_roles holds .* expected .*=reviewer"):
        Settings.load(oidc_roles=text)
