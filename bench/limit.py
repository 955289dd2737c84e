"""The limit itself: how close `apply.sql` comes to what Postgres can do at all.

The yardstick is tuned by hand and knows nothing: no duplicates, no order, no fold. For each batch
it copies the same ledger rows, makes one `UPDATE` of the interactions and one upsert of the
customers, on tables that hold all of them already. What it writes is not checked, since it is not
right.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from deployment import Deployment, Row, deliveries, events

from signoff_db.apply import apply
from signoff_db.delivery import Delivery
from signoff_schemas import ApprovalEvent

_SIZES = (100, 250, 500, 1000, 2000, 5000)
_USUAL = 500

_COPY = """
    COPY approvals (event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, edit_tags, quality_score, customer_status, ltv_amount, content_hash)
    FROM STDIN"""

_UPDATE = """
    UPDATE interactions i SET review_status = 'approved', final_bubbles = u.bubbles::text[],
        edit_tags = u.tags::text[], reviewer_id = u.reviewer, quality_score = u.score,
        customer_status = u.status, ltv_usd = u.ltv, review_completed_at = u.at, updated_at = now(),
        last_event_id = u.event, status_occurred_at = u.at, status_event_id = u.event,
        opening_customer_status = 'PROSPECT', opening_ltv_usd = 0
    FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
        %s::smallint[], %s::text[], %s::numeric[]
    ) AS u (id, event, at, bubbles, tags, reviewer, score, status, ltv)
    WHERE i.id = u.id"""

_UPSERT = """
    INSERT INTO customers AS c
        (user_id, status_event_id, status_occurred_at, customer_status, ltv_usd)
    SELECT * FROM unnest(%s::text[], %s::uuid[], %s::timestamptz[], %s::text[], %s::numeric[])
    ON CONFLICT (user_id) DO UPDATE SET ltv_usd = c.ltv_usd + excluded.ltv_usd,
        customer_status = excluded.customer_status, status_event_id = excluded.status_event_id,
        status_occurred_at = excluded.status_occurred_at, updated_at = now()"""


class _Written(NamedTuple):
    """A batch as the yardstick sends it: encoded beforehand, which costs it nothing."""

    ledger: bytes
    interactions: list[str]
    customers: list[str]


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Alternate ours and COPY on the same tables; then ours by size of batch."""
    count, rounds = (10_000, 1) if quick else (20_000, 3)
    some = events(count)
    read = deliveries(some)
    written = [_written(some[first : first + _USUAL]) for first in range(0, count, _USUAL)]
    rates: dict[str, list[float]] = {}

    def measure(name: str, work: Callable[[], None]) -> None:
        _fill(deployment, some)
        start = time.perf_counter()
        work()
        rates.setdefault(name, []).append(count / (time.perf_counter() - start))

    for _ in range(rounds):
        measure("ours", lambda: _apply(deployment, read, _USUAL))
        deployment.check(count)
        measure("yardstick", lambda: _write(deployment, written))
        for size in _SIZES:
            measure(f"{size}", lambda size=size: _apply(deployment, read, size))  # type: ignore[misc]
    rate = {name: statistics.median(measured) for name, measured in rates.items()}
    return [
        Row(
            "the limit: apply.sql, batches of 500",
            rate["ours"],
            "events/s",
            "COPY, UPDATE, upsert",
            rate["yardstick"],
            ">= 0.7",
        ),
        *(Row(f"apply.sql, batches of {size}", rate[f"{size}"], "events/s") for size in _SIZES),
    ]


def _fill(deployment: Deployment, some: Sequence[ApprovalEvent]) -> None:
    """All interactions and customers of the events, before any event."""
    deployment.clear()
    deployment.introduce(some)
    deployment.database.execute("VACUUM ANALYZE interactions, customers")
    deployment.database.execute("CHECKPOINT")


def _apply(deployment: Deployment, read: Sequence[Delivery], size: int) -> None:
    for first in range(0, len(read), size):
        apply(deployment.database, read[first : first + size])


def _write(deployment: Deployment, batches: Iterable[_Written]) -> None:
    for batch in batches:
        with deployment.database.transaction(), deployment.database.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                copy.write(batch.ledger)
            cursor.execute(_UPDATE, batch.interactions, prepare=True)
            cursor.execute(_UPSERT, batch.customers, prepare=True)


def _written(batch: Sequence[ApprovalEvent]) -> _Written:
    """In order of key, as the last event of each key has it."""
    by_interaction = {event.interaction_id: event for event in batch}
    by_customer = {str(event.user_id): event for event in batch}
    interactions = [by_interaction[key] for key in sorted(by_interaction)]
    customers = sorted(by_customer)
    latest = [by_customer[key] for key in customers]
    return _Written(
        "".join(map(_line, batch)).encode(),
        [
            _array(e.interaction_id for e in interactions),
            *_positions(interactions),
            _array(_array(e.final_bubbles) for e in interactions),
            _array(_array(e.edit_tags) for e in interactions),
            _array(e.reviewer_id for e in interactions),
            _array(e.quality_score for e in interactions),
            *_balances(interactions),
        ],
        [_array(customers), *_positions(latest), *_balances(latest)],
    )


def _positions(some: Sequence[ApprovalEvent]) -> list[str]:
    return [_array(e.event_id for e in some), _array(e.occurred_at for e in some)]


def _balances(some: Sequence[ApprovalEvent]) -> list[str]:
    return [_array(e.customer_status for e in some), _array(e.ltv_amount for e in some)]


def _line(event: ApprovalEvent) -> str:
    """One row of the ledger, as COPY reads it."""
    content = Delivery.of_payload("", event.canonical_json()).content_hash or b""
    values: list[Any] = [
        event.event_id, event.schema_version, event.occurred_at, event.interaction_id,
        event.user_id, event.reviewer_id, _array(event.final_bubbles), _array(event.edit_tags),
        event.quality_score, event.customer_status, event.ltv_amount, "\\\\x" + content.hex(),
    ]  # fmt: skip
    return "\t".join(map(str, values)) + "\n"


def _array(values: Iterable[object]) -> str:
    """An array as Postgres writes it."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
