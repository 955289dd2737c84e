"""What a long backlog and a big ledger cost, compared with short and empty ones; one worker.

Backlog: all 50,000 interactions are created before it, so that its first and its last events do
the same work; backlogs of 20,000 events are drained before and after it.

Ledger: the events in it are of other interactions. The measured events are the same on the full and
on the empty ledger, and so must be their result. Then events whose ids grow with time (UUIDv7).
"""

import os
import random
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from deployment import START, Deployment, Row, events, stream

from signoff_schemas import ApprovalEvent

_SHORT = 20_000
_PART = 10_000
"""What is published at a time: a million events at once take gigabytes."""
_WARM = 0.1
"""The part of the long backlog in which the worker's memory may still grow."""
_FILL = Path(__file__).with_name("fill_ledger.sql")


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure both."""
    return [
        *_backlog(deployment, 100_000 if quick else 1_000_000, 50_000 if quick else 150_000),
        *_ledger(deployment, 300_000 if quick else 5_000_000, 20_000 if quick else 50_000),
    ]


def _backlog(deployment: Deployment, count: int, known: int) -> list[Row]:
    deployment.clear()
    mix = stream()
    _drained(deployment, mix, known)
    short = [_drained(deployment, mix, _SHORT)[0] for _ in range(3)]
    long, memory = _drained(deployment, mix, count)
    short += [_drained(deployment, mix, _SHORT)[0] for _ in range(3)]
    deployment.check(known + count + len(short) * _SHORT)
    warm = memory[int(len(memory) * _WARM) :]
    what = f"backlog of {count:,}"
    return [
        Row(what, long, "events/s", f"of {_SHORT:,}", statistics.median(short), ">= 0.9"),
        Row(f"{what}: worker's memory, at most", max(memory), "MB", target="< 150"),
        Row(f"{what}: its growth once warm", max(warm) - warm[0], "MB", target="<= 20"),
    ]


def _drained(
    deployment: Deployment, mix: Iterator[ApprovalEvent], count: int
) -> tuple[float, list[float]]:
    """Events a second, and the worker's resident memory, in MB, every fifth of a second."""
    for _ in range(0, count, _PART):
        deployment.publish(list(islice(mix, _PART)))
    deployment.database.execute("CHECKPOINT")
    with _memory_of_the_worker(deployment) as memory:
        return count / deployment.drain(), memory


@contextmanager
def _memory_of_the_worker(deployment: Deployment) -> Iterator[list[float]]:
    taken: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            for key in deployment.redis.smembers("rq:workers"):
                if pid := deployment.redis.hget(key, "pid"):
                    pages = Path(f"/proc/{int(pid)}/statm").read_text("ascii").split()[1]
                    taken.append(int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield taken
    finally:
        done.set()
        watch.join()


def _ledger(deployment: Deployment, size: int, count: int) -> list[Row]:
    deployment.clear()
    empty = _three(deployment, count)
    deployment.check(3 * count)
    deployment.clear()
    fill_ledger(deployment, size)
    full = _three(deployment, count)
    assert [one.left for one in full] == [one.left for one in empty]
    growing = _three(deployment, count, seeds=(4, 5, 6), reidentify=with_growing_ids)
    assert _scalar(deployment, "SELECT count(*) FROM approvals") == size + 6 * count
    after_checkpoint = f"the first {count:,} after a checkpoint"
    return [
        *_compared_with_empty(f"ledger of {size:,}", full[1:], empty[1:]),
        *_compared_with_empty(f"ledger of {size:,}, {after_checkpoint}", full[:1], empty[:1]),
        *_compared_with_empty(f"ledger of {size:,}, UUIDv7", growing[1:], empty[1:]),
        *_compared_with_empty(
            f"ledger of {size:,}, UUIDv7, {after_checkpoint}", growing[:1], empty[:1]
        ),
    ]


def _compared_with_empty(
    what: str, ours: "list[_Measured]", theirs: "list[_Measured]"
) -> list[Row]:
    rate, empty = _median("rate", ours), _median("rate", theirs)
    wal, empty_wal = _median("wal", ours), _median("wal", theirs)
    return [
        Row(what, rate, "events/s", "empty", empty, ">= 0.8"),
        Row(f"{what}: WAL", wal, "bytes/event", "empty", empty_wal),
    ]


Reidentify = Callable[[list[ApprovalEvent], int], list[ApprovalEvent]]
"""Gives the events of an hour, by its number, other ids."""


def _three(
    deployment: Deployment,
    count: int,
    *,
    seeds: tuple[int, int, int] = (1, 2, 3),
    reidentify: Reidentify = lambda some, _: some,
) -> "list[_Measured]":
    """Three drains. The first is slower: after a checkpoint, the WAL holds whole pages."""
    deployment.database.execute("CHECKPOINT")
    return [_measured(deployment, reidentify(events(count, seed=s), s)) for s in seeds]


def with_growing_ids(some: list[ApprovalEvent], hour: int) -> list[ApprovalEvent]:
    """The same with ids of version 7 (RFC 9562): 48 bits of milliseconds, version, chance."""
    chance = random.Random(hour)
    start = int(START.timestamp() * 1000) + hour * 3_600_000
    ids = (
        UUID(
            int=start + n << 80
            | 7 << 76
            | chance.getrandbits(12) << 64
            | 2 << 62
            | chance.getrandbits(62)
        )
        for n in range(len(some))
    )
    return [event.model_copy(update={"event_id": i}) for event, i in zip(some, ids, strict=True)]


class _Measured(NamedTuple):
    """One drain."""

    rate: float
    wal: float
    left: object
    """A hash of the events' interactions afterwards."""


def _measured(deployment: Deployment, some: list[ApprovalEvent]) -> _Measured:
    deployment.publish(some)
    start = _scalar(deployment, "SELECT pg_current_wal_lsn()")
    rate = len(some) / deployment.drain()
    written = _scalar(deployment, "SELECT pg_current_wal_lsn() - %s::pg_lsn", [start])
    interactions = [event.interaction_id for event in some]
    left = _scalar(
        deployment,
        "SELECT md5(string_agg(concat(customer_status, ltv_usd, last_event_id), ',' ORDER BY id))"
        " FROM interactions WHERE id = ANY(%s)",
        [interactions],
    )
    return _Measured(rate, float(written) / len(some), left)


def fill_ledger(deployment: Deployment, size: int) -> None:
    """Fill the ledger with events of other interactions and customers, as if applied long ago."""
    for step in _FILL.read_text("utf-8").replace("{size}", str(size)).split(";"):
        if step.strip():
            deployment.database.execute(step.encode())
    deployment.database.execute("VACUUM ANALYZE")


def _median(what: str, measured: list[_Measured]) -> float:
    values: list[float] = [getattr(one, what) for one in measured]
    return statistics.median(values)


def _scalar(deployment: Deployment, query: LiteralString, parameters: Sequence[object] = ()) -> Any:
    row = deployment.database.execute(query, parameters or None).fetchone()
    return row[0] if row else None
