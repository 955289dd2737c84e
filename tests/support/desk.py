"""A review desk for tests: its servers, drafts, and what a reviewer gives."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from approvals import apply_events

from signoff_db.connection import BatchConnection
from signoff_ops import review_feed, reviews
from signoff_ops.outbox import create_outbox
from signoff_ops.review_feed import ReviewDecision
from signoff_ops.servers import DirectServers, PooledServers, Servers
from signoff_schemas import ReviewDraft, Settings, parse_event

Result = TypeVar("Result")
BODY: dict[str, Any] = {"final_bubbles": ["Hello Ann!"], "quality_score": 4}


def servers_of(database_url: str, **settings: Any) -> DirectServers:
    """Servers with an outbox in the database of the ledger, as `signoff migrate` makes it."""
    create_outbox(database_url)
    return DirectServers(Settings.load(database_url=database_url, **settings))


@contextmanager
def pooled_servers_of(database_url: str, **settings: Any) -> Iterator[PooledServers]:
    """The same with a pool of connections, as the web service has them."""
    create_outbox(database_url)
    given = {"redis_url": "redis://127.0.0.1:1/0", "database_url": database_url, **settings}
    with PooledServers(Settings.load(**given), application="test") as servers:
        yield servers


def draft(**fields: Any) -> ReviewDraft:
    """A draft; valid unless the test says otherwise."""
    return ReviewDraft.parse(
        {
            "interaction_id": uuid4(),
            "user_id": "user-1",
            "customer_message": "Hi, how much is it?",
            "draft_bubbles": ["It is 50 dollars."],
            **fields,
        }
    )


def post(servers: Servers, **fields: Any) -> UUID:
    """Post a draft; returns its interaction."""
    return reviews.post_review(servers, draft(**fields), "key:bot").review.interaction_id


def sql(database_url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a statement as an upstream or an administrator; returns its rows, if it has any."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def in_outbox(database_url: str) -> list[dict[str, Any]]:
    """The events in the outbox with when they are due, the oldest first."""
    rows = sql(
        database_url, "SELECT event_id, event, due_at FROM public.signoff_outbox ORDER BY due_at"
    )
    return [{"event_id": row[0], "event": row[1], "due_at": row[2]} for row in rows]


def at_once(work: Callable[[int], Result], times: int) -> list[Result]:
    """Do something several times at once, each in a thread of its own; returns all results."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def end_leases(database_url: str) -> None:
    """Let time go by for everybody who holds a review."""
    sql(
        database_url,
        "UPDATE signoff.reviews SET claimed_until = now() - interval '1 second'"
        " WHERE claimed_by IS NOT NULL",
    )


def apply_outbox(connection: BatchConnection, database_url: str) -> list[str]:
    """Apply what the outbox holds, as relay and worker would; returns the verdicts."""
    return apply_events(
        connection, *(parse_event(held["event"]) for held in in_outbox(database_url))
    )


def decisions_after(servers: Servers, after: str | None) -> Iterator[ReviewDecision]:
    """The final decisions that follow a position, up to now."""
    page = review_feed.read_decisions(servers, after)
    yield from page.decisions
    while not page.caught_up:
        page = review_feed.read_decisions(servers, page.position)
        yield from page.decisions
