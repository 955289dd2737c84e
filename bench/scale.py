"""What a long backlog and a big ledger cost: one worker beside itself on a small one.

Backlog: it is a stretch of the ordinary mix, whose 50,000 interactions are known beforehand, so
that its events do the same from the first to the last; stretches of 20,000 are drained before and
after it.

Ledger: what is in it concerns interactions of its own; the events that are measured are the same on
both, and so must be what they leave behind. Then events of the same kind, whose ids grow with time
(UUIDv7).
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

from stage import START, Row, Stage, events, stream

from signoff_schemas import ApprovalEvent

_SHORT = 20_000
_PART = 10_000
"""What is published at a time: a million events at once take gigabytes."""
_WARM = 0.1
"""The part of the long backlog in which the worker's memory may still grow."""
_FILL = Path(__file__).with_name("fill_ledger.sql")


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Both of them."""
    return [
        *_backlog(stage, 100_000 if quick else 1_000_000, 50_000 if quick else 150_000),
        *_ledger(stage, 300_000 if quick else 5_000_000, 20_000 if quick else 50_000),
    ]


def _backlog(stage: Stage, count: int, known: int) -> list[Row]:
    stage.clear()
    mix = stream()
    _drained(stage, mix, known)
    short = [_drained(stage, mix, _SHORT)[0] for _ in range(3)]
    long, memory = _drained(stage, mix, count)
    short += [_drained(stage, mix, _SHORT)[0] for _ in range(3)]
    stage.check(known + count + len(short) * _SHORT)
    warm = memory[int(len(memory) * _WARM) :]
    what = f"backlog of {count:,}"
    return [
        Row(what, long, "events/s", f"of {_SHORT:,}", statistics.median(short), ">= 0.9"),
        Row(f"{what}: worker's memory, at most", max(memory), "MB", reach="< 150"),
        Row(f"{what}: its growth once warm", max(warm) - warm[0], "MB", reach="<= 20"),
    ]


def _drained(stage: Stage, mix: Iterator[ApprovalEvent], count: int) -> tuple[float, list[float]]:
    """Events a second, and the worker's resident memory, in MB, every fifth of a second."""
    for _ in range(0, count, _PART):
        stage.publish(list(islice(mix, _PART)))
    stage.database.execute("CHECKPOINT")
    with _memory_of_the_worker(stage) as memory:
        return count / stage.drain(), memory


@contextmanager
def _memory_of_the_worker(stage: Stage) -> Iterator[list[float]]:
    taken: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            for key in stage.redis.smembers("rq:workers"):
                if pid := stage.redis.hget(key, "pid"):
                    pages = Path(f"/proc/{int(pid)}/statm").read_text("ascii").split()[1]
                    taken.append(int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield taken
    finally:
        done.set()
        watch.join()


def _ledger(stage: Stage, size: int, count: int) -> list[Row]:
    stage.clear()
    empty = _three(stage, count)
    stage.check(3 * count)
    stage.clear()
    fill_ledger(stage, size)
    full = _three(stage, count)
    assert [one.left for one in full] == [one.left for one in empty]
    growing = _three(stage, count, seeds=(4, 5, 6), reidentify=with_growing_ids)
    assert _scalar(stage, "SELECT count(*) FROM approvals") == size + 6 * count
    after_checkpoint = f"the first {count:,} after a checkpoint"
    return [
        *_beside_empty(f"ledger of {size:,}", full[1:], empty[1:]),
        *_beside_empty(f"ledger of {size:,}, {after_checkpoint}", full[:1], empty[:1]),
        *_beside_empty(f"ledger of {size:,}, UUIDv7", growing[1:], empty[1:]),
        *_beside_empty(f"ledger of {size:,}, UUIDv7, {after_checkpoint}", growing[:1], empty[:1]),
    ]


def _beside_empty(what: str, ours: "list[_Measured]", theirs: "list[_Measured]") -> list[Row]:
    rate, beside = _median("rate", ours), _median("rate", theirs)
    wal, beside_wal = _median("wal", ours), _median("wal", theirs)
    return [
        Row(what, rate, "events/s", "empty", beside, ">= 0.8"),
        Row(f"{what}: WAL", wal, "bytes/event", "empty", beside_wal),
    ]


Reidentify = Callable[[list[ApprovalEvent], int], list[ApprovalEvent]]
"""Gives the events of an hour, by its number, other ids."""


def _three(
    stage: Stage,
    count: int,
    *,
    seeds: tuple[int, int, int] = (1, 2, 3),
    reidentify: Reidentify = lambda some, _: some,
) -> "list[_Measured]":
    """The first of them pays for the checkpoint: each page goes to the WAL whole once after it."""
    stage.database.execute("CHECKPOINT")
    return [_measured(stage, reidentify(events(count, seed=s), s)) for s in seeds]


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
    """A fingerprint of what the events' interactions hold afterwards."""


def _measured(stage: Stage, some: list[ApprovalEvent]) -> _Measured:
    stage.publish(some)
    start = _scalar(stage, "SELECT pg_current_wal_lsn()")
    rate = len(some) / stage.drain()
    written = _scalar(stage, "SELECT pg_current_wal_lsn() - %s::pg_lsn", [start])
    interactions = [event.interaction_id for event in some]
    left = _scalar(
        stage,
        "SELECT md5(string_agg(concat(customer_status, ltv_usd, last_event_id), ',' ORDER BY id))"
        " FROM interactions WHERE id = ANY(%s)",
        [interactions],
    )
    return _Measured(rate, float(written) / len(some), left)


def fill_ledger(stage: Stage, size: int) -> None:
    """So many events of interactions and customers of their own, as if applied long ago."""
    for step in _FILL.read_text("utf-8").replace("{size}", str(size)).split(";"):
        if step.strip():
            stage.database.execute(step.encode())
    stage.database.execute("VACUUM ANALYZE")


def _median(what: str, measured: list[_Measured]) -> float:
    values: list[float] = [getattr(one, what) for one in measured]
    return statistics.median(values)


def _scalar(stage: Stage, query: LiteralString, parameters: Sequence[object] = ()) -> Any:
    row = stage.database.execute(query, parameters or None).fetchone()
    return row[0] if row else None
