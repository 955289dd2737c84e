"""An incident to practise on: `python scripts/incident.py SEED`. Ctrl-C ends it.

It starts what `signoff up` starts, in a temporary folder, with a queue of 50,000 events in which
several things are wrong at once. Which they are follows from the seed. While it runs, the upstreams
go on: some notice what they did wrong, and mend it after some minutes.

In another shell, `--check` says whether all is put right, and `--solution` what is wrong.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from incident_check import check, show_solution
from incident_note import Note, noted, read_note
from incident_traffic import incident
from incident_upstreams import Upstreams

from signoff_cli.children import (
    Child,
    Desk,
    running,
    running_desk,
    running_workers,
    wait_until_served,
)
from signoff_cli.stopping import stop_on_signals
from signoff_embedded import embedded_services
from signoff_embedded.ports import free_port
from signoff_ops.schema import migrate
from signoff_ops.servers import DirectServers, KeptConnection
from signoff_ops.services import environment, sign_in_url
from signoff_ops.status import queue_status
from signoff_ops.users import add_user, make_link
from signoff_schemas import Settings, SignoffError
from signoff_schemas.access import Role

OPERATOR: Final = "operator"
_WORKERS: Final = 2
_TURN: Final = 0.2
_TASK: Final = """\
Approvals that were accepted do not show in the figures of their customers, and more fail each
minute. Find out in the console what is wrong, and put it right there: each event is applied in
the end, or settled with a reason, and the audit is clean."""


def main() -> int:
    """Run an incident, or look at one."""
    asked = _arguments()
    try:
        if asked.solution:
            show_solution(incident(asked.seed, asked.events, datetime.now(UTC)))
            return 0
        if asked.check:
            return check(read_note(asked.seed))
        run(asked.seed, asked.events, minute=asked.minute)
    except SignoffError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="incident.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("seed", type=int, help="which incident")
    parser.add_argument("--events", type=int, default=50_000, help="on the queue [50000]")
    parser.add_argument(
        "--minute", type=float, default=60, help="seconds that a minute of the upstreams takes [60]"
    )
    look = parser.add_mutually_exclusive_group()
    look.add_argument("--solution", action="store_true", help="say what is wrong, and what to do")
    look.add_argument(
        "--check", action="store_true", help="say whether the running incident is put right"
    )
    return parser.parse_args()


def run(seed: int, events: int, *, minute: float = 60) -> None:
    """Run the incident of this seed until a signal comes."""
    print("Starting Valkey, Postgres, workers and the web service in a temporary folder.")
    with (
        stop_on_signals() as stop,
        tempfile.TemporaryDirectory(prefix=f"signoff-incident-{seed}-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        start = datetime.now(UTC)
        upstreams = Upstreams(stack.servers, incident(seed, events, start), minute=minute)
        print(f"Putting {events:,} events on the queue.", flush=True)
        upstreams.begin()
        note = Note.of(
            stack.settings, seed=seed, events=events, start=start, web_url=stack.desk.url
        )
        with running_workers(stack.settings, _WORKERS, log=stack.log) as workers, noted(note):
            wait_until_served(stop, stack.desk)
            _introduce(stack)
            _go_on(stop, upstreams, (workers, *stack.desk.children))
            print("Stopping.", flush=True)


class Stack(NamedTuple):
    """What runs."""

    settings: Settings
    servers: DirectServers
    desk: Desk
    log: int
    """The descriptor of the file to which all processes write."""


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Servers, the web service and what belongs to it, until the block ends; no workers yet."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / "processes.log").open("ab")).fileno()
        services = stack.enter_context(embedded_services(folder / "data", fsync=False))
        settings = Settings.load(redis_url=services.redis_url, database_url=services.database_url)
        migrate(settings)
        _kill_a_worker(settings, log)
        desk = stack.enter_context(running_desk(settings, web_port=free_port(), log=log))
        own = settings.model_copy(update={"outbox_url": settings.database_url})
        servers = stack.enter_context(KeptConnection(own))
        yield Stack(own, servers, desk, log)


def _kill_a_worker(settings: Settings, log: int) -> None:
    """A worker that is killed while nothing waits yet: its entry is the trace of a crash loop."""
    servers = DirectServers(settings)
    with running("a worker", ("worker",), environment(settings), log=log) as worker:
        while not queue_status(servers).workers:
            worker.check()
            time.sleep(_TURN)
        worker.process.kill()


def operator_link(stack: Stack) -> str:
    """Add an operator; returns the URL that signs the operator in, once."""
    add_user(stack.servers, OPERATOR, [Role.OPERATOR], "incident")
    return sign_in_url(stack.desk.url, make_link(stack.servers, OPERATOR, "incident").token)


def _introduce(stack: Stack) -> None:
    print(f"\nWeb       {stack.desk.url}")
    print(f"Sign in   {operator_link(stack)}")
    print(f"          This signs {OPERATOR} in once.")
    print(f"\n{_TASK}\n\nCtrl-C ends it.", flush=True)


def _go_on(stop: threading.Event, upstreams: Upstreams, children: tuple[Child, ...]) -> None:
    """Let the upstreams go on until a signal comes, or a process has ended by itself."""
    while not stop.wait(_TURN):
        upstreams.act()
        for child in children:
            child.check()


if __name__ == "__main__":
    sys.exit(main())
