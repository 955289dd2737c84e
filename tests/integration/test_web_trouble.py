"""The web service while a server is away, silent or slow: each answer comes in bounded time."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
import web
from anyio import to_thread
from approvals import apply_events, approval
from described import checked, description
from fastapi import APIRouter
from processes import DEADLINE

from signoff_db import webhooks
from signoff_db.connection import BatchConnection
from signoff_db.webhook_deliveries import Message, write
from signoff_db.webhooks import WebhookKind
from signoff_embedded.ports import free_port
from signoff_schemas import Settings
from signoff_web.access import OPEN
from signoff_web.app import create_app


def readable() -> list[str]:
    """A path of each route that reads Postgres, with ids in it."""
    ids = {"letter_id": "1", "operation_id": "1", "interaction_id": str(approval().event_id)}
    ids |= {"user_id": "ann", "event_id": "x", "fingerprint": "x", "view": "funnel"}
    found = {
        path.format_map(ids)
        for path, operations in description()["paths"].items()
        if "get" in operations and "read" in str(operations["get"]["security"])
    }
    # Those that do not read Postgres, or another one.
    others = {"/metrics", "/v1/queue", "/v1/workers", "/v1/insight", "/v1/customers/ann/context"}
    return sorted(found - others)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """These processes are silent until the block ends."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("without_patience")
def test_without_postgres_each_route_says_so(redis_url: str) -> None:
    """503, when to try again, and no password; never an empty answer."""
    nowhere = f"postgresql://nobody:hidden@127.0.0.1:{free_port()}/none"
    with web.client(redis_url, nowhere, authenticate=web.acting_as("any")) as client:
        began = time.monotonic()
        # At the same time: each waits for a connection.
        with ThreadPoolExecutor(len(readable())) as threads:
            answers = list(threads.map(client.get, readable()))
        for answer in answers:
            assert answer.status_code == 503, answer.request.url
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            assert "hidden" not in answer.text
        assert time.monotonic() - began < DEADLINE
        ready = client.get("/ready")
        assert checked(ready, "/ready")["detail"] == "postgres does not answer"
        assert "127.0.0.1" not in ready.text
        metrics = client.get("/metrics").text
        assert 'signoff_up{server="postgres"} 0.0' in metrics
        assert 'signoff_up{server="redis"} 1.0' in metrics


def test_it_is_live_while_no_thread_is_free(redis_url: str, database_url: str) -> None:
    """While a server is silent, requests may wait in all threads; nobody is to restart it then."""
    app = create_app(Settings.load(redis_url=redis_url, database_url=database_url))

    async def take_all_threads() -> None:
        threads = to_thread.current_default_thread_limiter()
        for number in range(int(threads.available_tokens)):
            threads.acquire_on_behalf_of_nowait(number)

    router = APIRouter(dependencies=[OPEN])
    router.add_api_route("/take-all", take_all_threads)
    app.router.routes.extend(router.routes)
    with (
        web.serving(app) as url,
        httpx.Client(base_url=url, timeout=DEADLINE, verify=web.NO_AUTHORITIES) as client,
    ):
        assert client.get("/take-all").status_code == 200
        assert client.get("/live").status_code == 200


def test_a_postgres_that_is_silent_is_given_up(
    redis_url: str,
    database_url: str,
    connection: BatchConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that takes requests and does not answer ends as 503 too, and then it works again."""
    apply_events(connection, approval(user_id="ann"))
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        assert client.get("/v1/funnel").status_code == 200
        with psycopg.connect(database_url, autocommit=True) as admin:
            rows = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'signoff-web' "
                "AND datname = current_database()"
            ).fetchall()
        began = time.monotonic()
        with stopped([pid for (pid,) in rows]), monkeypatch.context() as shorter:
            shorter.setattr("signoff_db.connection._ANSWER_SECONDS", 1.0)
            answers = [client.get("/v1/funnel").status_code for _ in range(2)]
        # The first waits for the silent connection, and goes on with another if there is time.
        assert set(answers) <= {200, 503}
        assert time.monotonic() - began < DEADLINE
        assert client.get("/v1/customers/ann").status_code == 200


def test_a_slow_statement_is_ended(
    redis_url: str, database_url: str, connection: BatchConnection
) -> None:
    """One that waits for a lock is given up after some time, on the server too."""
    soon = f"{database_url}?options=-c%20statement_timeout%3D500"
    with web.client(redis_url, soon, authenticate=web.acting_as("any")) as client:
        assert client.get("/v1/funnel").status_code == 200
        with connection.transaction():
            connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
            answer = client.get("/v1/customers/ann")
            assert answer.status_code == 503
            assert "statement timeout" in answer.json()["detail"]


def test_a_database_without_tables_is_not_ready(redis_url: str, empty_database_url: str) -> None:
    """It says which command helps."""
    with web.client(redis_url, empty_database_url, authenticate=web.acting_as("any")) as client:
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert "run `signoff migrate`" in checked(ready, "/ready")["detail"]
        assert client.get("/v1/funnel").json()["type"] == "urn:signoff:problem:wrong-settings"


def test_a_ready_service_says_so(reader: httpx.Client) -> None:
    """Open to all."""
    assert checked(reader.get("/ready"), "/ready") == {"status": "ready"}


@pytest.fixture
def reader(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may do all."""
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        yield client


def test_a_defect_is_counted_and_shows_nothing(redis_url: str, database_url: str) -> None:
    """The answer has neither a traceback nor the error's text, and all headers of the others."""
    app = create_app(Settings.load(redis_url=redis_url, database_url=database_url))
    router = APIRouter(dependencies=[OPEN])

    @router.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret")

    app.router.routes.extend(router.routes)
    with (
        web.serving(app) as url,
        httpx.Client(base_url=url, timeout=DEADLINE, verify=web.NO_AUTHORITIES) as client,
    ):
        answer = client.get("/broken")
        served = app.state.context.requests.served
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:signoff:problem:defect")
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert served["GET", "/broken", 500] == 1


def test_figures_are_for_prometheus(reader: httpx.Client, connection: BatchConnection) -> None:
    """Queue, dead letters by kind, readers of the feed, requests by route and status."""
    apply_events(connection, approval(), approval(user_id=None))
    connection.execute("INSERT INTO feed_readers (name, is_copy) VALUES ('a\"b', false)")
    for _ in range(3):
        reader.get("/v1/customers/none")
    answer = reader.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if line[0] != "#")
    route = "/v1/customers/{user_id}"
    assert (
        figures[f'signoff_http_requests_total{{method="GET",route="{route}",status="404"}}'] == "3"
    )
    assert figures[f'signoff_http_request_seconds_count{{route="{route}"}}'] == "3"
    assert figures[f'signoff_http_request_seconds_bucket{{route="{route}",le="+Inf"}}'] == "3"
    assert figures['signoff_dead_letters{kind="unknown_interaction"}'] == "1"
    assert figures['signoff_queue_jobs{queue="approvals",place="waiting"}'] == "0"
    assert figures['signoff_feed_unread_events{reader="a\\"b"}'] == "1"
    assert figures["signoff_ledger_events"] == "1"


def test_the_figures_name_each_webhook(reader: httpx.Client, connection: BatchConnection) -> None:
    """What waits, what is dead, and for how long nothing was sent; not of one that is disabled."""
    for name in ("crm", "off"):
        webhooks.add(connection, name, "http://127.0.0.1:1/", [WebhookKind.STATUS_CHANGED])
    later = datetime.now(UTC) + timedelta(days=1)
    write(connection, [Message(WebhookKind.STATUS_CHANGED, None, later, "{}")] * 2)
    connection.execute(
        "UPDATE webhook_deliveries SET state = 'dead', next_attempt_at = NULL, finished_at = now()"
        " WHERE id = (SELECT min(id) FROM webhook_deliveries)"
    )
    connection.execute(
        "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 hour'"
        " WHERE state = 'pending'"
    )
    webhooks.switch(connection, "off", disabled_for="holidays")
    figures = dict(
        line.rsplit(" ", 1)
        for line in reader.get("/metrics").text.splitlines()
        if line.startswith("signoff_webhook_")
    )
    assert float(figures.pop('signoff_webhook_late_seconds{webhook="crm"}')) >= 3600
    assert figures == {
        'signoff_webhook_deliveries{webhook="crm",state="waiting"}': "1",
        'signoff_webhook_deliveries{webhook="crm",state="dead"}': "1",
        'signoff_webhook_deliveries{webhook="off",state="waiting"}': "2",
        'signoff_webhook_deliveries{webhook="off",state="dead"}': "0",
    }
