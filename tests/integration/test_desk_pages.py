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
