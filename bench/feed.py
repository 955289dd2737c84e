"""The feed: how fast a million events are read, and what its column and index cost the drain.

Read: a ledger that was filled by transactions of a thousand events, in pages of a thousand.
Drain: one worker, with the index and the column's default and without, in turn.
"""

import statistics
import time
from pathlib import Path

from deployment import Deployment, Row, events

from signoff_db.connection import connect
from signoff_db.feed import pages
from signoff_schemas import ApprovalEvent

_FILL = Path(__file__).with_name("fill_feed.sql").read_text("utf-8")
_BATCH = 1000
_INDEX = (
    "approvals_in_feed_order ON approvals (applied_in, event_id) WITH (deduplicate_items = off)"
)
_WITHOUT = "DROP INDEX approvals_in_feed_order; ALTER TABLE approvals ALTER applied_in DROP DEFAULT"
_WITH = (
    f"CREATE INDEX {_INDEX};"
    " ALTER TABLE approvals ALTER applied_in SET DEFAULT pg_current_xact_id()"
)


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure both."""
    return [
        _read(deployment, 100_000 if quick else 1_000_000),
        _drain(deployment, 20_000 if quick else 50_000, 2 if quick else 7),
    ]


def _read(deployment: Deployment, count: int) -> Row:
    deployment.clear()
    for _ in range(0, count, _BATCH):
        deployment.database.execute(_FILL.encode(), {"events": _BATCH})
    deployment.database.execute("VACUUM ANALYZE approvals")
    with connect(deployment.database_url) as connection:
        start = time.perf_counter()
        read = sum(len(page.events) for page in pages(connection, size=_BATCH))
        seconds = time.perf_counter() - start
    assert read == count
    return Row(f"feed, {count:,} events read", count / seconds, "events/s", target=">= 100000")


def _drain(deployment: Deployment, count: int, rounds: int) -> Row:
    some = events(count)
    rates: dict[str, list[float]] = {_WITH: [], _WITHOUT: []}
    for number in range(rounds):
        for state in (_WITHOUT, _WITH) if number % 2 else (_WITH, _WITHOUT):
            if state == _WITHOUT:
                deployment.database.execute(_WITHOUT)
            rates[state].append(_drained(deployment, some))
            if state == _WITHOUT:
                deployment.database.execute(_WITH)
    with_feed, without = (statistics.median(rates[state]) for state in (_WITH, _WITHOUT))
    what = "drain, 1 worker, with the feed's index"
    return Row(what, with_feed, "events/s", "without it", without, ">= 0.97")


def _drained(deployment: Deployment, some: list[ApprovalEvent]) -> float:
    deployment.clear()
    deployment.publish(some)
    rate = len(some) / deployment.drain()
    deployment.check(len(some))
    return rate
