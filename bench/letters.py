"""100,000 dead letters: how long an operator waits for a page and for the groups, and their replay.

The letters come about as they do in life: events of interactions that are not in Postgres yet. Then
the interactions arrive, and all of the letters are replayed, beside the same events drained by one
worker from Redis, with the interactions in place.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from deployment import Deployment, Row, deliveries, events

from signoff_db.apply import apply
from signoff_db.causes import groups
from signoff_db.connection import connect
from signoff_db.dead_letters import choose, list_letters
from signoff_db.selection import Selection
from signoff_schemas import ApprovalEvent

_LOOKS = 9


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Let the letters come about, look at them, replay them; then drain the same events."""
    count = 10_000 if quick else 100_000
    owned = events(count)
    ownerless = [event.model_copy(update={"user_id": None}) for event in owned]
    deployment.clear()
    die(deployment, ownerless)
    page, grouped = _looks(deployment)
    arrive(deployment, owned)
    replayed = replay(deployment, count)
    deployment.clear()
    arrive(deployment, owned)
    deployment.publish(ownerless)
    drained = count / deployment.drain()
    deployment.check(count)
    what = f"{count:,} dead letters"
    return [
        Row(f"{what}: first page", page, "ms", target="< 100"),
        Row(f"{what}: groups", grouped, "ms", target="< 300"),
        Row(f"{what}: replay", replayed, "events/s", "drain, 1 worker", drained, ">= 0.5"),
    ]


def die(deployment: Deployment, some: list[ApprovalEvent]) -> None:
    """Let the events fail."""
    read = deliveries(some)
    for first in range(0, len(read), 500):
        apply(deployment.database, read[first : first + 500])
    assert len(choose(deployment.database, Selection())) == len(some)


def arrive(deployment: Deployment, some: list[ApprovalEvent]) -> None:
    """The upstream's own rows, and what autovacuum does about them a minute later."""
    deployment.introduce(some)
    deployment.database.execute("VACUUM ANALYZE")
    deployment.database.execute("CHECKPOINT")


def _looks(deployment: Deployment) -> tuple[float, float]:
    """Milliseconds until the first page and the groups are there, as the command line asks."""
    with connect(deployment.database_url) as connection:
        everything = Selection()
        return (
            _median_ms(lambda: list_letters(connection, everything)),
            _median_ms(lambda: groups(connection, everything)),
        )


def _median_ms(look: Callable[[], object]) -> float:
    took = []
    for _ in range(_LOOKS):
        start = time.perf_counter()
        look()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def replay(deployment: Deployment, count: int) -> float:
    """Letters a second, from the first batch of an operator's command until it has ended."""
    deployment.database.execute(
        "ALTER TABLE operator_actions DISABLE TRIGGER USER;"
        " ALTER TABLE pruned_letters DISABLE TRIGGER USER;"
        " TRUNCATE operator_actions, pruned_letters;"
        " ALTER TABLE operator_actions ENABLE TRIGGER USER;"
        " ALTER TABLE pruned_letters ENABLE TRIGGER USER"
    )
    command = [sys.executable, "-m", "signoff_cli", "dlq", "replay", "--all", "--yes"]
    env = {**os.environ, "SIGNOFF_DATABASE_URL": deployment.database_url}
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    row = deployment.database.execute(
        "SELECT extract(epoch FROM clock_timestamp() - min(acted_at)) FROM operator_actions"
    ).fetchone()
    assert row
    deployment.check(count)
    return count / float(row[0])
