"""Operations to measure: the process that runs them, and dry runs one after the other."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from background import thread
from deployment import Deployment, environment

from signoff_ops.operating import Operator
from signoff_ops.operations import (
    Operation,
    OperationAction,
    cancel_operation,
    operation,
    start_operation,
)
from signoff_ops.servers import Servers
from signoff_ops.values import Selection

OPERATOR = Operator("user:bench", "measured")
_LOOK_SECONDS = 0.5
"""Between two looks at an operation, on one connection. A look with a connection of its own takes
16 ms of CPU: 15 of them a second took an eighth of two processors from what was measured."""


@dataclass
class Running:
    """The dry run that runs now."""

    id: int


@contextmanager
def runner(deployment: Deployment) -> Iterator[None]:
    """The process that runs operations."""
    command = [sys.executable, "-m", "signoff_cli", "operations", "run"]
    with (deployment.folder / "runner.log").open("ab") as log:
        running = subprocess.Popen(command, env=environment(deployment), stderr=log)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def dry_run(servers: Servers) -> Operation:
    """Start a dry run of all letters."""
    operator = Operator(OPERATOR.actor, OPERATOR.reason, dry_run=True)
    return start_operation(servers, Selection(), operator, OperationAction.REPLAY)


def ended(servers: Servers, started: Operation) -> Operation:
    """Wait until it has ended; it notes the moment itself."""
    while True:
        found = operation(servers, started.id)
        assert found
        if found.ended_at is not None:
            assert found.state == "done", found
            return found
        time.sleep(_LOOK_SECONDS)


@contextmanager
def dry_runs(servers: Servers) -> Iterator[Running]:
    """One dry run of all letters after the other, until the block ends."""
    stop = threading.Event()
    running = Running(dry_run(servers).id)

    def loop() -> None:
        while not stop.wait(_LOOK_SECONDS):
            found = operation(servers, running.id)
            if found is None or found.ended_at is not None:
                running.id = dry_run(servers).id
        cancel_operation(servers, running.id, OPERATOR.actor)

    with thread(loop, stop):
        yield running
