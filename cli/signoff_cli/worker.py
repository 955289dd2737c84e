"""`signoff worker`."""

import os
from contextlib import suppress
from typing import Annotated

import typer
from redis import Redis
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from signoff_cli.connections import redis_of
from signoff_cli.services import environment, load_settings
from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_schemas import Settings
from signoff_worker import ApprovalWorker


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
) -> None:
    """Take approval events off the queue and apply them.

    Ctrl-C or SIGTERM finishes the batch in hand, a second one leaves it to another worker. RQ's own
    tools (rq info, rq suspend) see these workers.
    """
    settings = load_settings(queue=queue, batch_size=batch_size)
    with suppress(DatabaseUnavailableError):  # a Postgres that is away is waited for
        require_current(settings.require("database_url"))
    # Workers read their settings from the environment, as they do under `rq worker-pool`.
    os.environ.update(environment(settings))
    with redis_of(settings) as client:
        client.ping()
    connection = Redis.from_url(settings.require("redis_url"))
    if processes is None:
        ApprovalWorker([settings.queue], connection=connection).work(burst=burst)
    else:
        _pool(settings, connection, processes).start(burst=burst, logging_level=settings.log_level)


def _pool(settings: Settings, connection: Redis, processes: int) -> WorkerPool:
    return WorkerPool(
        [settings.queue],
        connection=connection,
        num_workers=processes,
        worker_class=ApprovalWorker,
        serializer=JSONSerializer,
    )
