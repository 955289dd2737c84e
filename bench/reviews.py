"""The review desk with 100,000 waiting: pages of its queue, the next review, an approval.

Each is a use case on one connection, as the web service calls it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployment import Deployment, Row

from signoff_db.connection import connect
from signoff_ops import review_desk, reviews
from signoff_ops.outbox import create_outbox
from signoff_schemas import Settings

_FILL = Path(__file__).with_name("fill_reviews.sql").read_text("utf-8")
_BODY = {"final_bubbles": ["It is 50 dollars."], "quality_score": 4, "customer_status": "CUSTOMER"}
_PAGE = 50


class _OneConnection:
    """Servers that keep one connection to Postgres."""

    def __init__(self, database_url: str) -> None:
        self.settings = Settings.load(database_url=database_url)
        self.connection = connect(database_url)

    @contextmanager
    def database(self) -> Iterator[Any]:
        """The connection."""
        yield self.connection


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    count = 100_000
    create_outbox(deployment.database_url)
    deployment.database.execute(_FILL.encode(), {"reviews": count})
    deployment.database.execute("VACUUM ANALYZE reviews")
    servers: Any = _OneConnection(deployment.database_url)
    pages = _pages(servers, quick=quick)
    claims: list[float] = []
    approvals: list[float] = []
    for _ in range(100 if quick else 1000):
        held = _timed(claims, lambda: reviews.claim(servers, None, "ann"))
        assert held is not None
        interaction = held.review.interaction_id
        _timed(approvals, lambda: reviews.approve(servers, interaction, "ann", _BODY))  # noqa: B023
    view: list[float] = []
    _timed(view, lambda: review_desk.supervisor_view(servers))
    servers.connection.close()
    of = f"{count:,} waiting"
    return [
        Row(f"reviews, {of}: slowest page of {_PAGE}", max(pages), "ms", target="<= 300"),
        Row(f"reviews, {of}: the next one, 95th percentile", _p95(claims), "ms", target="<= 100"),
        Row(f"reviews, {of}: an approval, 95th percentile", _p95(approvals), "ms"),
        Row(f"reviews, {of}: the supervisor's view", view[0], "ms", target="<= 300"),
    ]


def _pages(servers: Any, *, quick: bool) -> list[float]:
    """Milliseconds of each page: the first ones, and some in the middle and at the end."""
    found: list[float] = []
    cursor = None
    number = 0
    while True:
        page = _timed(found, lambda: reviews.review_page(servers, "ann", cursor, _PAGE))  # noqa: B023
        cursor = page.next
        number += 1
        if cursor is None or (quick and number == 100):
            return found


def _timed(times: list[float], work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    times.append((time.perf_counter() - start) * 1000)
    return result


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
