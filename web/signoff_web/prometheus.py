"""Figures in Prometheus's text format."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from signoff_ops.insight_figures import Figures
from signoff_ops.status import Status
from signoff_web.measuring import BUCKETS, Requests

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, object], float]


def metrics_text(
    status: Status, customers: Figures | None, requests: Requests, followers: int
) -> str:
    """All figures. Those that could not be read are missing."""
    lines = [
        *_of_servers(status),
        *_of_queue(status),
        *_of_state(status),
        *_of_readers(status),
        *_of_outbox(status),
        *_of_webhooks(status),
        *_of_contexts(status),
        *_of_customers(customers),
        *_of_requests(requests),
        *_metric("http_followers", "gauge", "Readers that follow a stream", [({}, followers)]),
    ]
    return "\n".join(lines) + "\n"


def _of_servers(status: Status) -> Iterator[str]:
    names = ["redis", "postgres"]
    if status.contexts is not None or "rapport" in status.away:
        names.append("rapport")
    states = [({"server": name}, float(name not in status.away)) for name in names]
    yield from _metric("up", "gauge", "Whether the server could be read", states)


def _of_queue(status: Status) -> Iterator[str]:
    if status.queue is None:
        return
    queue, counts = status.queue, status.queue.counts
    places = {
        "waiting": counts.waiting,
        "in_flight": counts.in_flight,
        "scheduled": counts.scheduled,
        "failed": counts.rq_failed,
        "missing": counts.missing_jobs,
        "oversized": counts.oversized,
    }
    jobs: list[Sample] = [
        ({"queue": queue.queue, "place": place}, number) for place, number in places.items()
    ]
    yield from _metric("queue_jobs", "gauge", "Jobs of the queue by place", jobs)
    oldest = queue.oldest_waiting.total_seconds() if queue.oldest_waiting else 0.0
    waiting: list[Sample] = [({"queue": queue.queue}, oldest)]
    yield from _metric("queue_oldest_seconds", "gauge", "Age of the first job", waiting)
    paused: list[Sample] = [({"queue": queue.queue}, float(queue.pause is not None))]
    yield from _metric("queue_paused", "gauge", "Whether workers are paused", paused)
    ready = sum(worker.ready for worker in queue.workers)
    workers: list[Sample] = [
        ({"queue": queue.queue, "state": "ready"}, ready),
        ({"queue": queue.queue, "state": "not_ready"}, len(queue.workers) - ready),
    ]
    yield from _metric("workers", "gauge", "Workers of the queue", workers)


def _of_state(status: Status) -> Iterator[str]:
    if status.state is None:
        return
    state = status.state
    yield from _metric("ledger_events", "gauge", "Applied events", [({}, state.applied)])
    applied_at = state.last_applied_at.timestamp() if state.last_applied_at else 0.0
    yield from _metric(
        "last_applied_timestamp_seconds", "gauge", "When the last one was", [({}, applied_at)]
    )
    dead: list[Sample] = [({"kind": kind}, number) for kind, number in state.dead.items()]
    yield from _metric("dead_letters", "gauge", "Open dead letters by kind", dead)


def _of_readers(status: Status) -> Iterator[str]:
    unread: list[Sample] = []
    ages: list[Sample] = []
    failing: list[Sample] = []
    for reader in status.readers or ():
        label = {"reader": reader.name}
        failing.append((label, float(reader.failure is not None)))
        if reader.unread is not None:
            unread.append((label, reader.unread))
            ages.append((label, _age(reader.oldest_unread_at)))
    text = "Events a reader of the feed has not read; counted up to 10,000"
    yield from _metric("feed_unread_events", "gauge", text, unread)
    yield from _metric("feed_lag_seconds", "gauge", "Age of the first of these", ages)
    yield from _metric("feed_reader_failing", "gauge", "Whether it cannot go on", failing)


def _age(moment: datetime | None) -> float:
    return (datetime.now(UTC) - moment).total_seconds() if moment else 0.0


def _of_outbox(status: Status) -> Iterator[str]:
    if status.outbox is not None:
        waiting: list[Sample] = [({}, status.outbox.waiting)]
        yield from _metric("outbox_waiting_events", "gauge", "Events for a relay", waiting)


def _of_webhooks(status: Status) -> Iterator[str]:
    found = status.webhooks or ()
    deliveries: list[Sample] = [
        ({"webhook": webhook.name, "state": state}, number)
        for webhook in found
        for state, number in (("waiting", webhook.waiting), ("dead", webhook.dead))
    ]
    text = "Messages to a webhook that wait, or that are dead; counted up to 10,000"
    yield from _metric("webhook_deliveries", "gauge", text, deliveries)
    late: list[Sample] = [
        ({"webhook": webhook.name}, _age(webhook.oldest_due_at))
        for webhook in found
        if webhook.disabled_at is None
    ]
    yield from _metric("webhook_late_seconds", "gauge", "Since when one of them is due", late)


def _of_contexts(status: Status) -> Iterator[str]:
    reach = status.contexts
    if reach is None:
        return
    text = "Whether contexts of customers may not hold all that was applied"
    yield from _metric("contexts_behind", "gauge", text, [({}, float(reach.is_behind))])
    if reach.read_until is not None:
        yield from _metric(
            "contexts_read_until_timestamp_seconds",
            "gauge",
            "They hold all that was applied until then",
            [({}, reach.read_until.timestamp())],
        )


def _of_customers(found: Figures | None) -> Iterator[str]:
    if found is None:
        return
    customers: list[Sample] = [
        ({"status": status}, number) for status, number in found.customers.items()
    ]
    yield from _metric("customers", "gauge", "Customers by status", customers)
    yield from _metric("ltv_usd", "gauge", "Their LTV in all", [({}, float(found.ltv_usd))])
    moves: list[Sample] = [
        ({"from": before, "to": after}, number) for before, after, number in found.moves
    ]
    text = "Moves of customers so far; late events may lower it, so take delta(), not rate()"
    yield from _metric("transitions_total", "gauge", text, moves)
    if found.conversion is not None:
        ratio: list[Sample] = [({"within_days": found.within}, found.conversion)]
        text = (
            "Share of new prospects who became customers in time, "
            "of the last 4 weeks that were observed for so long"
        )
        yield from _metric("conversion_ratio", "gauge", text, ratio)


def _of_requests(requests: Requests) -> Iterator[str]:
    served: list[Sample] = [
        ({"method": method, "route": route, "status": status}, number)
        for (method, route, status), number in sorted(requests.served.items())
    ]
    yield from _metric("http_requests_total", "counter", "Requests served", served)
    yield from _head("http_request_seconds", "histogram", "From a request to the answer's head")
    for route, durations in sorted(requests.durations.items()):
        ends = [*map(str, BUCKETS), "+Inf"]
        totals = list(accumulate(durations.buckets))
        for end, total in zip(ends, totals, strict=True):
            yield _line("http_request_seconds_bucket", {"route": route, "le": end}, total)
        yield _line("http_request_seconds_sum", {"route": route}, durations.seconds)
        yield _line("http_request_seconds_count", {"route": route}, totals[-1])


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield from _head(name, kind, text)
    for labels, value in samples:
        yield _line(name, labels, value)


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP signoff_{name} {text}"
    yield f"# TYPE signoff_{name} {kind}"


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(str(held))}"' for key, held in labels.items())
    return f"signoff_{name}{{{inside}}} {value}" if inside else f"signoff_{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
