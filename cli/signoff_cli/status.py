"""`signoff status`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from signoff_cli.leaving import leave_if_away
from signoff_cli.terminal import AsJson, say, show_fields, show_json, show_table
from signoff_cli.webhook.shown import show_webhooks, state_of
from signoff_ops.queue_control import pause_data, paused_text
from signoff_ops.rapport_check import contexts_check
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.status import QueueStatus, Status
from signoff_ops.status import status as status_of
from signoff_ops.values import OutboxOverview, Overview, ReaderState


def status(*, as_json: AsJson = False) -> None:
    """Show queue, dead letters and workers. Exit 2 if one of the servers is unavailable."""
    found = status_of(DirectServers(load_settings()))
    if as_json:
        show_json(_as_data(found))
    else:
        _show(found)
    leave_if_away(found.away)


def _as_data(found: Status) -> dict[str, Any]:
    """One flat object; what a server that is unavailable would know is left out."""
    data: dict[str, Any] = {}
    if queue := found.queue:
        data |= {
            "queue": queue.queue,
            **asdict(queue.counts),
            "oldest_waiting_seconds": queue.oldest_waiting,
            "next_retry_at": queue.next_retry_at,
            "workers": [asdict(worker) for worker in queue.workers],
            "pause": queue.pause and pause_data(queue.pause),
        }
    if found.state:
        data |= asdict(found.state)
    if found.readers is not None:
        data["feed_readers"] = [asdict(reader) for reader in found.readers]
    if found.webhooks is not None:
        data["webhooks"] = [state_of(webhook) for webhook in found.webhooks]
    if found.contexts is not None:
        data["contexts"] = asdict(found.contexts)
    return data | {"outbox": found.outbox and asdict(found.outbox), "away": found.away}


def _show(found: Status) -> None:
    if found.queue:
        _show_queue(found.queue)
    if found.state:
        _show_state(found.state)
    if found.readers:
        _show_readers(found.readers)
    if found.webhooks:
        show_webhooks(found.webhooks)
    if found.outbox:
        _show_outbox(found.outbox, found.outbox_oldest_waiting)
    if found.contexts:
        say(f"Contexts of customers {contexts_check(found.contexts).text}.")


def _show_queue(found: QueueStatus) -> None:
    counts = found.counts
    show_fields(
        [
            ("Queue", found.queue),
            ("Waiting", counts.waiting),
            ("Oldest waiting", found.oldest_waiting),
            ("In flight", counts.in_flight),
            ("Scheduled", counts.scheduled),
            ("Next retry", found.next_retry_at),
            ("Failed in RQ", counts.rq_failed),
            ("Ids without a job", counts.missing_jobs),
            ("Oversized jobs", counts.oversized),
        ]
    )
    if found.pause:
        say(f"Workers are paused {paused_text(found.pause)}")
    if not found.workers:
        say("No worker listens on this queue: start one with `signoff worker`.")
        return
    workers = [asdict(worker) for worker in found.workers]
    waits = any(worker["waits_for"] for worker in workers)
    left_out = {"live", "ready"} if waits else {"live", "ready", "waits_for"}
    columns = [column for column in workers[0] if column not in left_out]
    show_table(
        [column.replace("_", " ") for column in columns],
        [[str(w[c]) if c == "pid" else w[c] for c in columns] for w in workers],
    )


def _show_state(state: Overview) -> None:
    show_fields(
        [
            ("Applied", _number(state.applied, estimate=state.applied_is_estimate)),
            ("  status decisions", _number(state.decisions, estimate=state.decisions_is_estimate)),
            ("Last applied", state.last_applied_at),
            ("Dead letters", sum(state.dead.values())),
            *((f"  {kind}", letters) for kind, letters in state.dead.items()),
        ]
    )


def _number(counted: int, *, estimate: bool) -> str:
    return f"about {counted:,} (an estimate)" if estimate else f"{counted:,}"


def _show_readers(readers: Sequence[ReaderState]) -> None:
    show_table(
        ["reader of the feed", "unread", "oldest unread at", "updated at", "message"],
        [[r.name, r.unread_text, r.oldest_unread_at, r.updated_at, r.failure] for r in readers],
    )


def _show_outbox(outbox: OutboxOverview, oldest_waiting: timedelta | None) -> None:
    show_fields(
        [
            ("Waiting in the outbox", outbox.waiting),
            ("  the oldest for", oldest_waiting),
            ("  refused", outbox.refused),
        ]
    )
