"""Run workers: one in this process, or a pool of processes."""

import os
from contextlib import suppress

from redis import AuthenticationError
from redis import ConnectionError as RedisConnectionError
from redis import TimeoutError as RedisTimeoutError

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_ops.servers import Servers
from signoff_ops.services import environment
from signoff_schemas import redis_client
from signoff_worker import ApprovalWorker
from signoff_worker.pool import ApprovalWorkerPool


def run_workers(servers: Servers, *, processes: int | None = None, burst: bool = False) -> None:
    """Take events off the queue and apply them until stopped; with `burst`, until none waits.

    Args:
        servers: the worker processes get their settings by the environment, as in RQ's pool.
        processes: the number of worker processes, which are replaced when they die; None runs one
            worker in this process.
        burst: end when nothing waits.

    Raises:
        MigrationError: the database lacks tables that this release works with.
        RedisUnavailableError: the password is wrong. For an unavailable server workers wait.
    """
    settings = servers.settings
    with suppress(DatabaseUnavailableError):
        require_current(settings.require("database_url"))
    os.environ.update(environment(settings))
    _check_redis(servers)
    if processes is None:
        connection = redis_client(settings.require("redis_url"))
        ApprovalWorker([settings.queue], connection=connection).work(burst=burst)
    else:
        pool = ApprovalWorkerPool(settings, processes)
        pool.start(burst=burst, logging_level=settings.log_level)


def _check_redis(servers: Servers) -> None:
    """Raise if the password is wrong; workers wait for an unavailable Redis or Postgres."""
    with servers.redis() as client:
        try:
            client.ping()
        except AuthenticationError:
            raise
        except (RedisConnectionError, RedisTimeoutError):
            return
