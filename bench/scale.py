"""What a long backlog and a big ledger cost: one worker beside itself on a small one.

Backlog: short ones are drained before the long one and, on the tables that it leaves behind, after
it; each part of it has the mix of a short one, so that the share of new interactions is the same.

Ledger: what is in it concerns interactions of its own; the events that are measured are the same on
both, and so must be what they leave behind.
"""

import os
import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

from stage import Row, Stage, events

from signoff_db.connection import connect
from signoff_db.sql import statement

_SHORT = 20_000
_WARM = 0.1
"""The part of the long backlog in which the worker's memory may still grow."""
_FILL = Path(__file__).with_name("fill_ledger.sql")


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Both of them."""
    return [
        *_backlog(stage, 100_000 if quick else 1_000_000),
        *_ledger(stage, 300_000 if quick else 5_000_000, 20_000 if quick else 50_000),
    ]


def _backlog(stage: Stage, count: int) -> list[Row]:
    stage.clear()
    short = [_drained(stage, [seed])[0] for seed in (1001, 1002, 1003)]
    long, memory = _drained(stage, list(range(count // _SHORT)))
    short += [_drained(stage, [seed])[0] for seed in (1004, 1005, 1006)]
    _check_fold(stage, count + len(short) * _SHORT)
    warm = memory[int(len(memory) * _WARM) :]
    what = f"backlog of {count:,}"
    return [
        Row(what, long, "events/s", f"of {_SHORT:,}", statistics.median(short), ">= 0.9"),
        Row(f"{what}: worker's memory, at most", max(memory), "MB", reach="< 150"),
        Row(f"{what}: its growth once warm", max(warm) - warm[0], "MB", reach="<= 20"),
    ]


def _drained(stage: Stage, seeds: list[int]) -> tuple[float, list[float]]:
    """Events a second, and the worker's resident memory, in MB, every fifth of a second."""
    for seed in seeds:
        stage.publish(events(_SHORT, seed=seed))
    stage.database.execute("CHECKPOINT")
    with _memory_of_the_worker(stage) as memory:
        return len(seeds) * _SHORT / stage.drain(), memory


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


def _check_fold(stage: Stage, count: int) -> None:
    """As `stage.check`, without reading a million events to see whether their hashes are right."""
    with connect(stage.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM approvals").fetchone()
        differing = connection.execute(statement("audit"), {"limit": 5}).fetchall()
    assert found == (count,), found
    assert not differing, differing


def _ledger(stage: Stage, size: int, count: int) -> list[Row]:
    stage.clear()
    empty = _three(stage, count)
    stage.check(3 * count)
    stage.clear()
    fill_ledger(stage, size)
    full = _three(stage, count)
    assert [one.left for one in full] == [one.left for one in empty]
    rows = []
    for what, part in (
        (f"ledger of {size:,}", slice(1, None)),
        (f"ledger of {size:,}, the first {count:,} after a checkpoint", slice(1)),
    ):
        ours, theirs = full[part], empty[part]
        rate, beside = _median("rate", ours), _median("rate", theirs)
        wal, beside_wal = _median("wal", ours), _median("wal", theirs)
        rows += [
            Row(what, rate, "events/s", "empty", beside, ">= 0.8"),
            Row(f"{what}: WAL", wal, "bytes/event", "empty", beside_wal),
        ]
    return rows


def _three(stage: Stage, count: int) -> list["_Measured"]:
    """The first of them pays for the checkpoint: each page goes to the WAL whole once after it."""
    stage.database.execute("CHECKPOINT")
    return [_measured(stage, count, seed) for seed in (1, 2, 3)]


class _Measured(NamedTuple):
    """One drain."""

    rate: float
    wal: float
    left: object
    """A fingerprint of what the events' interactions hold afterwards."""


def _measured(stage: Stage, count: int, seed: int) -> _Measured:
    some = events(count, seed=seed)
    stage.publish(some)
    start = _scalar(stage, "SELECT pg_current_wal_lsn()")
    rate = count / stage.drain()
    written = _scalar(stage, "SELECT pg_current_wal_lsn() - %s::pg_lsn", [start])
    interactions = [event.interaction_id for event in some]
    left = _scalar(
        stage,
        "SELECT md5(string_agg(concat(customer_status, ltv_usd, last_event_id), ',' ORDER BY id))"
        " FROM interactions WHERE id = ANY(%s)",
        [interactions],
    )
    return _Measured(rate, float(written) / count, left)


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
