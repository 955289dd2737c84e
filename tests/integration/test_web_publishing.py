"""Publish one event over HTTP: what is answered to what."""

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import processes
import pytest
import web
from redis import Redis
from web_events import APPROVALS, DECISIONS, a_decision, event, problem_of

from signoff_embedded.ports import free_port
from signoff_schemas import decode_job
from signoff_schemas.access import Scope
from signoff_schemas.keys import JOB_PREFIX

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may publish."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    with web.client(redis_url, database_url, authenticate=sender) as opened:
        yield opened


def test_an_event_is_accepted_once(client: httpx.Client, redis_url: str) -> None:
    """The queue has it then; sent again it is a duplicate, and with other content a conflict."""
    sent = event(ltv_amount=12.5)
    first, second = client.post(APPROVALS, json=sent), client.post(APPROVALS, json=sent)
    third = client.post(APPROVALS, json=sent | {"quality_score": 1})

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == {"event_id": sent["event_id"], "answer": "accepted"}
    assert second.json() == {"event_id": sent["event_id"], "answer": "duplicate"}
    assert first.headers["location"] == f"/v1/events/{sent['event_id']}"
    conflict = problem_of(third, 409, "event-conflict")
    assert (conflict["event_id"], conflict["answer"]) == (sent["event_id"], "conflict")
    with Redis.from_url(redis_url) as redis:
        data = redis.hget(JOB_PREFIX + sent["event_id"], "data")
    assert json.loads(decode_job(data)[1])["ltv_amount"] == "12.50"


def test_a_rejected_event_is_answered_with_all_its_fields(client: httpx.Client) -> None:
    """Each wrong field is named, with a JSON Pointer."""
    wrong = event(quality_score=9, final_bubbles=["ok", " "], surprise=1)
    problem = problem_of(client.post(APPROVALS, json=wrong), 422, "invalid-event")

    assert {error["pointer"] for error in problem["errors"]} == {
        "/quality_score",
        "/final_bubbles/1",
        "/surprise",
    }
    assert (problem["event_id"], problem["answer"]) == (wrong["event_id"], "rejected")


def test_each_kind_has_its_own_route(client: httpx.Client) -> None:
    """An event on the route of the other kind is refused, and told where it belongs."""
    there = client.post(APPROVALS, json=a_decision())
    here = client.post(DECISIONS, json=event())

    assert DECISIONS in problem_of(there, 422, "invalid-event")["detail"]
    assert APPROVALS in problem_of(here, 422, "invalid-event")["detail"]
    assert client.post(DECISIONS, json=a_decision()).status_code == 202


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json_invalid"),
        (b"{", "json_invalid"),
        (b"\xff\xfe", "json_invalid"),
        (b"[]", "model_type"),
        (b'"text"', "model_type"),
        (b"[" * 100_000, "json_invalid"),
        (b'{"cta_data": {"a": NaN}}', "json_object"),
    ],
)
def test_what_is_no_event_is_refused(client: httpx.Client, body: bytes, code: str) -> None:
    """The contract's own parser reads the body, and its words are the answer."""
    problem = problem_of(client.post(APPROVALS, content=body, headers=JSON), 422, "invalid-event")

    assert code in {error["code"] for error in problem["errors"]}
    assert problem["event_id"] is None


@pytest.mark.parametrize("amount", [math.nan, math.inf, True, "1e2", "12.345", 1.005])
def test_an_amount_that_is_none_is_refused(client: httpx.Client, amount: object) -> None:
    """Python's own JSON writes NaN and Infinity, which are no JSON."""
    body = json.dumps(event(ltv_amount=amount))

    problem_of(client.post(APPROVALS, content=body, headers=JSON), 422, "invalid-event")


def test_of_a_field_that_is_given_twice_the_last_counts(client: httpx.Client) -> None:
    """As the contract's parser reads it everywhere: the receipt names the event that is queued."""
    sent = event()
    body = json.dumps(sent)[:-1] + f', "event_id": "{(last := str(uuid4()))}"}}'

    assert client.post(APPROVALS, content=body, headers=JSON).json()["event_id"] == last


def test_the_idempotency_key_is_the_event_id(client: httpx.Client) -> None:
    """Where the header is given it must be the event's id; quotes around it are no matter."""
    sent = event()
    other = client.post(APPROVALS, json=sent, headers={"Idempotency-Key": str(uuid4())})
    same = client.post(APPROVALS, json=sent, headers={"Idempotency-Key": f'"{sent["event_id"]}"'})

    problem = problem_of(other, 422, "wrong-idempotency-key")
    assert problem["errors"][0]["pointer"] == "/event_id"
    assert same.status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
    ],
)
def test_another_type_of_content_is_not_taken(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    """The answer names the types that are."""
    problem = problem_of(
        client.post(APPROVALS, content=json.dumps(event()), headers=headers),
        415,
        "unsupported-media-type",
    )
    assert "application/json" in problem["detail"]
    assert "application/x-ndjson" in problem["detail"]


def test_a_charset_may_be_named(client: httpx.Client) -> None:
    """UTF-8 is what is taken, said or not."""
    headers = {"Content-Type": 'Application/JSON; charset="UTF-8"'}

    assert client.post(APPROVALS, json=event(), headers=headers).status_code == 202


def test_a_body_may_be_compressed(client: httpx.Client) -> None:
    """By gzip, and by nothing else."""
    body = gzip.compress(json.dumps(event()).encode())
    zipped = client.post(APPROVALS, content=body, headers=JSON | {"Content-Encoding": "gzip"})
    other = client.post(APPROVALS, content=body, headers=JSON | {"Content-Encoding": "br"})

    assert zipped.status_code == 202
    assert "gzip" in problem_of(other, 415, "unsupported-encoding")["detail"]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_body_that_is_too_large_is_refused(
    client: httpx.Client, *, compressed: bool, in_chunks: bool
) -> None:
    """Whether its length is known or not; of one that inflates to too much no more is inflated."""
    body = gzip.compress(bytes(50_000_000)) if compressed else bytes(600_000)
    headers = JSON | ({"Content-Encoding": "gzip"} if compressed else {})
    content = iter([body]) if in_chunks else body

    answer = client.post(APPROVALS, content=content, headers=headers)
    problem_of(answer, 413, "body-too-large")


def test_a_body_that_is_announced_as_too_large_is_not_read(client: httpx.Client) -> None:
    """A client that asks before it sends is refused before it sends."""
    connection = web.RawConnection(client.base_url)
    connection.send(
        b"POST /v1/approvals HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    )

    assert connection.rest().startswith(b"HTTP/1.1 413 ")


def test_a_sender_beyond_its_rate_is_refused(redis_url: str, database_url: str) -> None:
    """Each answer says what is left; the refusal says when there is more."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    with web.client(redis_url, database_url, authenticate=sender, rate_limit=2) as client:
        answers = [client.post(APPROVALS, json=event()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[0].headers["ratelimit-policy"] == '"events";q=2;w=60'
    assert answers[0].headers["ratelimit"].startswith('"events";r=1;t=')
    problem_of(answers[2], 429, "rate-limited")
    assert 0 < int(answers[2].headers["retry-after"]) <= 60


def test_a_key_without_the_scope_may_not_publish(redis_url: str, database_url: str) -> None:
    """The body is not even looked at."""
    reader = web.acting_as("report", Scope.READ)
    with web.client(redis_url, database_url, authenticate=reader) as client:
        answer = client.post(APPROVALS, content=b"nonsense")

    problem_of(answer, 403, "not-permitted")


def test_a_full_queue_asks_to_try_again(redis_url: str, database_url: str) -> None:
    """Nothing was taken, and the answer says when to come back."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    settings = {"max_queue_length": 1, "full_retry_after": 7}
    with web.client(redis_url, database_url, authenticate=sender, **settings) as client:
        client.post(APPROVALS, json=event())
        full = client.post(APPROVALS, json=event())

    problem_of(full, 503, "queue-full")
    assert full.headers["retry-after"] == "7"


def test_publishing_needs_no_postgres(redis_url: str) -> None:
    """While Postgres is away the queue takes events; a verdict is waited for in vain."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with web.client(redis_url, nowhere, authenticate=sender) as client:
        at_once = client.post(APPROVALS, json=event())
        waited = client.post(APPROVALS, json=event(), headers={"Prefer": "wait=1"})

    assert (at_once.status_code, waited.status_code) == (202, 202)
    assert waited.headers["preference-applied"] == "wait=1"


def test_redis_away_is_answered_in_time(database_url: str) -> None:
    """With a problem that says so, without the address's secrets."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    nowhere = f"redis://:secret@127.0.0.1:{free_port()}"
    with web.client(nowhere, database_url, authenticate=sender) as client:
        answer = client.post(APPROVALS, json=event())

    problem_of(answer, 503, "redis-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "secret" not in answer.text


def test_a_slow_body_is_given_up(redis_url: str, database_url: str) -> None:
    """A body that does not come is answered, and its connection closed."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    with web.client(redis_url, database_url, authenticate=sender, body_timeout=1) as client:
        silent, begun = web.RawConnection(client.base_url), web.RawConnection(client.base_url)
        for connection in (silent, begun):
            connection.begin(APPROVALS, "Content-Type: application/json")
        begun.chunk(b"{")

        for connection in (silent, begun):
            assert connection.rest().startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_away_leaves_no_error(
    client: httpx.Client, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event whose body did not come whole is not published, and nothing is logged."""
    connection = web.RawConnection(client.base_url)
    connection.begin(APPROVALS, "Content-Type: application/json")
    connection.chunk(json.dumps(event()).encode())
    connection.close()

    assert client.post(APPROVALS, json=event()).status_code == 202
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(processes.KEYS.waiting) == 1
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_verdict_can_be_waited_for(
    client: httpx.Client, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    """`Prefer: wait` answers with what the event came to: also where that is a dead letter."""
    wait = {"Prefer": "respond-async, wait=30"}
    customer = {"user_id": "user-1", "interaction_id": str(uuid4())}
    purchase = event(10, customer_status="CUSTOMER", **customer)
    earlier = event(5, customer_status="CHURNED", **customer)
    rule = {"decided_by": "rule:silence@1", "rests_on": str(uuid4())}
    env = processes.environment(redis_url, database_url)
    with processes.worker(env, tmp_path / "log"):
        applied = client.post(APPROVALS, json=purchase, headers=wait)
        duplicate = client.post(APPROVALS, json=purchase, headers=wait)
        late = client.post(APPROVALS, json=earlier, headers=wait)
        other = event(interaction_id=customer["interaction_id"], user_id="user-2")
        dead = client.post(APPROVALS, json=other, headers=wait)
        void = client.post(DECISIONS, json=a_decision(20, **rule), headers=wait)
        decided = client.post(DECISIONS, json=a_decision(20), headers=wait)

    verdicts = [each.json()["verdict"] for each in (applied, duplicate, late, void, decided)]
    assert verdicts == ["applied", "duplicate", "late", "void", "applied"]
    assert {each.status_code for each in (applied, duplicate, late, dead, void)} == {200}
    assert applied.headers["preference-applied"] == "wait=30"
    assert dead.json()["verdict"] == "user_mismatch"
    assert dead.json()["dead_letter"] == 1
    assert "user" in dead.json()["reason"]


def test_what_an_earlier_delivery_came_to_is_not_taken_for_a_verdict(
    client: httpx.Client, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    """While a job waits, an old dead letter says nothing of it; what is applied is a duplicate."""
    mine = event()
    other = event(interaction_id=mine["interaction_id"], user_id="somebody else")
    env = processes.environment(redis_url, database_url)
    with processes.worker(env, tmp_path / "log"):
        first = [
            client.post(APPROVALS, json=each, headers={"Prefer": "wait=30"})
            for each in (mine, other)
        ]
    applied, dead = [
        client.post(APPROVALS, json=each, headers={"Prefer": f"wait={seconds}"})
        for each, seconds in ((mine, 30), (other, 1))
    ]

    assert [each.json()["verdict"] for each in first] == ["applied", "user_mismatch"]
    assert (applied.status_code, applied.json()["verdict"]) == (200, "duplicate")
    assert (dead.status_code, dead.json().get("verdict")) == (202, None)


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=1", "wait=1"),
        ('wait="1"', "wait=1"),
        ("return=minimal; foo, Wait = 1", "wait=1"),
        ("wait=0", None),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=1", None),
    ],
)
def test_without_a_verdict_the_answer_is_that_of_the_queue(
    client: httpx.Client, prefer: str, applied: str | None
) -> None:
    """It says whether it waited; a preference that is none is not followed."""
    answer = client.post(APPROVALS, json=event(), headers={"Prefer": prefer})

    assert (answer.status_code, answer.json()["answer"]) == (202, "accepted")
    assert answer.headers.get("preference-applied") == applied


def test_beyond_the_connections_that_are_served_one_is_told_so(
    redis_url: str, database_url: str
) -> None:
    """With a problem, and at once; a probe is answered all the same."""
    sender = web.acting_as("shop", Scope.PUBLISH)
    with web.client(redis_url, database_url, authenticate=sender, web_connections=10) as client:
        held = [web.RawConnection(client.base_url) for _ in range(10)]
        for connection in held:
            connection.begin(APPROVALS, "Content-Type: application/x-ndjson")
            connection.chunk(json.dumps(event()).encode() + b"\n")
            connection.until(b'"accepted"}\n')
        refused = client.post(APPROVALS, json=event())
        live = client.get("/live")
        for connection in held:
            connection.close()

    problem_of(refused, 503, "busy")
    assert refused.headers["retry-after"]
    assert live.status_code == 200
