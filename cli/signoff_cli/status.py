"""`signoff status`."""

from dataclasses import asdict
from typing import Any

from signoff_cli.leaving import leave_if_any
from signoff_cli.terminal import AsJson, say, show_fields, show_json, show_table
from signoff_db.read_connection import database_of
from signoff_db.reading import Overview, overview, snapshot
from signoff_ops.services import load_settings
from signoff_ops.unavailable import Unavailable
from signoff_queue.connection import redis_of
from signoff_queue.reader import QueueReader, age
from signoff_relay.connections import outbox_if_any
from signoff_relay.table import OutboxOverview
from signoff_schemas import Settings


def status(*, as_json: AsJson = False) -> None:
    """Show queue, dead letters and workers. Exit 2 if a server is away; the others are shown."""
    settings = load_settings()
    unavailable = Unavailable()
    queue = unavailable.collect("redis", lambda: _queue(settings))
    if queue and not as_json:
        _show_queue(queue)
    state = unavailable.collect("postgres", lambda: _state(settings))
    if state and not as_json:
        _show_state(state)
    outbox = (
        unavailable.collect("outbox", lambda: _outbox(settings))
        if _is_asked(state, settings)
        else None
    )
    if outbox and not as_json:
        _show_outbox(outbox)
    if as_json:
        show_json(_known(queue, state, outbox) | {"away": unavailable.reasons})
    leave_if_any(unavailable)


def _is_asked(state: Overview | None, settings: Settings) -> bool:
    """Whether the outbox is worth a look: not where it is in the database that is away."""
    return bool(state or settings.outbox_url)


def _known(
    queue: dict[str, Any] | None, state: Overview | None, outbox: OutboxOverview | None
) -> dict[str, Any]:
    """What there is to tell; what a server that is away would know is left out."""
    known = dict(queue or {})
    if state:
        known |= asdict(state)
    return known | {"outbox": outbox and asdict(outbox)}


def _state(settings: Settings) -> Overview:
    with database_of(settings) as connection, snapshot(connection):
        return overview(connection)


def _queue(settings: Settings) -> dict[str, Any]:
    with redis_of(settings) as client:
        reader = QueueReader(client, settings.queue)
        workers = reader.workers(silent_after=settings.redeliver_after)
        return {
            "queue": settings.queue,
            **asdict(reader.counts()),
            "oldest_waiting_seconds": age(reader.oldest_waiting()),
            "next_retry_at": reader.next_scheduled(),
            "workers": [asdict(worker) for worker in workers],
        }


def _show_queue(found: dict[str, Any]) -> None:
    show_fields(
        [
            ("Queue", found["queue"]),
            ("Waiting", found["waiting"]),
            ("Oldest waiting", found["oldest_waiting_seconds"]),
            ("In flight", found["in_flight"]),
            ("Scheduled", found["scheduled"]),
            ("Next retry", found["next_retry_at"]),
            ("Failed in RQ", found["rq_failed"]),
            ("Ids without a job", found["missing_jobs"]),
        ]
    )
    if not found["workers"]:
        say("No worker listens on this queue: start one with `signoff worker`.")
        return
    waits = any(worker["waits_for"] for worker in found["workers"])
    left_out = {"live", "ready"} if waits else {"live", "ready", "waits_for"}
    columns = [column for column in found["workers"][0] if column not in left_out]
    show_table(
        [column.removesuffix("_seconds").replace("_", " ") for column in columns],
        [[str(w[c]) if c == "pid" else w[c] for c in columns] for w in found["workers"]],
    )


def _show_state(state: Overview) -> None:
    show_fields(
        [
            ("Applied", state.applied),
            ("Last applied", state.last_applied_at),
            ("Dead letters", sum(state.dead.values())),
            *((f"  {kind}", letters) for kind, letters in state.dead.items()),
        ]
    )


def _outbox(settings: Settings) -> OutboxOverview | None:
    with outbox_if_any(settings) as table:
        return table.overview() if table else None


def _show_outbox(outbox: OutboxOverview) -> None:
    show_fields(
        [
            ("Waiting in the outbox", outbox.waiting),
            ("  the oldest for", age(outbox.oldest_waiting_at)),
            ("  refused", outbox.refused),
        ]
    )
