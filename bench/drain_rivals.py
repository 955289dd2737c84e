"""Events a second from Redis to committed, ours at its best number of workers and other queues.

The queue is filled, then the workers start, with the best number for each side. The ledger holds
the time at which each transaction began. Only the events between the first and the last tenth are
counted, so neither the start nor the end, when some workers are idle, is measured. Meanwhile
Postgres is only asked for a count, five times a second.
"""

import statistics
import subprocess
import time
from collections.abc import Sequence

from deployment import Deployment, Row, events
from rivals.rival import load

from signoff_schemas import ApprovalEvent

OURS = 50_000
RIVALS = {
    "dramatiq": 6_000,
    "huey": 5_000,
    "taskiq": 4_000,
    "celery": 2_500,
    "celery_batches": 8_000,
}
"""Events for each, enough for two to four seconds of work."""
QUICK = ("dramatiq", "huey")
"""The two fastest that hand over one event at a time."""
BY_HAND = "dramatiq"
"""The one that is also measured with a hand-written statement."""
MIDDLE = """
SELECT count(*) / extract(epoch FROM edges[2] - edges[1])::float
FROM approvals, (
    SELECT percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY applied_at) AS edges
    FROM approvals) AS middle
WHERE applied_at > edges[1] AND applied_at <= edges[2]
GROUP BY edges
"""
COUNTED = """
SELECT (SELECT count(*) FROM interactions), (SELECT count(*) FROM dead_letters),
    (SELECT sum(ltv_usd) FROM interactions) - (SELECT sum(ltv_usd) FROM customers)
"""


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Alternate ours, with one worker and with two, and theirs; compare medians."""
    some = events(OURS // 5 if quick else OURS)
    names = [(name, False) for name in (QUICK if quick else RIVALS)]
    if not quick:
        names.append((BY_HAND, True))
    ours: dict[int, list[float]] = {1: [], 2: []}
    theirs: dict[tuple[str, bool], list[float]] = {}
    for _ in range(1 if quick else 2):
        for workers, rates in ours.items():
            rates.append(_ours(deployment, some, workers))
        for module, by_hand in names:
            count = RIVALS[module] // 3 if quick else RIVALS[module]
            name, their = _theirs(deployment, module, some[:count], by_hand=by_hand)
            theirs.setdefault((name, by_hand), []).append(their)
    best = max(ours, key=lambda workers: statistics.median(ours[workers]))
    rate = statistics.median(ours[best])
    return [
        Row(
            f"drain, best of 1 and 2 workers: {best}",
            rate,
            "events/s",
            f"{name}, a statement by hand that needs order" if by_hand else name,
            statistics.median(rates),
            "" if by_hand else ">= 12",
        )
        for (name, by_hand), rates in theirs.items()
    ]


def _ours(deployment: Deployment, some: list[ApprovalEvent], workers: int) -> float:
    deployment.clear()
    deployment.publish(some)
    with deployment.workers(workers) as running:
        rate = _rate(deployment, len(some), running)
    deployment.check(len(some))
    return rate


def _theirs(
    deployment: Deployment, module: str, some: list[ApprovalEvent], *, by_hand: bool
) -> tuple[str, float]:
    deployment.clear()
    rival = load(module, deployment, by_hand=by_hand)
    rival.send([event.canonical_json().decode() for event in some])
    with rival.working(deployment) as running:
        rate = _rate(deployment, len(some), running)
    if by_hand:
        _check_counts(deployment, some)
    else:
        deployment.check(len(some))
    return rival.name, rate


def _rate(deployment: Deployment, count: int, workers: Sequence[subprocess.Popen[bytes]]) -> float:
    """Wait until all are committed; returns events a second in the middle of it."""
    deadline = time.monotonic() + 60
    committed = 0
    while committed < count:
        deployment.require_alive(workers)
        if time.monotonic() > deadline:
            output = deployment.output_of(workers)
            raise AssertionError(f"{committed} of {count} committed after a minute: {output}")
        time.sleep(0.2)
        (committed,) = deployment.database.execute("SELECT count(*) FROM approvals").fetchone() or (
            0,
        )
    (rate,) = deployment.database.execute(MIDDLE).fetchone() or (0.0,)
    return float(rate)


def _check_counts(deployment: Deployment, some: list[ApprovalEvent]) -> None:
    """Check what does not depend on the order: all events are applied, and no amount is lost."""
    found = deployment.database.execute(COUNTED).fetchone()
    if found != (len({event.interaction_id for event in some}), 0, 0):
        raise AssertionError(found)
