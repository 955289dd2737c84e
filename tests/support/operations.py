"""Operations as tests start and run them."""

import threading
from typing import Any

from desk import servers_of

from signoff_ops.operating import Operator
from signoff_ops.operation_run import Runner
from signoff_ops.operations import Operation, operation

ANN = Operator("ann")
DRY = Operator("ann", dry_run=True)


def run_all(database_url: str, **options: Any) -> None:
    """Run all operations that are due, as a runner does, until none is."""
    runner = Runner(database_url, poll=0.0, **options)
    stop = threading.Event()
    while runner.turn(stop):
        """Work on the next one."""
    runner.close()


def after(database_url: str, started: Operation) -> Operation:
    """An operation as it is now."""
    found = operation(servers_of(database_url), started.id)
    assert found
    return found
