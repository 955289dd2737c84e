"""`signoff health`: for people and for what supervises workers, by its exit code."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from signoff_cli.leaving import leave_if_any
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.services import load_settings
from signoff_ops.unavailable import Unavailable
from signoff_queue.connection import redis_of
from signoff_queue.reader import QueueReader, WorkerState
from signoff_schemas import Settings

_TIMEOUT: Final = 5


def health(
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Ask only whether work gets on, as for a restart.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Ask the worker on this port, not Redis about all."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where that worker is.")] = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Tell whether the queue's workers are live and ready. Exit 1 if one is not, or there is none.

    Live: its work gets on. Ready: it applies what it takes; else it says what it waits for. Exit 2
    if Redis is away, which knows of the workers.
    """
    unavailable = Unavailable()
    workers = _all(load_settings(), unavailable) if port is None else [_asked(host, port)]
    healthy = workers and all(worker["live" if live else "ready"] for worker in workers)
    if as_json:
        known = None if workers is None else bool(healthy)
        show_json({"healthy": known, "workers": workers, "away": unavailable.reasons})
    elif workers is not None:
        _show(workers)
    leave_if_any(unavailable)
    if not healthy:
        raise typer.Exit(1)


def _all(settings: Settings, unavailable: Unavailable) -> list[dict[str, Any]] | None:
    return unavailable.collect("redis", lambda: list(_registered(settings)))


def _registered(settings: Settings) -> Iterator[dict[str, Any]]:
    with redis_of(settings) as client:
        reader = QueueReader(client, settings.queue)
        for worker in reader.workers(silent_after=settings.redeliver_after):
            yield {"worker": worker.name, "host": worker.host, **_told(worker)}


def _told(worker: WorkerState) -> dict[str, Any]:
    told = {name: asdict(worker)[name] for name in ("pid", "live", "ready", "waits_for")}
    if worker.heartbeat_age and not worker.live and not worker.waits_for:
        told["waits_for"] = f"no heartbeat for {worker.heartbeat_age.total_seconds():.0f} s"
    return told


def _asked(host: str, port: int) -> dict[str, Any]:
    """The report of one worker; one that does not answer is neither live nor ready."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=_TIMEOUT)) as connection:
            connection.request("GET", "/ready")
            report: dict[str, Any] = json.loads(connection.getresponse().read())
            return {key: report[key] for key in ("worker", "live", "ready", "waits_for")}
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        reason = f"no worker answers on http://{host}:{port}/ready: {error}"
        return {"worker": None, "live": False, "ready": False, "waits_for": reason}


def _show(workers: list[dict[str, Any]]) -> None:
    if not workers:
        say("No worker listens on this queue: start one with `signoff worker`.")
    for worker in workers:
        state = "ready" if worker["ready"] else "live, not ready" if worker["live"] else "not live"
        waits = f": {worker['waits_for']}" if worker["waits_for"] else ""
        where = f" on {worker['host']}" if worker.get("host") else ""
        say(f"{worker['worker'] or 'worker'}{where}: {state}{waits}")
