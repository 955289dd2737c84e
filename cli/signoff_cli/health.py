"""`signoff health`: for people, and by its exit code for supervisors of workers and readers."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.leaving import leave_if_away
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.health import (
    WorkerHealth,
    reader_health,
    registered_workers,
    worker_on_port,
)
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.unavailable import Unavailable


def health(
    *,
    live: Annotated[
        bool,
        typer.Option("--live", help="Check only whether it is live, as to decide on a restart."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Ask the worker on this port, not Redis about all."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where that worker is.")] = "127.0.0.1",
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Ask about this reader of the feed, such as insight or rapport."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show if the queue's workers are live and ready. Exit 1 if one is not, or there is none.

    Live: its main loop makes progress. Ready: it can apply events; else it says what it waits for.
    Exit 2 if Redis is unavailable, which knows of the workers. With --reader, Postgres is asked.
    """
    if reader is not None:
        _of_reader(reader, live=live, as_json=as_json)
        return
    unavailable = Unavailable()
    if port is None:
        servers = DirectServers(load_settings())
        workers = unavailable.collect("redis", lambda: registered_workers(servers))
    else:
        workers = [worker_on_port(host, port)]
    healthy = workers and all(w.live if live else w.ready for w in workers)
    if as_json:
        known = None if workers is None else bool(healthy)
        data = None if workers is None else [asdict(worker) for worker in workers]
        show_json({"healthy": known, "workers": data, "away": unavailable.reasons})
    elif workers is not None:
        _show(workers)
    leave_if_away(unavailable.reasons)
    if not healthy:
        raise typer.Exit(1)


def _of_reader(name: str, *, live: bool, as_json: bool) -> None:
    unavailable = Unavailable()
    servers = DirectServers(load_settings())
    found = unavailable.collect("postgres", lambda: reader_health(servers, name))
    healthy = None if found is None else found.live if live else found.ready
    if as_json:
        reader = found and asdict(found)
        show_json({"healthy": healthy, "reader": reader, "away": unavailable.reasons})
    elif found is not None:
        state = "ready" if found.ready else "live, not ready" if found.live else "not live"
        waits = f": {found.waits_for}" if found.waits_for else ""
        say(f"reader {found.reader}: {state}{waits}")
    leave_if_away(unavailable.reasons)
    if not healthy:
        raise typer.Exit(1)


def _show(workers: Sequence[WorkerHealth]) -> None:
    if not workers:
        say("No worker listens on this queue: start one with `signoff worker`.")
    for worker in workers:
        state = "ready" if worker.ready else "live, not ready" if worker.live else "not live"
        waits = f": {worker.waits_for}" if worker.waits_for else ""
        where = f" on {worker.host}" if worker.host else ""
        say(f"{worker.worker or 'worker'}{where}: {state}{waits}")
