"""The server of the contexts is away, or the network to it fails; all others work on."""

import signal
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final

from faults.deployment import Deployment
from faults.fault import Fault
from faults.of_network import TROUBLES
from faults.of_postgres import TERMINATE
from faults.proxy import Proxy


def _stopped(how: signal.Signals, deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.second.stop(how)
    yield
    deployment.second.start()


def _terminated(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.second.execute(TERMINATE)
    yield
    deployment.second.execute(TERMINATE)


def _emptied(deployment: Deployment, _: Random) -> Iterator[None]:
    """All contexts are deleted, and how far they had been read: it is a new database."""
    yield
    deployment.second.execute("DROP SCHEMA rapport CASCADE")
    deployment.command("rapport", "create")


def _read_only(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.second.reconfigure(default_transaction_read_only="on")
    yield
    deployment.second.reconfigure(default_transaction_read_only=None)


def _troubled(
    trouble: Callable[[Proxy], None], deployment: Deployment, _: Random
) -> Iterator[None]:
    trouble(deployment.to_second)
    try:
        yield
    finally:
        deployment.to_second.clear()


FAULTS: Final = (
    Fault("second Postgres: kill -9, restart", "second", partial(_stopped, signal.SIGKILL)),
    Fault("second Postgres: fast stop, restart", "second", partial(_stopped, signal.SIGINT), True),
    Fault("second Postgres: all connections terminated", "second", _terminated, takes_long=True),
    Fault("second Postgres: read-only", "second", _read_only, takes_long=True),
    Fault("second Postgres: emptied", "second", _emptied, takes_long=True),
    *(
        Fault(
            f"network to the second Postgres: {name}",
            "second",
            partial(_troubled, trouble),
            takes_long=True,
        )
        for name, trouble in TROUBLES.items()
    ),
)
