"""The context of a customer over HTTP, from a second database that may be away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import web
from approvals import apply_events, approval, decision
from described import checked
from processes import DEADLINE
from rapport import keep_contexts

from signoff_db.connection import BatchConnection, connect
from signoff_embedded.ports import free_port
from signoff_insight.rapport.create import create
from signoff_ops.contexts import ContextsNotComputedError, shown_context
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Scope

ROUTE = "/v1/customers/{user_id}/context"
ANN = "/v1/customers/ann/context"


@pytest.fixture
def rapport_url(empty_database_url: str) -> str:
    """The URL of a second database with its tables, as it is set."""
    create(Settings.load(rapport_url=empty_database_url).rapport)
    return empty_database_url


def serving(
    redis_url: str, database_url: str, rapport_url: str | None
) -> AbstractContextManager[httpx.Client]:
    """A client that may read."""
    sender = web.acting_as("any", Scope.READ)
    return web.client(redis_url, database_url, authenticate=sender, rapport_url=rapport_url)


@pytest.fixture
def reader(redis_url: str, database_url: str, rapport_url: str) -> Iterator[httpx.Client]:
    """The same, with a second database."""
    with serving(redis_url, database_url, rapport_url) as client:
        yield client


def keep(database_url: str, rapport_url: str) -> None:
    """Bring the contexts up to date."""
    keep_contexts(database_url, Settings.load(rapport_url=rapport_url).rapport)


def problem(answer: httpx.Response, route: str = ROUTE) -> tuple[int, str, str]:
    """Status, kind and text of a problem that the description names."""
    found = checked(answer, route)
    return answer.status_code, found["type"].removeprefix("urn:signoff:problem:"), found["detail"]


def test_a_context_has_the_described_shape(
    reader: httpx.Client, connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """Status, exchanges, what upstreams said; and how far it has read."""
    interaction = uuid4()
    connection.execute(
        "INSERT INTO reviews (interaction_id, user_id, customer_message, context)"
        ' VALUES (%s, \'ann\', \'how much?\', \'{"customer": {"name": "Ann", "age": 1e2}}\')',
        [interaction],
    )
    bought = approval(
        interaction_id=interaction,
        user_id="ann",
        reviewer_id="bob",
        edit_tags=["CTA_SOFT"],
        cta_data={"kind": "shop"},
        customer_status="CUSTOMER",
        ltv_amount="100",
    )
    apply_events(connection, bought, decision(1, user_id="ann"))
    keep(database_url, rapport_url)
    found = checked(reader.get(ANN), ROUTE)
    assert (found["customer_status"], found["ltv_usd"]) == ("CHURNED", "100.00")
    assert found["status_decided_by"] == "user:ann"
    assert found["exchanges"][0]["customer_message"] == "how much?"
    assert found["exchanges"][0]["reply"] == ["hello"]
    assert found["ctas"][0]["label"] == "shop"
    assert found["customer"] == {"name": "Ann", "age": 100}
    assert found["as_of"]["is_behind"] is False


def test_a_user_id_may_hold_any_character(
    reader: httpx.Client, connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """Percent-encoded, as for the customer itself."""
    apply_events(connection, approval(user_id="a/b c%2F"))
    keep(database_url, rapport_url)
    assert checked(reader.get("/v1/customers/a%2Fb%20c%252F/context"), ROUTE)["user_id"] == (
        "a/b c%2F"
    )


def test_no_control_character_is_sent(
    reader: httpx.Client, connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """What people wrote is escaped, as in all other answers."""
    apply_events(connection, approval(user_id="ann", final_bubbles=["a\x9b31m\u202e\x7f\u2028"]))
    keep(database_url, rapport_url)
    answer = reader.get(ANN)
    assert answer.text.isprintable()
    assert checked(answer, ROUTE)["exchanges"][0]["reply"] == ["a\x9b31m\u202e\x7f\u2028"]


@pytest.mark.parametrize("held", ["[]", "null", '"text"', "5"])
def test_a_context_that_something_else_wrote_is_not_shown(
    reader: httpx.Client,
    connection: BatchConnection,
    database_url: str,
    rapport_url: str,
    held: str,
) -> None:
    """The second database may hold anything; the answer says what helps."""
    apply_events(connection, approval(user_id="ann"))
    keep(database_url, rapport_url)
    settings = Settings.load(rapport_url=rapport_url)
    with connect(settings.rapport) as rapport:
        rapport.execute("UPDATE contexts SET context = %s::jsonb", [held])
    status, kind, text = problem(reader.get(ANN))
    assert (status, kind) == (503, "contexts-not-computed")
    assert "`signoff rapport rebuild`" in text
    with pytest.raises(ContextsNotComputedError):
        shown_context(DirectServers(settings), "ann")


def test_an_unknown_customer_is_not_found(
    reader: httpx.Client, connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """The answer says until when events were looked at, since newer ones may name the customer."""
    keep(database_url, rapport_url)
    apply_events(connection, approval(user_id="ann"))
    status, kind, text = problem(reader.get(ANN))
    assert (status, kind) == (404, "unknown-customer")
    with connect(Settings.load(rapport_url=rapport_url).rapport) as rapport:
        row = rapport.execute("SELECT read_until FROM rapport_state").fetchone()
    assert row
    assert f"until {row[0]:%Y-%m-%d %H:%M:%S} UTC" in text


def test_contexts_that_were_never_complete_know_nobody(reader: httpx.Client) -> None:
    """Whether there is such a customer is not known yet: that is no 404."""
    status, kind, text = problem(answer := reader.get(ANN))
    assert (status, kind) == (503, "contexts-not-computed")
    assert "signoff rapport run" in text
    assert int(answer.headers["retry-after"]) > 0


def test_without_a_second_database_the_setting_is_named(redis_url: str, database_url: str) -> None:
    """Nothing is there that could be tried again."""
    with serving(redis_url, database_url, None) as client:
        status, kind, text = problem(answer := client.get(ANN))
    assert (status, kind) == (501, "rapport-not-set")
    assert "SIGNOFF_RAPPORT_URL" in text
    assert "retry-after" not in answer.headers


def test_a_second_database_without_tables_says_which_command_helps(
    redis_url: str, database_url: str, empty_database_url: str
) -> None:
    """It is there, and nobody has prepared it."""
    with serving(redis_url, database_url, empty_database_url) as client:
        status, kind, text = problem(client.get(ANN))
    assert (status, kind) == (503, "wrong-settings")
    assert "signoff rapport create" in text


def test_a_second_database_that_is_away_stops_nothing_else(
    redis_url: str, database_url: str, connection: BatchConnection
) -> None:
    """However many ask for contexts, all others are answered, and each of them soon."""
    apply_events(connection, approval(user_id="ann"))
    nowhere = f"postgresql://nobody:hidden@127.0.0.1:{free_port()}/none"
    with serving(redis_url, database_url, nowhere) as client, ThreadPoolExecutor(100) as threads:
        began = time.monotonic()
        asked = [threads.submit(client.get, ANN) for _ in range(60)]
        assert client.get("/v1/customers/ann").status_code == 200
        assert client.get("/ready").status_code == 200
        answers = [one.result() for one in asked]
        assert time.monotonic() - began < DEADLINE
    assert problem(answers[0])[:2] == (503, "rapport-unavailable")
    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "hidden" not in answer.text


def test_the_figures_tell_how_far_contexts_reach(
    reader: httpx.Client, redis_url: str, database_url: str, rapport_url: str
) -> None:
    """Whether the second database could be read, and until when contexts hold what was applied."""

    def figures(client: httpx.Client) -> dict[str, float]:
        lines = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines()]
        return {name: float(value) for name, value in lines if name[0] != "#"}

    up = 'signoff_up{server="rapport"}'
    never = figures(reader)
    keep(database_url, rapport_url)
    kept = figures(reader)
    with serving(redis_url, database_url, None) as client:
        unset = figures(client)
    with serving(redis_url, database_url, f"postgresql://127.0.0.1:{free_port()}/x") as client:
        away = figures(client)
    assert (never[up], kept[up], away[up], up in unset) == (1, 1, 0, False)
    assert (never["signoff_contexts_behind"], kept["signoff_contexts_behind"]) == (1, 0)
    until = "signoff_contexts_read_until_timestamp_seconds"
    assert time.time() - 600 < kept[until] <= time.time() + 60
    assert not [name for name in (*unset, *away) if "contexts" in name]
    assert kept['signoff_feed_lag_seconds{reader="rapport"}'] == 0


def test_it_answers_again_once_the_second_database_is_back(
    reader: httpx.Client, connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """Connections that were ended are replaced."""
    apply_events(connection, approval(user_id="ann"))
    keep(database_url, rapport_url)
    assert reader.get(ANN).status_code == 200
    with psycopg.connect(rapport_url, autocommit=True) as admin:
        ended: list[tuple[Any, ...]] = admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'signoff-web' AND datname = current_database()"
        ).fetchall()
    assert ended
    assert reader.get(ANN).status_code == 200
