"""Events, customers, interactions, the funnel and dead letters over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import processes
import pytest
import web
from approvals import apply_events, approval, decision, delivery
from command_line import Signoff
from described import checked
from letters import letters_in

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_embedded.ports import free_port
from signoff_producer import Producer
from signoff_schemas.access import Scope

CUSTOMER = "/v1/customers/{user_id}"
LETTER = "/v1/dead-letters/{letter_id}"


@pytest.fixture
def reader(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may read."""
    with web.client(
        redis_url, database_url, authenticate=web.acting_as("any", Scope.READ)
    ) as client:
        yield client


def unread(payload: bytes) -> Delivery:
    """A job whose payload is no event."""
    return Delivery.of_payload(str(uuid4()), payload)


def test_a_customer_has_its_state_and_history(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """Amounts are strings with two places, times end with Z, a void decision says why."""
    ground = uuid4()
    apply_events(
        connection,
        approval(0, user_id="ann", customer_status="CUSTOMER", ltv_amount="100"),
        approval(1, user_id="ann", ltv_amount="50.5"),
        decision(2, user_id="ann", customer_status="CHURNED", rests_on=ground),
    )
    found = checked(reader.get("/v1/customers/ann"), CUSTOMER)
    assert (found["customer_status"], found["ltv_usd"]) == ("CUSTOMER", "150.50")
    assert [entry["given_ltv"] for entry in found["ledger"]] == ["100.00", "50.50", None]
    assert [entry["occurred_at"] for entry in found["ledger"]] == [
        f"2026-01-31T10:0{minute}:00Z" for minute in range(3)
    ]
    assert found["ledger"][2]["void_because"]["event_id"] == str(ground)
    assert [move["to_status"] for move in found["transitions"]] == ["CUSTOMER"]
    assert len(found["interactions"]) == 2


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "ä ö?&#", "..%", "a/interactions", "\n", "日本"])
def test_a_user_id_may_hold_any_character(
    reader: httpx.Client, connection: BatchConnection, name: str
) -> None:
    """A percent-encoded slash is part of the id, and no other route."""
    apply_events(connection, approval(user_id=name))
    path = f"/v1/customers/{quote(name, safe='')}"
    assert checked(reader.get(path), CUSTOMER)["user_id"] == name
    found = checked(reader.get(f"{path}/interactions"), f"{CUSTOMER}/interactions")
    assert len(found["items"]) == 1


@pytest.mark.parametrize("sent", ["%00", "%ff", "a" * 1001])
def test_what_is_no_id_is_refused(reader: httpx.Client, sent: str) -> None:
    """No text that Postgres cannot be asked for reaches it."""
    for path, route in [("customers", CUSTOMER), ("events", "/v1/events/{event_id}")]:
        answer = reader.get(f"/v1/{path}/{sent}")
        assert answer.status_code == 422
        assert checked(answer, route)["errors"][0]["pointer"].startswith("/path/")


def test_a_history_comes_in_pages(reader: httpx.Client, connection: BatchConnection) -> None:
    """The header `Link` leads through all pages, whatever the id is."""
    apply_events(connection, *(approval(n, user_id="a/b c") for n in range(5)))
    seen: list[str] = []
    address = "/v1/customers/a%2Fb%20c?limit=2"
    while address:
        answer = reader.get(address)
        found = checked(answer, CUSTOMER)
        seen = [entry["occurred_at"] for entry in found["ledger"]] + seen
        address = answer.links.get("next", {}).get("url", "")
    assert seen == [f"2026-01-31T10:0{minute}:00Z" for minute in range(5)]


def test_interactions_of_a_customer_come_in_pages(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """The cursor of the customer's own page goes on in their list."""
    events = [approval(n, user_id="ann") for n in range(5)]
    apply_events(connection, *events)
    found = checked(reader.get("/v1/customers/ann", params={"limit": 2}), CUSTOMER)
    seen, cursor = found["interactions"], found["interactions_next"]
    while cursor:
        answer = reader.get("/v1/customers/ann/interactions", params={"limit": 2, "cursor": cursor})
        page = checked(answer, f"{CUSTOMER}/interactions")
        seen, cursor = seen + page["items"], page["next"]
    assert sorted(seen) == sorted(str(event.interaction_id) for event in events)


@pytest.mark.parametrize("cursor", ["x", "WyJsZWRnZXIiLCJ4Il0", "%00", "a" * 1001])
def test_a_wrong_cursor_is_refused(
    reader: httpx.Client, connection: BatchConnection, cursor: str
) -> None:
    """One that no list gave, and one of another list."""
    apply_events(connection, approval(user_id="ann"))
    for path, route in [("/v1/customers/ann", CUSTOMER), ("/v1/dead-letters", "/v1/dead-letters")]:
        answer = reader.get(f"{path}?cursor={cursor}")
        assert (answer.status_code, checked(answer, route)["status"]) == (422, 422)


def test_what_is_unknown_is_not_found(reader: httpx.Client) -> None:
    """Each answer is a problem that names what was asked for."""
    for path, route in [
        ("/v1/customers/none", CUSTOMER),
        ("/v1/customers/none/interactions", f"{CUSTOMER}/interactions"),
        (f"/v1/interactions/{uuid4()}", "/v1/interactions/{interaction_id}"),
        (f"/v1/events/{uuid4()}", "/v1/events/{event_id}"),
        ("/v1/dead-letters/1", LETTER),
    ]:
        answer = reader.get(path)
        assert answer.status_code == 404
        assert checked(answer, route)["type"].startswith("urn:signoff:problem:unknown-")


def test_an_interaction_has_its_state_and_history(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """All its columns; numbers of `cta_data` that no float holds are still JSON."""
    event = approval(ltv_amount="25", cta_data={"n": 10**30, "deep": [{"x": 1e-300}]})
    apply_events(connection, event)
    found = checked(
        reader.get(f"/v1/interactions/{event.interaction_id}"), "/v1/interactions/{interaction_id}"
    )
    assert (found["ltv_usd"], found["opening_ltv_usd"]) == ("25.00", "0.00")
    assert found["cta_data"] == {"n": 10**30, "deep": [{"x": 1e-300}]}
    assert len(found["ledger"]) == 1


@pytest.mark.parametrize("number", ["1e400", "1e5000", f"{'9' * 400}.5", "-1e131000"])
def test_numbers_that_python_cannot_hold_are_shown(
    reader: httpx.Client, connection: BatchConnection, number: str
) -> None:
    """A row that somebody else wrote may hold any number of `jsonb`; the answer stays JSON."""
    event = approval()
    apply_events(connection, event)
    held = f'{{"n": {number}, "m": 1.5}}'
    connection.execute("UPDATE interactions SET cta_data = %s::text::jsonb", [held])
    answer = reader.get(f"/v1/interactions/{event.interaction_id}")
    assert answer.status_code == 200
    found = json.loads(answer.text, parse_constant=pytest.fail)["cta_data"]
    assert found["m"] == 1.5
    assert str(found["n"]).startswith(("1000", "9999", "-1000"))


def test_the_funnel_has_all_statuses(reader: httpx.Client, connection: BatchConnection) -> None:
    """Those without customers too."""
    apply_events(connection, approval(customer_status="CUSTOMER", ltv_amount="7"))
    found = checked(reader.get("/v1/funnel"), "/v1/funnel")
    held = {
        step["customer_status"]: (step["customers"], step["ltv_usd"]) for step in found["items"]
    }
    assert held["CUSTOMER"] == (1, "7.00")
    assert held["CHURNED"] == (0, "0.00")
    assert len(held) == 5


def test_an_event_has_its_history(
    reader: httpx.Client, connection: BatchConnection, redis_url: str
) -> None:
    """On the queue, in the ledger, and as a dead letter on which an operator acted."""
    queued, applied, dead = approval(), approval(), approval(user_id=None)
    with Producer(redis_url) as producer:
        producer.publish(queued)
    apply_events(connection, applied, dead)
    discard(connection, [letters_in(connection)[0].id], actor="op", reason="old")
    route = "/v1/events/{event_id}"
    steps = {}
    for event in (queued, applied, dead):
        found = checked(reader.get(f"/v1/events/{event.event_id}"), route)
        steps[event.event_id] = [entry["what"] for entry in found["history"]]
    assert steps[queued.event_id] == ["queued"]
    assert steps[applied.event_id] == ["applied"]
    assert steps[dead.event_id] == ["dead", "discard", "discarded"]


def test_dead_letters_are_filtered_and_never_hold_payloads(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """Each filter of `dlq list`; pages follow each other."""
    lost = [approval(n, user_id=None) for n in range(3)]
    apply(connection, [*map(delivery, lost), unread(b"{secret"), unread(b"\xff")])
    letters = letters_in(connection)
    settled = next(one for one in letters if one.interaction_id == lost[0].interaction_id)
    discard(connection, [settled.id], actor="op", reason="old")

    def listed(**filters: Any) -> list[dict[str, Any]]:
        answer = reader.get("/v1/dead-letters", params=filters)
        assert "secret" not in answer.text
        items: list[dict[str, Any]] = checked(answer, "/v1/dead-letters")["items"]
        return items

    assert len(listed()) == 4
    assert len(listed(kind="invalid_payload")) == 2
    assert len(listed(kind=["invalid_payload", "unknown_interaction"])) == 4
    assert [one["id"] for one in listed(state="discarded")] == [settled.id]
    assert len(listed(interaction_id=str(lost[2].interaction_id))) == 1
    assert listed(user_id="nobody") == listed(until="2020-01-01T00:00:00Z") == []
    assert len(listed(since="2020-01-01T00:00:00Z")) == 4
    first = listed()[0]
    assert {one["id"] for one in listed(fingerprint=first["fingerprint"])} >= {first["id"]}
    page = reader.get("/v1/dead-letters", params={"limit": 3})
    rest = reader.get(page.links["next"]["url"])
    ids = [one["id"] for answer in (page, rest) for one in answer.json()["items"]]
    assert ids == [one["id"] for one in listed()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kinds", "invalid_payload"),
        ("", "1"),
        ("a/b\n", "1"),
        ("kind", "none"),
        ("state", "none"),
        ("since", "2h"),
        ("since", "2026-01-31T10:00:00"),
        ("until", "1e9"),
        ("interaction_id", "1"),
        ("user_id", "\0"),
        ("fingerprint", "\0"),
        ("limit", "0"),
        ("limit", "1001"),
    ],
)
def test_a_wrong_filter_is_named(reader: httpx.Client, name: str, value: str) -> None:
    """One that the route does not know would list too much; the problem points at it."""
    answer = reader.get("/v1/dead-letters", params={name: value})
    assert answer.status_code == 422
    assert checked(answer, "/v1/dead-letters")["errors"][0]["pointer"].startswith(
        f"/query/{name}".replace("a/b\n", "a~1b\\n")
    )


def test_a_dead_letter_has_its_payload(reader: httpx.Client, connection: BatchConnection) -> None:
    """As text where it is one, else in base64; with what operators did."""
    apply(connection, [unread(b'{"text": "\\u202e"'), unread(b"\xff")])
    binary, text = sorted(letters_in(connection), key=lambda letter: letter.payload_size)
    discard(connection, [text.id], actor="op", reason="old")
    found = checked(reader.get(f"/v1/dead-letters/{text.id}"), LETTER)
    assert found["payload"] == '{"text": "\\u202e"'
    assert [(one["actor"], one["action"]) for one in found["actions"]] == [("op", "discard")]
    assert checked(reader.get(f"/v1/dead-letters/{binary.id}"), LETTER)["payload_base64"] == "/w=="


def test_causes_group_dead_letters(reader: httpx.Client, connection: BatchConnection) -> None:
    """The biggest first."""
    lost = [approval(n, user_id=None) for n in range(3)]
    apply(connection, [*map(delivery, lost), unread(b"{")])
    found = checked(reader.get("/v1/causes"), "/v1/causes")
    assert [(one["kind"], one["count"]) for one in found["items"]] == [
        ("unknown_interaction", 3),
        ("invalid_payload", 1),
    ]
    assert found["more"] is False


def test_the_command_line_says_the_same(
    reader: httpx.Client,
    connection: BatchConnection,
    redis_url: str,
    database_url: str,
    tmp_path: Path,
) -> None:
    """What has a `--json` is the same JSON over HTTP; there, `known` is the status."""
    event, lost = approval(user_id="ann", customer_status="CUSTOMER"), approval(user_id=None)
    apply_events(connection, event, lost)
    letter = letters_in(connection)[0].id
    signoff = Signoff(tmp_path, processes.environment(redis_url, database_url))
    for path, arguments in [
        ("/v1/customers/ann", ["customer", "ann"]),
        (f"/v1/interactions/{event.interaction_id}", ["interaction", str(event.interaction_id)]),
        (f"/v1/events/{event.event_id}", ["event", str(event.event_id)]),
        (f"/v1/dead-letters/{letter}", ["dlq", "show", str(letter)]),
    ]:
        shown = json.loads(signoff(*arguments, "--json").stdout)
        assert {"known": True, **reader.get(path).json()} == shown
    assert reader.get("/v1/funnel").json()["items"] == json.loads(
        signoff("funnel", "--json").stdout
    )
    assert reader.get("/v1/causes").json()["items"] == json.loads(
        signoff("dlq", "groups", "--json").stdout
    )


def test_each_route_wants_the_scope_read(redis_url: str, database_url: str) -> None:
    """But for what is open to all."""
    routes = ["events/x", "customers/x", "funnel", "dead-letters", "causes", "feed"]
    allowed = web.acting_as("any", Scope.PUBLISH)
    with web.client(redis_url, database_url, authenticate=allowed) as client:
        assert [client.get(f"/v1/{route}").status_code for route in routes] == [403] * len(routes)
        assert client.get("/metrics").status_code == 403
        for path in ("/live", "/ready", "/v1/openapi.json", "/v1/schemas/approval"):
            assert client.get(path).status_code == 200


def test_what_needs_no_redis_works_without(connection: BatchConnection, database_url: str) -> None:
    """An event that Postgres knows is shown, and what could not be asked is named."""
    event = approval(user_id="ann")
    apply_events(connection, event)
    nowhere = f"redis://:hidden@127.0.0.1:{free_port()}"
    with web.client(nowhere, database_url, authenticate=web.acting_as("any")) as client:
        for path in ("customers/ann", "funnel", "dead-letters", "causes", "feed"):
            assert client.get(f"/v1/{path}").status_code == 200
        known = checked(client.get(f"/v1/events/{event.event_id}"), "/v1/events/{event_id}")
        assert list(known["away"]) == ["redis"]
        unknown = client.get(f"/v1/events/{uuid4()}")
        assert unknown.status_code == 503
        assert "hidden" not in unknown.text
        assert int(unknown.headers["retry-after"]) > 0
        assert client.get("/ready").json()["detail"] == "redis does not answer"
