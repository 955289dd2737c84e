"""The pages of the review desk, as a browser without scripts gets them."""

from collections.abc import Iterator
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest
import web
from desk import post, servers_of

from signoff_ops import reviews
from signoff_ops.servers import DirectServers


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The servers of a desk."""
    return servers_of(database_url)


@pytest.fixture
def ann(redis_url: str, database_url: str, servers: DirectServers) -> Iterator[httpx.Client]:
    """A browser in which the reviewer ann is signed in."""
    del servers  # the outbox is there first
    acting = web.acting_as("ann", kind="user")
    with web.client(redis_url, database_url, authenticate=acting) as client:
        client.headers.update({"accept": "text/html", "sec-fetch-site": "same-origin"})
        yield client


def test_the_desk_leads_to_the_review_that_is_open(
    ann: httpx.Client, servers: DirectServers
) -> None:
    """Wherever it stands in the queue; one that was fetched beforehand is not the open one."""
    for _ in range(60):
        post(servers, priority=1, interaction_id=uuid4())
    last = post(servers)
    fetched = reviews.claim(servers, None, "ann", opened=False)
    assert fetched

    assert ann.get(f"/desk/{last}").status_code == HTTPStatus.OK
    assert ann.get("/desk").headers["location"] == f"/desk/{last}"

    reviews.release(servers, last, "ann")
    held = fetched.review.interaction_id
    assert ann.get("/desk").headers["location"] == f"/desk/{held}"
    reviews.release(servers, held, "ann")
    taken = ann.get("/desk").headers["location"]
    assert taken == f"/desk/{reviews.held_by(servers, 'ann')}"


def test_what_is_wrong_names_fields_as_the_form_does(
    ann: httpx.Client, servers: DirectServers
) -> None:
    """Reviewers read labels, not the fields of JSON; scripts find the fields by their paths."""
    interaction = post(servers)
    ann.get(f"/desk/{interaction}")
    form = {"bubble": ["ok", "x" * 501], "ltv_amount": "12,50", "cta_data": "no JSON"}

    answer = ann.post(
        f"/desk/{interaction}/approve", data=form, headers={"accept": "application/json"}
    )
    details = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert details["/quality_score"] == "The quality of the draft is required: choose 1 to 5"
    assert details["/ltv_amount"] == (
        "The LTV amount must be plain digits with at most 2 decimal places, such as 250.00; "
        "found '12,50'"
    )
    assert details["/final_bubbles/1"].startswith("Message 2 must hold at most 500 characters")
    assert details["/cta_data"].startswith("The call to action must be")

    page = ann.post(f"/desk/{interaction}/approve", data=form).text
    shown = ann.post(f"/desk/{interaction}/preview", data=form).text
    reason = ann.post(
        f"/desk/{interaction}/reject", data={"reason": " "}, headers={"accept": "application/json"}
    )
    assert "The quality of the draft is required" in page
    assert "The LTV amount must be plain digits" in shown
    assert reason.json()["errors"][0]["detail"].startswith("The reason must hold 1 to 500")
