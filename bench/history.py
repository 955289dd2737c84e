"""Years of history: how long an operator waits for what commands show, in SQL and in Python.

A ledger of five million events, 100,000 open and 200,000 settled letters, 300 prune actions
of 1,000 letters each. All of it is generated in SQL; nothing of it went through workers.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import scale
from deployment import Deployment, Row
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import reading
from signoff_db.causes import groups
from signoff_db.connection import connect
from signoff_db.dead_letters import get_letter, letters_of, list_letters
from signoff_db.locations import unknown_jobs
from signoff_db.operator_actions import actions_of
from signoff_db.prune import pruned
from signoff_db.selection import Selection
from signoff_schemas import DeadLetterState, FailureKind

_FILL: Final = Path(__file__).with_name("fill_history.sql")
_LOOKS: Final = 9
_TARGET: Final = "< 100"


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Fill the tables, and look at each thing from a connection as commands open it."""
    events = 300_000 if quick else 5_000_000
    deployment.clear()
    scale.fill_ledger(deployment, events)
    _fill(deployment)
    with connect(deployment.database_url) as connection:
        looks = _looks(connection)
        took = {name: _median_ms(look) for name, look in looks.items()}
    return [
        Row(f"history of {events:,}: {name}", ms, "ms", target=_TARGET) for name, ms in took.items()
    ]


def _fill(deployment: Deployment) -> None:
    for step in _FILL.read_text("utf-8").split(";"):
        if step.strip():
            deployment.database.execute(step.encode())
    deployment.database.execute("VACUUM ANALYZE")


def _looks(connection: Connection[TupleRow]) -> dict[str, Callable[[], object]]:
    """What each command asks Postgres for."""
    applied = _one(connection, "SELECT event_id FROM approvals LIMIT 1")
    discarded = _one(
        connection, "SELECT event_id FROM dead_letters WHERE state = 'discarded' LIMIT 1"
    )
    gone = _one(connection, "SELECT event_id FROM pruned_letters LIMIT 1")
    oldest = _one(connection, "SELECT min(id) FROM dead_letters")

    def listed(**criteria: Any) -> Callable[[], object]:
        return lambda: list_letters(connection, Selection(**criteria))

    def history(event_id: UUID) -> Callable[[], object]:
        return lambda: (
            reading.ledger_entry(connection, event_id),
            letters_of(connection, event_id, str(event_id)),
            pruned(connection, str(event_id)),
        )

    return {
        "status": lambda: reading.overview(connection),
        "dlq list": listed(),
        "dlq list of a kind": listed(kinds=(FailureKind.LTV_OVERFLOW,)),
        "dlq list of a kind of which there is none": listed(kinds=(FailureKind.ABANDONED,)),
        "dlq list of a user": listed(user_id="user-7"),
        "dlq list of all states": listed(states=tuple(DeadLetterState)),
        "dlq list of the discarded": listed(states=(DeadLetterState.DISCARDED,)),
        "dlq groups": lambda: groups(connection, Selection()),
        "dlq show": lambda: (get_letter(connection, oldest), actions_of(connection, oldest)),
        "event that was applied": history(applied),
        "event that was discarded": history(discarded),
        "event that was pruned": history(gone),
        "event that is unknown": history(UUID(int=0)),
        "1,000 missing jobs of an audit": lambda: unknown_jobs(
            connection, [str(UUID(int=n)) for n in range(1000)]
        ),
        "funnel": lambda: reading.funnel(connection),
    }


def _one(connection: Connection[TupleRow], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    assert row
    return row[0]


def _median_ms(look: Callable[[], object]) -> float:
    took = []
    for _ in range(_LOOKS):
        start = time.perf_counter()
        look()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000
