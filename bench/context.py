"""The context of a customer over HTTP: a million customers, while a hundred events a second come.

The ledger has ten thousand customers with five replies each; the second database has their
contexts, and copies under other names, each of some kilobytes. Meanwhile events are published, a
worker applies them and `signoff rapport run` keeps the contexts. All is on one Postgres server.
"""

import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from background import thread
from deployment import QUEUE, START, Deployment, Row, deliveries, environment
from http_api import serving

from signoff import Producer
from signoff_db.apply import apply
from signoff_db.connection import connect
from signoff_db.feed_reader import Turn
from signoff_insight.rapport.computing import BY_INDEX, computed
from signoff_insight.rapport.create import create
from signoff_insight.rapport.reader import RapportReader
from signoff_schemas import ApprovalEvent, Settings

_FILL: Final = Path(__file__).with_name("fill_contexts.sql").read_text("utf-8")
_CUSTOMERS: Final = 10_000
"""With events in the ledger."""
_REPLIES: Final = 5
_RATE: Final = 100
"""Events a second."""
_AT_A_TIME: Final = 10
_REVIEWS: Final = """
    INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, context)
    SELECT id, user_id, %s, ARRAY['It is 50 dollars.'],
        jsonb_build_object('customer', jsonb_build_object('name', user_id, 'language', 'de'))
    FROM interactions WHERE id::text LIKE '%%0'"""
_SIZE: Final = """
    SELECT (SELECT count(*) FROM contexts), avg(octet_length(context::text))
    FROM contexts TABLESAMPLE SYSTEM (1)"""
_MESSAGE: Final = (
    "Hello, I ordered two weeks ago and heard nothing since. Where is it, and how much? "
)
_REPLY: Final = "Thanks for your patience! Your parcel left this morning; it is with you tomorrow."


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    customers, seconds = (50_000, 8) if quick else (1_000_000, 60)
    _fill_ledger(deployment)
    url = _second_database(deployment)
    built = _build(deployment, url)
    size = _fill(url, customers)
    of = f"context of one of {customers:,} customers, {_RATE} events a second"
    with (
        serving(deployment, "signoff", SIGNOFF_RAPPORT_URL=url) as served,
        deployment.workers(1),
        _reader(deployment, url) as reader,
        _published(deployment),
    ):
        chance = random.Random(5)
        took = _looks(served.port, chance, customers, seconds)
        numbers = range(5 if quick else 20)
        late = [_lateness(deployment, served.port, reader, number) for number in numbers]
    _check(deployment, url)
    return [
        Row(f"{of}, over HTTP: median", statistics.median(took), "ms"),
        Row(
            f"{of}, over HTTP: 95th percentile of {len(took):,}",
            statistics.quantiles(took, n=20)[-1],
            "ms",
            target="< 10",
        ),
        Row(
            f"{of}: from publish to the context, median of {len(late)}",
            statistics.median(late),
            f"ms (most {max(late):,.0f})",
        ),
        Row(f"contexts of {size / 1000:.1f} kB: first build", built, "customers/s"),
    ]


# Filling


def _fill_ledger(deployment: Deployment) -> None:
    events = [_approval(n) for n in range(_CUSTOMERS * _REPLIES)]
    for first in range(0, len(events), 1000):
        apply(deployment.database, deliveries(events[first : first + 1000]))
    deployment.database.execute(_REVIEWS.encode(), [_MESSAGE])
    deployment.database.execute("VACUUM ANALYZE")


def _approval(number: int) -> ApprovalEvent:
    """Event number so; each has its interaction, and customers take turns."""
    return ApprovalEvent(
        event_id=UUID(int=number + 1),
        occurred_at=START + timedelta(seconds=number),
        interaction_id=UUID(int=(number + 1) << 32),
        user_id=f"customer-{number % _CUSTOMERS}",
        reviewer_id=f"reviewer-{number % 20}",
        final_bubbles=(_REPLY, f"This is number {number}."),
        edit_tags=("CTA_SOFT", "TONE_CASUAL") if number % 3 else ("STRUCT_SHORTEN",),
        quality_score=number % 5 + 1,
        cta_data={"type": "coupon", "of": number % 7} if number % 4 == 0 else None,
        customer_status=("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER")[number // _CUSTOMERS % 3],
        ltv_amount=Decimal("25.00") if number // _CUSTOMERS % 3 == 2 else None,
    )


def _second_database(deployment: Deployment) -> str:
    """The URL of a new database on the same server, with its tables."""
    deployment.database.execute("CREATE DATABASE second")
    url = urlsplit(deployment.database_url)._replace(path="/second").geturl()
    create(_with_schema(url))
    return url


def _with_schema(url: str) -> str:
    return Settings.load(rapport_url=url).rapport


def _build(deployment: Deployment, url: str) -> float:
    """Compute the contexts of the ledger's customers; returns how many a second."""
    reader = RapportReader(deployment.database_url, _with_schema(url))
    start = time.perf_counter()
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    seconds = time.perf_counter() - start
    reader.close()
    return _CUSTOMERS / seconds


def _fill(url: str, customers: int) -> float:
    """Add copies; returns how large a context is, in bytes of JSON."""
    with connect(_with_schema(url)) as second:
        second.execute(_FILL.encode(), {"customers": customers})
        second.execute("VACUUM ANALYZE contexts")
        second.execute("CHECKPOINT")
        row = second.execute(_SIZE).fetchone()
    assert row
    assert row[0] == customers, row
    return float(row[1])


# Meanwhile


@contextmanager
def _published(deployment: Deployment) -> Iterator[None]:
    """Publish at a steady rate until the block ends; each customer has its turn."""
    producer = Producer(connection=deployment.redis, queue=QUEUE)
    stop = threading.Event()

    def publish() -> None:
        number, due = _CUSTOMERS * _REPLIES, time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += _AT_A_TIME / _RATE
            some = [_approval(n) for n in range(number, number + _AT_A_TIME)]
            assert all(receipt.ok for receipt in producer.publish_many(some))
            number += _AT_A_TIME

    with thread(publish, stop):
        yield


@contextmanager
def _reader(deployment: Deployment, url: str) -> "Iterator[subprocess.Popen[bytes]]":
    """`signoff rapport run` until the block ends."""
    env = environment(deployment) | {"SIGNOFF_RAPPORT_URL": url, "SIGNOFF_LOG_LEVEL": "WARNING"}
    running = subprocess.Popen([sys.executable, "-m", "signoff_cli", "rapport", "run"], env=env)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


# Measuring


def _looks(port: int, chance: random.Random, customers: int, seconds: float) -> list[float]:
    """Milliseconds of each request, one after the other, for any of the customers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    end = time.monotonic() + seconds
    took = []
    while time.monotonic() < end:
        user = _any_customer(chance, customers)
        start = time.perf_counter()
        _context(connection, user)
        took.append((time.perf_counter() - start) * 1000)
    return took


def _any_customer(chance: random.Random, customers: int) -> str:
    k, n = divmod(chance.randrange(customers), _CUSTOMERS)
    return f"copy-{k}-{n}" if k else f"customer-{n}"


def _context(connection: HTTPConnection, user: str) -> bytes:
    connection.request(
        "GET", f"/v1/customers/{user}/context", headers={"Authorization": "Bearer x"}
    )
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (user, body)
    return body


def _lateness(
    deployment: Deployment, port: int, reader: "subprocess.Popen[bytes]", number: int
) -> float:
    """Milliseconds from publishing an event until the context holds it."""
    mark = f"mark number {number}"
    event = _approval(number).model_copy(
        update={
            "event_id": UUID(int=(number + 1) << 64),
            "occurred_at": START + timedelta(days=30),
            "interaction_id": UUID(int=(number + 1) << 96),
            "final_bubbles": (mark,),
        }
    )
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    start = time.perf_counter()
    deployment.publish([event])
    while mark.encode() not in _context(connection, str(event.user_id)):
        deployment.require_alive([reader])
        time.sleep(0.005)
    return (time.perf_counter() - start) * 1000


def _check(deployment: Deployment, url: str) -> None:
    """The contexts that were kept are those that follow from the ledger."""
    catch_up = [sys.executable, "-m", "signoff_cli", "rapport", "run", "--once"]
    env = environment(deployment) | {"SIGNOFF_RAPPORT_URL": url}
    subprocess.run(catch_up, env=env, check=True, capture_output=True)
    users: Sequence[str] = [f"customer-{n}" for n in range(_CUSTOMERS)]
    with connect(deployment.database_url) as ledger, connect(_with_schema(url)) as second:
        ledger.execute(BY_INDEX)
        due = dict(one for part in computed(ledger, users) for one in part)
        rows = second.execute(
            "SELECT user_id, context::text FROM contexts WHERE user_id = ANY(%s)", [users]
        )
        assert dict(rows.fetchall()) == due
