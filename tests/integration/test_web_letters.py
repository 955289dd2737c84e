"""Dead letters and causes over HTTP: each filter, a search that ends, an edit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
import web
from approvals import apply_events, approval, balance, mapping
from described import checked
from letters import EVERY_STATE, letters_in
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_schemas import DeadLetterState
from signoff_schemas.access import Scope

LETTERS = "/v1/dead-letters"
EDIT = "/v1/dead-letters/{letter_id}/edit"
CAUSE = "/v1/causes/{fingerprint}"


@pytest.fixture
def operator(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A program that may read and operate."""
    authenticate = web.acting_as("bot", Scope.READ, Scope.OPERATE)
    with web.client(redis_url, database_url, authenticate=authenticate) as client:
        yield client


def bury(connection: BatchConnection, payload: bytes, job_id: str = "a job") -> int:
    """A dead letter of a payload that is no valid event; returns its id."""
    apply(connection, [Delivery.of_payload(job_id, payload)])
    return letters_in(connection)[0].id


def edit(client: httpx.Client, letter_id: int, body: Any) -> tuple[int, Any]:
    """The status and the answer of an edit."""
    content = body if isinstance(body, bytes) else to_json(body)
    headers = {"content-type": "application/json"}
    answer = client.post(f"{LETTERS}/{letter_id}/edit", content=content, headers=headers)
    return answer.status_code, checked(answer, EDIT)


def test_each_filter_narrows_the_list(operator: httpx.Client, connection: BatchConnection) -> None:
    """Those of the command line and of the pages."""
    event = approval(user_id=None)
    apply_events(connection, event)
    bury(connection, b'{"x": "50% off"}')
    for filters, number in [
        ({"event_id": str(event.event_id)}, 1),
        ({"event_id": str(uuid4())}, 0),
        ({"job_id": "a job"}, 1),
        ({"event_type": "status_decision"}, 0),
        ({"text": "50% off"}, 1),
        ({"text": "IS NOT IN POSTGRES"}, 1),
        ({"text": "50_ off"}, 0),
    ]:
        found = checked(operator.get(LETTERS, params=filters), LETTERS)
        assert len(found["items"]) == number, filters
        assert found["complete"] is True
        assert found["looked_at"] == (2 if "text" in filters else None)
    for wrong in ({"text": ""}, {"text": "x" * 201}, {"event_type": "x"}, {"text": "\0"}):
        assert operator.get(LETTERS, params=wrong).status_code == 422, wrong


def test_causes_come_in_pages(operator: httpx.Client, connection: BatchConnection) -> None:
    """The header `Link` leads through all of them."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " SELECT n::text, 'ltv_overflow', 'm', '', 'f' || n % 9 FROM generate_series(1, 30) AS n"
    )
    seen: list[str] = []
    address = "/v1/causes?limit=4"
    while address:
        answer = operator.get(address)
        found = checked(answer, "/v1/causes")
        assert (found["total"], found["letters"]) == (9, 30)
        seen += [one["fingerprint"] for one in found["items"]]
        address = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == [f"f{n}" for n in range(9)]


def test_a_cause_has_what_to_do(operator: httpx.Client, connection: BatchConnection) -> None:
    """With its trend and customers; when it is settled, the letters that were."""
    letter_id = bury(connection, to_json(mapping(user_id="ann", quality_score=9)))
    fingerprint = letters_in(connection)[0].fingerprint
    found = checked(operator.get(f"/v1/causes/{fingerprint}"), CAUSE)
    assert (found["open"]["count"], found["customers"]["customers"]) == (1, 1)
    assert sum(found["trend"]["counts"]) == 1
    assert found["advice"]["name"] == "A field breaks the contract"
    discard(connection, [letter_id], actor="op", reason="r")
    settled = checked(operator.get(f"/v1/causes/{fingerprint}"), CAUSE)
    assert settled["open"] is None
    assert [one["id"] for one in settled["settled"]] == [letter_id]
    unknown = operator.get("/v1/causes/none")
    assert checked(unknown, CAUSE)["type"] == "urn:signoff:problem:unknown-cause"


def test_an_edit_is_tried_then_applied(operator: httpx.Client, connection: BatchConnection) -> None:
    """A dry run changes nothing; numbers keep all their digits."""
    event = mapping(user_id="ann", customer_status="CUSTOMER", ltv_amount="5", quality_score=9)
    letter_id = bury(connection, to_json(event))
    mended = event | {"quality_score": 4, "cta_data": {"n": 10**30}}
    body = {"event": mended, "reason": "typo", "dry_run": True}
    status, tried = edit(operator, letter_id, body)
    assert (status, tried["result"], tried["before"]) == (200, "applied", None)
    assert tried["after"] == {"customer_status": "CUSTOMER", "ltv_usd": "5.00"}
    assert ["quality_score", 9, 4] in tried["difference"]
    assert letters_in(connection)[0].id == letter_id

    assert edit(operator, letter_id, body | {"dry_run": False})[0] == 200
    assert balance(connection, event["interaction_id"]) == ("CUSTOMER", "5.00")
    (letter,) = letters_in(connection, *EVERY_STATE)
    assert letter.state is DeadLetterState.RESOLVED
    row = connection.execute("SELECT cta_data->'n' FROM interactions").fetchone()
    assert row is not None
    assert Decimal(row[0]) == 10**30
    noted = connection.execute("SELECT actor, reason FROM operator_actions").fetchall()
    assert noted == [("key:bot", "typo")]
    again = edit(operator, letter_id, body)
    assert (again[0], again[1]["type"]) == (409, "urn:signoff:problem:letter-settled")


def test_an_edit_that_does_not_apply_is_refused(
    operator: httpx.Client, connection: BatchConnection
) -> None:
    """With the fields, or the failure; nothing changes."""
    event = {name: value for name, value in mapping().items() if name != "user_id"}
    letter_id = bury(connection, to_json(event))
    for body, status, slug in [
        ({"event": event, "reason": "r"}, 409, "not-applied"),
        ({"event": event | {"quality_score": 9}, "reason": "r"}, 422, "invalid-event"),
        ({"event": event | {"event_id": uuid4()}, "reason": "r"}, 409, "edit-refused"),
        ({"event": event}, 422, "invalid-request"),
        ({"event": event, "reason": " "}, 422, "invalid-request"),
        ({"event": event, "reason": 5}, 422, "invalid-request"),
        ({"event": [], "reason": "r"}, 422, "invalid-request"),
        ({"reason": "r"}, 422, "invalid-request"),
        ({"event": event, "reason": "r", "dry_run": 1}, 422, "invalid-request"),
        ({"event": event, "reason": "r", "dryrun": True}, 422, "invalid-request"),
        (b"[]", 422, "invalid-request"),
        (b'{"event": {}, "reason": "\\ud800"}', 422, "invalid-event"),
        (b"\xff", 422, "invalid-request"),
        (b"[" * 100_000, 422, "invalid-request"),
    ]:
        answer = edit(operator, letter_id, body)
        assert (answer[0], answer[1]["type"]) == (status, f"urn:signoff:problem:{slug}"), body
    assert edit(operator, 999, {"event": event, "reason": "r"})[0] == 404
    large = bury(connection, b"x" * 300_000, "large")
    assert edit(operator, large, {"event": event, "reason": "r"})[0] == 409
    assert json.loads(to_json(event))["event_id"] == str(letters_in(connection)[1].event_id)


def test_an_edit_waits_for_no_lock_for_long(
    operator: httpx.Client, connection: BatchConnection
) -> None:
    """If somebody holds the letter, the answer says so."""
    event = mapping(quality_score=9)
    letter_id = bury(connection, to_json(event))
    with connection.transaction():
        connection.execute("SELECT FROM dead_letters FOR UPDATE")
        body = {"event": event | {"quality_score": 4}, "reason": "r"}
        status, problem = edit(operator, letter_id, body)
    assert status == 409
    assert "another transaction holds this letter" in problem["detail"]
