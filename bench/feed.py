"""The feed: how fast a million events are read, and what its column and index cost.

Read: a ledger that was filled by transactions of a thousand events, in pages as `pages` makes them.
Cost: batches are applied to two databases of one server in turn, of which one has neither the
column's default nor the index; so whatever else the machine does slows down both. A drain takes
longer, since it also reads from Redis: there the cost is a smaller part.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from deployment import Deployment, Row, deliveries, events

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.delivery import Delivery
from signoff_db.feed import pages
from signoff_db.migrate import migrate

_FILL = Path(__file__).with_name("fill_feed.sql").read_text("utf-8")
_TRANSACTION = 1000
_BATCH = 500
_WITHOUT = "DROP INDEX approvals_in_feed_order; ALTER TABLE approvals ALTER applied_in DROP DEFAULT"


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure both; the cost first, while both databases are new."""
    cost = _cost(deployment, 20_000 if quick else 200_000)
    return [_read(deployment, 100_000 if quick else 1_000_000), cost]


def _read(deployment: Deployment, count: int) -> Row:
    deployment.clear()
    for _ in range(0, count, _TRANSACTION):
        deployment.database.execute(_FILL.encode(), {"events": _TRANSACTION})
    deployment.database.execute("VACUUM ANALYZE approvals")
    deployment.database.execute("CHECKPOINT")
    with connect(deployment.database_url) as connection:
        start = time.perf_counter()
        read = sum(len(page.events) for page in pages(connection))
        seconds = time.perf_counter() - start
    assert read == count
    return Row(f"feed, {count:,} events read", count / seconds, "events/s", target=">= 100000")


def _cost(deployment: Deployment, count: int) -> Row:
    """Medians of many batches."""
    deployment.clear()
    some = deliveries(events(count))
    usual: list[float] = []
    lean: list[float] = []
    with _without_feed(deployment) as other:
        for first in range(0, count, _BATCH):
            batch = some[first : first + _BATCH]
            sides = [(deployment.database, usual), (other, lean)]
            for connection, seconds in sides if first // _BATCH % 2 else reversed(sides):
                seconds.append(_seconds(connection, batch))
    rates = [_BATCH / statistics.median(seconds) for seconds in (usual, lean)]
    what = "batches of 500 applied, with the feed's column and index"
    return Row(what, rates[0], "events/s", "without them", rates[1], ">= 0.97")


def _seconds(connection: BatchConnection, batch: list[Delivery]) -> float:
    start = time.perf_counter()
    apply(connection, batch)
    return time.perf_counter() - start


@contextmanager
def _without_feed(deployment: Deployment) -> Iterator[BatchConnection]:
    """A database beside the usual one, which does not note in which order events are applied."""
    deployment.database.execute("CREATE DATABASE without_feed")
    url = urlsplit(deployment.database_url)._replace(path="/without_feed").geturl()
    migrate(url)
    with connect_for_batches(url, application="bench") as connection:
        connection.execute(_WITHOUT)
        yield connection
