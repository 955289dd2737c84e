"""`signoff worker`."""

import os
from contextlib import suppress
from typing import Annotated

import typer
from redis import AuthenticationError, ConnectionError, Redis, TimeoutError  # noqa: A004 -- Redis's

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_ops.services import environment, load_settings
from signoff_queue.connection import redis_of
from signoff_schemas import redis_client
from signoff_worker import ApprovalWorker
from signoff_worker.pool import ApprovalWorkerPool


def worker(
    *,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing waits.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Run so many, and replace those that die. [one, as it is]"
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Events taken at a time [SIGNOFF_BATCH_SIZE, 1000].")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="The queue's name [SIGNOFF_QUEUE, approvals].")
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            help="Tell /live and /ready over HTTP; with --processes, each on a port of its own, "
            "from this one on [SIGNOFF_HEALTH_PORT, none]."
        ),
    ] = None,
) -> None:
    """Take approval events off the queue and apply them.

    Ctrl-C or SIGTERM finishes the batch in hand, a second one leaves it to another worker. RQ's own
    tools (rq info, rq suspend) see these workers.
    """
    settings = load_settings(queue=queue, batch_size=batch_size, health_port=health_port)
    with suppress(DatabaseUnavailableError):  # a Postgres that is away is waited for
        require_current(settings.require("database_url"))
    # Workers read their settings from the environment, as they do under `rq worker-pool`.
    os.environ.update(environment(settings))
    with redis_of(settings) as client:
        _check(client)
    if processes is None:
        connection = redis_client(settings.require("redis_url"))
        ApprovalWorker([settings.queue], connection=connection).work(burst=burst)
    else:
        pool = ApprovalWorkerPool(settings, processes)
        pool.start(burst=burst, logging_level=settings.log_level)


def _check(client: Redis) -> None:
    """End now if the password is wrong; a Redis that is away is waited for, as Postgres is."""
    try:
        client.ping()
    except AuthenticationError:
        raise
    except (ConnectionError, TimeoutError):
        return
