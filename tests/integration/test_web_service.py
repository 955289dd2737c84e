"""The web service: who may call it, what its answers carry, how it ends."""

import signal
from http import HTTPStatus
from pathlib import Path

import httpx
import processes
import pytest
import web
from fastapi import APIRouter, FastAPI

from signoff_embedded.ports import free_port
from signoff_schemas import Settings
from signoff_schemas.access import Role, Scope, scopes_of
from signoff_web.access import OPEN, UnguardedRouteError, check_routes, requires
from signoff_web.app import create_app
from signoff_web.assets import url_of
from signoff_web.problems import pointer


def test_a_route_without_a_scope_does_not_start() -> None:
    """An app refuses to start with a route that does not say who may call it."""
    app = FastAPI(openapi_url=None)
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: None)
    app.router.routes.extend(router.routes)
    with pytest.raises(UnguardedRouteError, match="forgotten"):
        check_routes(app)


def test_a_route_with_two_rules_does_not_start() -> None:
    """An open router that has a route with a scope is unclear, and refused."""
    app = FastAPI(openapi_url=None)
    router = APIRouter(dependencies=[OPEN])
    router.add_api_route("/both", lambda: None, dependencies=[requires(Scope.READ)])
    app.router.routes.extend(router.routes)
    with pytest.raises(UnguardedRouteError, match="both"):
        check_routes(app)


def test_roles_are_sets_of_scopes() -> None:
    """Whoever has two roles has the scopes of both."""
    assert scopes_of([Role.REVIEWER, Role.OPERATOR]) == {
        Scope.READ,
        Scope.REVIEW,
        Scope.PUBLISH,
        Scope.OPERATE,
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        ("user_id", "/user_id"),
        ("final_bubbles[2]", "/final_bubbles/2"),
        ("cta_data.a/b~c", "/cta_data/a~1b~0c"),
    ],
)
def test_errors_point_at_fields_as_json_pointers(path: str, expected: str) -> None:
    """A path of the contract is a JSON Pointer of RFC 6901."""
    assert pointer(path) == expected


def test_a_problem_quotes_no_control_characters(redis_url: str, database_url: str) -> None:
    """What a request holds is escaped where a problem names it."""
    body = '{"\x9b31m\u202e\x7f": 1}'
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        answer = client.post(
            "/v1/queue/resume", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.text.isprintable()
    pointers = [one["pointer"] for one in answer.json()["errors"]]
    assert pointers[1:] == ["/\x9b31m\u202e\x7f"]


def test_each_answer_carries_the_security_headers(redis_url: str, database_url: str) -> None:
    """Answers of every kind forbid foreign content; an unknown path is a problem document."""
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        found, missing = client.get("/live"), client.get("/nothing")
        static = client.get("/static/robots.txt")
    for answer in (found, missing, static):
        assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert found.json() == {"status": "live"}
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["type"] == "urn:signoff:problem:not-found"
    assert missing.json()["detail"] == f"There is nothing at {missing.request.url.path}."


def test_a_defect_is_answered_as_all_else_and_counted(redis_url: str, database_url: str) -> None:
    """With the security headers, and in the figures; the answer tells nothing of the defect."""

    async def broken(_request: object) -> None:
        raise RuntimeError("a secret")

    with web.client(redis_url, database_url, authenticate=broken) as client:
        answer = client.get("/v1/funnel")
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["type"] == "urn:signoff:problem:defect"
    assert "secret" not in answer.text


@pytest.mark.parametrize("origin", ["http://[", "null", "http://", "//", "http://evil.example"])
def test_an_origin_that_is_none_of_ours_is_refused(
    redis_url: str, database_url: str, origin: str
) -> None:
    """Whatever it is: it is another site's, and no defect of the service."""
    with web.client(redis_url, database_url) as client:
        answer = client.post("/sign-out", headers={"Origin": origin})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json()["type"] == "urn:signoff:problem:cross-site"


def test_nobody_is_led_to_the_host_that_a_request_names(redis_url: str, database_url: str) -> None:
    """A path with a slash too many is unknown; nothing redirects to another host or scheme."""
    with web.client(redis_url, database_url) as client:
        answer = client.get("/sign-in/", headers={"Host": "evil.example"})
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "location" not in answer.headers


def test_a_client_that_leaves_is_no_defect(
    redis_url: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not logged as one, however often somebody leaves in the middle of a form."""
    with web.client(redis_url, database_url) as client:
        leaving = web.RawConnection(client.base_url)
        leaving.begin("/sign-in", "Content-Type: application/x-www-form-urlencoded")
        leaving.chunk(b"name=ann")
        leaving.close()
        assert client.get("/live").is_success
    assert not [record for record in caplog.records if record.exc_info]


def test_static_files_are_kept_by_browsers_for_as_long_as_they_are_the_same(
    redis_url: str, database_url: str
) -> None:
    """A URL with the version may be kept for ever; one without it is asked for again."""
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        kept, again = client.get(url_of("signoff.css")), client.get("/static/signoff.css")
        missing = client.get(url_of("../base.html"))
    assert kept.status_code == again.status_code == HTTPStatus.OK
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert again.headers["cache-control"] == "no-cache"
    assert missing.status_code == HTTPStatus.NOT_FOUND


def test_a_browser_gets_problems_as_pages(redis_url: str, database_url: str) -> None:
    """Whoever asks for a page gets one, with the header's links that they may follow."""
    browser = {"Accept": "text/html"}
    reviewer = web.acting_as("ann", Scope.REVIEW, kind="user")
    with web.client(redis_url, database_url, authenticate=reviewer) as client:
        answer = client.get("/nothing", headers=browser)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "<h1>Not Found</h1>" in answer.text


def test_it_starts_while_the_servers_are_away() -> None:
    """Without Redis and Postgres the service starts, and is live."""
    nowhere = Settings.load(
        redis_url=f"redis://127.0.0.1:{free_port()}",
        database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/none",
    )
    with web.serving(create_app(nowhere)) as url:
        assert web.get(f"{url}/live").status_code == HTTPStatus.OK


def test_serve_ends_at_sigterm(redis_url: str, database_url: str, tmp_path: Path) -> None:
    """`signoff serve` listens on the port it is given, and ends at SIGTERM with exit code 0."""
    port, log = free_port(), tmp_path / "log"
    command = (str(processes.BIN / "signoff"), "serve", "--port", str(port))
    env = processes.environment(redis_url, database_url)

    def live() -> bool:
        try:
            return web.get(f"http://127.0.0.1:{port}/live").is_success
        except httpx.TransportError:
            return False

    with processes.process(*command, env=env, log=log) as serving:
        processes.eventually(live, what="it is live", log=log)
        serving.send_signal(signal.SIGTERM)
        assert processes.exit_code(serving, log=log) == 0
