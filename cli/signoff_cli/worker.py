"""`signoff worker`."""

import os
import signal
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess
from typing import Annotated, Any

import typer
from redis import AuthenticationError, ConnectionError, Redis, TimeoutError  # noqa: A004 -- Redis's
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_ops.services import environment, load_settings
from signoff_queue.connection import redis_of
from signoff_schemas import Settings, redis_client
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
    connection = redis_client(settings.require("redis_url"))
    if processes is None:
        ApprovalWorker([settings.queue], connection=connection).work(burst=burst)
    else:
        _pool(settings, connection, processes).start(burst=burst, logging_level=settings.log_level)


def _check(client: Redis) -> None:
    """End now if the password is wrong; a Redis that is away is waited for, as Postgres is."""
    try:
        client.ping()
    except AuthenticationError:
        raise
    except (ConnectionError, TimeoutError):
        return


def _pool(settings: Settings, connection: Redis, processes: int) -> WorkerPool:
    return _Pool(
        [settings.queue],
        connection=connection,
        num_workers=processes,
        worker_class=ApprovalWorker,
        serializer=JSONSerializer,
        first_port=settings.health_port,
    )


class _Pool(WorkerPool):
    """RQ's pool of processes, each told the health port that is its own."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 -- they are RQ's
        first_port: int | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        # A process that replaces one that died inherits the pool's own handlers, and would take a
        # signal that reaches it before it works for one to the pool: it would never stop.
        os.register_at_fork(after_in_child=_end_on_signals)
        self._first_port = first_port
        self._ports: dict[str, int] = {}
        """By the worker's name, of those that live."""

    def get_worker_process(self, name: str, *args: Any, **kwargs: Any) -> BaseProcess:  # noqa: ANN401
        """The process about to be forked, which reads its settings from this environment."""
        if self._first_port is not None:
            living = {w: p for w, p in self._ports.items() if w in self.worker_dict}
            port = next(p for p in count(self._first_port) if p not in living.values())
            self._ports = {**living, name: port}
            os.environ["SIGNOFF_HEALTH_PORT"] = str(port)
        process: BaseProcess = super().get_worker_process(name, *args, **kwargs)
        return process


def _end_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
