"""Reviews over HTTP: upstreams post and follow, front ends of others decide."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import web
from desk import BODY, in_outbox, servers_of

from signoff_embedded.ports import free_port
from signoff_schemas.access import Scope


@pytest.fixture
def client(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A front end with a key of every scope; decisions can be undone for a minute."""
    servers_of(database_url)
    acting = web.acting_as("frontend")
    with web.client(redis_url, database_url, authenticate=acting, undo_seconds=60) as opened:
        yield opened


def draft(**fields: Any) -> dict[str, Any]:
    """A draft as JSON."""
    return {
        "interaction_id": str(uuid4()),
        "user_id": "user-1",
        "customer_message": "Hi, how much is it?",
        "draft_bubbles": ["It is 50 dollars."],
        **fields,
    }


def posted(client: httpx.Client, **fields: Any) -> str:
    """The URL of a new review."""
    answer = client.post("/v1/reviews", json=draft(**fields))
    assert answer.status_code == HTTPStatus.CREATED
    return answer.headers["location"]


def named(reviewer: str) -> dict[str, str]:
    """The header by which a key acts for a reviewer."""
    return {"Signoff-Reviewer": quote(reviewer)}


def test_a_draft_is_posted_once(client: httpx.Client) -> None:
    """Created with its address, unchanged the second time, replaced by a better one."""
    given = draft(context={"customer": {"name": "Ann"}})

    first = client.post("/v1/reviews", json=given)
    again = client.post("/v1/reviews", json=given)
    better = client.post("/v1/reviews", json={**given, "draft_bubbles": ["better"]})

    assert [first.status_code, again.status_code, better.status_code] == [201, 200, 200]
    assert [one.json()["posting"] for one in (first, again, better)] == [
        "created",
        "unchanged",
        "replaced",
    ]
    found = client.get(first.headers["location"])
    assert found.json() == better.json()["review"]
    assert found.headers["etag"] == better.headers["etag"] == '"2"'
    assert found.json()["posted_by"] == "key:frontend"


def test_refused_fields_are_named_by_pointers(client: httpx.Client) -> None:
    """All of them, of a draft and of an approval."""
    wrong = client.post("/v1/reviews", json=draft(draft_bubbles=["ok", " "], priority=2, more=1))
    url = posted(client)
    body = {**BODY, "quality_score": 9, "user_id": "x", "final_bubbles": ["x" * 501]}
    approve = client.post(f"{url}/approve", json=body)

    for answer, pointers in (
        (wrong, {"/draft_bubbles/1", "/priority", "/more"}),
        (approve, {"/quality_score", "/user_id", "/final_bubbles/0"}),
    ):
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.headers["content-type"] == "application/problem+json"
        assert {one["pointer"] for one in answer.json()["errors"]} == pointers


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"priority": NaN}', "application/json", 422),
        (b"\xff", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"x" * 600_000, "application/json", 413),
    ],
)
def test_a_body_that_is_no_draft_is_a_problem(
    client: httpx.Client, content: bytes, media_type: str, status: int
) -> None:
    """Whatever is sent, the answer is a problem document."""
    headers = {"Content-Type": media_type}
    posting = client.post("/v1/reviews", content=content, headers=headers)
    approve = client.post(f"{posted(client)}/approve", content=content, headers=headers)
    reject = client.post(f"{posted(client)}/reject", content=content, headers=headers)
    for answer in (posting, approve, reject):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_reviews_are_listed_in_pages(client: httpx.Client) -> None:
    """Pending ones in the queue's order; the header `Link` leads through all."""
    urls = [posted(client, priority=priority) for priority in (0, 1, 0.5)]

    first = client.get("/v1/reviews", params={"limit": 2})
    second = client.get(first.headers["link"].partition(">")[0].lstrip("<"))
    same = client.get("/v1/reviews", params={"after": first.json()["next"]})

    ids = [one["interaction_id"] for page in (first, second) for one in page.json()["items"]]
    assert [f"/v1/reviews/{one}" for one in ids] == [urls[1], urls[2], urls[0]]
    assert second.json()["next"] is None
    assert same.json() == second.json()
    assert client.get("/v1/reviews?after=x").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert client.get("/v1/reviews?state=x").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert client.get(f"/v1/reviews/{uuid4()}").status_code == HTTPStatus.NOT_FOUND


def test_a_key_acts_for_a_named_reviewer(client: httpx.Client, database_url: str) -> None:
    """One holds it, the other is told who; the approval bears the reviewer's name."""
    url = posted(client)
    held = client.post(f"{url}/claim", headers=named("ánn"))
    refused = client.post(f"{url}/claim", headers=named("bob"))
    renewed = client.post(f"{url}/renew", headers=named("ánn"))

    assert held.json()["review"]["claimed_by"] == "ánn"
    assert refused.status_code == HTTPStatus.CONFLICT
    assert refused.json()["type"] == "urn:signoff:problem:review-held"
    assert refused.json()["holder"] == "ánn"
    assert refused.json()["until"] == held.json()["review"]["claimed_until"]
    assert renewed.json()["claimed_until"] > refused.json()["until"]

    approved = client.post(f"{url}/approve", json=BODY, headers=named("ánn"))
    again = client.post(f"{url}/approve", json=BODY, headers=named("ánn"))
    other = client.post(f"{url}/approve", json=BODY, headers=named("bob"))

    assert approved.status_code == HTTPStatus.OK
    assert approved.json() == again.json()
    assert approved.json()["event"]["reviewer_id"] == "ánn"
    assert approved.headers["location"] == f"/v1/events/{approved.json()['event_id']}"
    assert other.status_code == HTTPStatus.CONFLICT
    assert (other.json()["state"], other.json()["decided_by"]) == ("approved", "ánn")
    assert len(in_outbox(database_url)) == 1


def test_a_key_without_a_named_reviewer_acts_for_itself(client: httpx.Client) -> None:
    """The body of the replaced system is enough: no claim, no header."""
    decided = client.post(f"{posted(client)}/approve", json={**BODY, "edit_tags": []})
    assert decided.json()["decided_by"] == "frontend"


def test_a_user_acts_for_themselves_alone(redis_url: str, database_url: str) -> None:
    """Who is signed in cannot decide in the name of somebody else."""
    servers_of(database_url)
    ann = web.acting_as("ann", kind="user")
    with web.client(redis_url, database_url, authenticate=ann) as client:
        url = posted(client)
        forged = client.post(f"{url}/approve", json=BODY, headers=named("bob"))
        own = client.post(f"{url}/approve", json=BODY, headers=named("ann"))
    assert forged.status_code == HTTPStatus.FORBIDDEN
    assert own.json()["decided_by"] == "ann"


def test_an_undo_is_possible_and_a_late_retry_is_refused(
    client: httpx.Client, database_url: str
) -> None:
    """With `If-Match` a retry that arrives after an undo approves nothing."""
    url = posted(client)
    seen = client.post(f"{url}/claim").headers["etag"]
    client.post(f"{url}/approve", json=BODY, headers={"If-Match": seen})
    assert client.get(url).json()["final"] is False

    undone = client.post(f"{url}/undo")
    late = client.post(f"{url}/approve", json=BODY, headers={"If-Match": seen})

    assert (undone.json()["review"]["state"], undone.json()["draft"]) == ("pending", BODY)
    assert late.status_code == HTTPStatus.CONFLICT
    assert late.json()["type"] == "urn:signoff:problem:review-changed"
    assert in_outbox(database_url) == []
    wrong = client.post(f"{url}/approve", json=BODY, headers={"If-Match": "x"})
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_rejection_is_read_by_the_upstream(redis_url: str, database_url: str) -> None:
    """By reading the review, and in the feed of reviews, from a position on."""
    servers_of(database_url)
    acting = web.acting_as("frontend")
    with web.client(redis_url, database_url, authenticate=acting, undo_seconds=0) as client:
        first, second = posted(client), posted(client)
        rejected = client.post(f"{first}/reject", json={"reason": "too pushy"})
        page = client.get("/v1/reviews/feed")
        client.post(f"{second}/approve", json=BODY)
        rest = client.get("/v1/reviews/feed", params={"after": page.headers["signoff-position"]})
        found = client.get(first).json()
        bad = client.get("/v1/reviews/feed?after=x")
    assert rejected.json()["reject_reason"] == found["reject_reason"] == "too pushy"
    assert found["final"] is True
    assert page.headers["content-type"].startswith("application/x-ndjson")
    assert page.text.count("\n") == rest.text.count("\n") == 1
    assert '"decision": "rejected"' in page.text
    assert '"decision": "approved"' in rest.text
    assert page.headers["signoff-caught-up"] == "true"
    assert bad.json()["type"] == "urn:signoff:problem:invalid-position"


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": 5}, {"reason": "a", "more": 1}, {"reason": "x" * 501}]
)
def test_a_rejection_without_a_usable_reason_is_refused(
    client: httpx.Client, body: dict[str, Any]
) -> None:
    """The field is named."""
    answer = client.post(f"{posted(client)}/reject", json=body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"] in {"/reason", "/more"}


def test_the_queue_is_worked_off_one_by_one(client: httpx.Client) -> None:
    """Skip, release, keep what is typed; when nothing waits, there is no content."""
    url = posted(client)
    held = client.post("/v1/reviews/claim", headers=named("ann"))
    assert held.json()["review"]["interaction_id"] in url
    kept = client.put(f"{url}/draft", json={"final_bubbles": ["half"]}, headers=named("ann"))
    skipped = client.post(f"{url}/skip", headers=named("ann"))
    assert [kept.status_code, skipped.status_code] == [204, 204]
    assert client.post("/v1/reviews/claim", headers=named("ann")).status_code == 204

    again = client.post(f"{url}/claim", headers=named("ann"))
    assert again.json()["draft"] == {"final_bubbles": ["half"]}
    assert client.post(f"{url}/release", headers=named("ann")).status_code == 204
    assert client.post("/v1/reviews/claim", headers=named("bob")).status_code == 200


def test_the_effect_is_shown_before_it_happens(client: httpx.Client) -> None:
    """An invalid body is refused as an approval would be."""
    url = posted(client)
    body = {**BODY, "customer_status": "CUSTOMER", "ltv_amount": "50.00"}
    shown = client.post(f"{url}/preview", json=body)
    assert shown.json()["text"] == "CUSTOMER, 0.00 + 50.00 = 50.00 USD"
    assert client.post(f"{url}/preview", json={}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_operator_gives_a_review_to_somebody_else(client: httpx.Client) -> None:
    """Whoever had it is told who has it now."""
    url = posted(client)
    client.post(f"{url}/claim", headers=named("ann"))
    moved = client.post(f"{url}/reassign", json={"reviewer": "bob"})
    assert moved.json()["claimed_by"] == "bob"
    assert client.post(f"{url}/renew", headers=named("ann")).json()["holder"] == "bob"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(Scope.READ, {"read"}), (Scope.PUBLISH, {"post"}), (Scope.REVIEW, {"approve"})],
)
def test_each_route_wants_its_scope(
    redis_url: str, database_url: str, scope: Scope, allowed: set[str]
) -> None:
    """Reading, posting and deciding are three rights."""
    servers_of(database_url)
    with web.client(redis_url, database_url, authenticate=web.acting_as("k", scope)) as client:
        answers = {
            "read": client.get("/v1/reviews"),
            "post": client.post("/v1/reviews", json=draft()),
            "approve": client.post(f"/v1/reviews/{uuid4()}/approve", json=BODY),
        }
    forbidden = {name for name, one in answers.items() if one.status_code == HTTPStatus.FORBIDDEN}
    assert answers.keys() - forbidden == allowed


def test_without_an_outbox_nothing_is_approved(redis_url: str, database_url: str) -> None:
    """The service says that it is not set up, and what to do."""
    with web.client(redis_url, database_url, authenticate=web.acting_as("k")) as client:
        answer = client.post(f"{posted(client)}/approve", json=BODY)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "signoff outbox create" in answer.json()["detail"]


def test_reviews_are_decided_while_redis_is_away(database_url: str) -> None:
    """The approval waits in the outbox."""
    servers_of(database_url)
    nowhere = f"redis://127.0.0.1:{free_port()}"
    with web.client(nowhere, database_url, authenticate=web.acting_as("k")) as client:
        url = posted(client)
        answers = [
            client.post(f"{url}/claim"),
            client.post(f"{url}/approve", json=BODY),
            client.get("/v1/reviews/feed"),
        ]
    assert [one.status_code for one in answers] == [HTTPStatus.OK] * 3
    assert len(in_outbox(database_url)) == 1


@pytest.mark.usefixtures("without_patience")
def test_while_postgres_is_away_nothing_is_guessed(redis_url: str) -> None:
    """No route answers with an empty queue: each says that Postgres cannot be reached."""
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with web.client(redis_url, nowhere, authenticate=web.acting_as("k")) as client:
        answers = [
            client.get("/v1/reviews"),
            client.post("/v1/reviews", json=draft()),
            client.post(f"/v1/reviews/{uuid4()}/approve", json=BODY),
        ]
    for answer in answers:
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json()["type"] == "urn:signoff:problem:postgres-unavailable"
        assert answer.headers["retry-after"]
