"""Insight on a ledger of five million approvals of 870,000 customers.

First the facts: how long their first build takes, and one turn of their reader after an approval of
each of 500 customers. Then each view, with and without a filter: the 95th percentile, with how far
the data reaches, on one connection. The desk shows 360,000 decided reviews. At last the forecast's
model of a million customers, in a process of its own.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from deployment import Deployment, Row, deliveries
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.apply import apply
from signoff_db.connection import connect
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_insight.facts.state import reach_of
from signoff_insight.report import Asked
from signoff_insight.views import forecast
from signoff_insight.views.registry import VIEWS, View
from signoff_schemas import ApprovalEvent, Verdict

_FILL = Path(__file__).with_name("fill_insight.sql").read_text("utf-8")
_FIT = Path(__file__).with_name("forecast_fit.py")
_TIMEZONE = "Europe/Berlin"
_END = datetime(2026, 7, 1, tzinfo=UTC)
"""When the filled ledger ends."""
_TOUCHED = 500
_FILTERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("since and until", {"since": date(2025, 9, 1), "until": date(2026, 3, 1)}),
    ("within", {"within": 90}),
    ("cohort", {"cohort": date(2025, 9, 1)}),
    ("reviewer", {"reviewer": "reviewer-12"}),
    ("tag", {"tag": "CTA_SOFT"}),
)


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    customers = 52_000 if quick else 870_000
    size = _filled(deployment, customers)
    of = f"insight of {size:,} ({customers:,} customers)"
    reader = FactsReader(deployment.database_url, _TIMEZONE)
    build = _seconds_to_build(reader)
    deployment.database.execute("VACUUM ANALYZE")
    refreshes = list(_refreshes(deployment, reader, 11))
    reader.close()
    return [
        Row(f"{of}: first build of the facts", build, "s", target="< 90"),
        Row(
            f"{of}: refresh after {_TOUCHED} touched customers, median of {len(refreshes)}",
            statistics.median(refreshes),
            f"ms (most {max(refreshes):.0f})",
            target="< 50",
        ),
        *_views(deployment, of, looks=5 if quick else 11),
        *_forecast(100_000 if quick else 1_000_000),
    ]


def _filled(deployment: Deployment, customers: int) -> int:
    """Fill the ledger; returns the number of approvals."""
    deployment.database.execute(_FILL.replace("{customers}", str(customers)).encode())
    deployment.database.execute("VACUUM ANALYZE")
    deployment.database.execute("CHECKPOINT")
    row = deployment.database.execute("SELECT count(*) FROM approvals").fetchone()
    assert row
    return int(row[0])


# Facts


def _seconds_to_build(reader: FactsReader) -> float:
    start = time.perf_counter()
    reader.begin_rebuild()
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    return time.perf_counter() - start


def _refreshes(deployment: Deployment, reader: FactsReader, times: int) -> Iterator[float]:
    """Milliseconds of a turn of the reader after one approval of each of some customers."""
    touched = _some_interactions(deployment, times * _TOUCHED)
    for first in range(0, len(touched), _TOUCHED):
        some = [_approval(first + n, *one) for n, one in enumerate(touched[first:][:_TOUCHED])]
        outcomes = apply(deployment.database, deliveries(some))
        assert all(outcome.verdict == Verdict.APPLIED for outcome in outcomes), outcomes[:5]
        start = time.perf_counter()
        turn = reader.turn()
        yield (time.perf_counter() - start) * 1000
        assert turn is not Turn.WAITING
        assert reader.turn() is Turn.CAUGHT_UP


def _some_interactions(deployment: Deployment, count: int) -> list[tuple[UUID, str]]:
    """Interactions of so many customers; who has more of them is more likely to be there."""
    rows = deployment.database.execute(
        "SELECT id, user_id FROM interactions ORDER BY md5(id::text) LIMIT %s", [2 * count]
    )
    of_customers = {user_id: interaction_id for interaction_id, user_id in rows}
    assert len(of_customers) >= count
    return [(of_customers[user_id], user_id) for user_id in list(of_customers)[:count]]


def _approval(number: int, interaction_id: UUID, user_id: str) -> ApprovalEvent:
    """A purchase, after all others."""
    return ApprovalEvent(
        event_id=UUID(int=number + 1),
        occurred_at=_END + timedelta(seconds=number),
        interaction_id=interaction_id,
        user_id=user_id,
        reviewer_id="reviewer-7",
        final_bubbles=("thanks for your order!",),
        edit_tags=("CTA_DIRECT",),
        quality_score=5,
        customer_status="CUSTOMER",
        ltv_amount=Decimal("25.00"),
    )


# Views


def _views(deployment: Deployment, of: str, *, looks: int) -> Iterator[Row]:
    """Two rows a view: with no filter, and with the filter that takes longest."""
    with connect(deployment.database_url) as connection:
        for view in VIEWS.values():
            is_fitted = view.name == forecast.NAME
            times, target = (2, "< 15") if is_fitted else (looks, "< 1")
            plain = _p95(connection, view, Asked(), times)
            yield Row(f"{of}: {view.name}", plain, "s, 95th percentile", target=target)
            filtered = [
                (_p95(connection, view, replace(Asked(), **asked), times), name)
                for name, asked in _FILTERS
                if view.filters.issuperset(asked)
            ]
            if filtered:
                slowest, name = max(filtered)
                what = f"{of}: {view.name}, by {name}"
                yield Row(what, slowest, "s, 95th percentile", target=target)


def _p95(connection: Connection[TupleRow], view: View, asked: Asked, looks: int) -> float:
    """The 95th percentile of its seconds, after a first look."""
    took = []
    for _ in range(looks + 1):
        start = time.perf_counter()
        with connection.transaction():
            view.answer(connection, asked, reach_of(connection, _TIMEZONE))
        took.append(time.perf_counter() - start)
    return statistics.quantiles(took[1:], n=20, method="inclusive")[-1]


# Forecast


def _forecast(customers: int) -> Iterator[Row]:
    """The fit, in a process whose memory nothing else has used."""
    command = [sys.executable, str(_FIT), str(customers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    what = f"forecast: the model of {customers:,} customers"
    yield Row(what, found["seconds"], "s", target="< 15")
    yield Row(f"{what}: memory that it takes", found["megabytes"], "MB", target="< 300")
