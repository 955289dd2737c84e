"""What networks do to connections, between workers and publishers here and servers there."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final, Literal
from urllib.parse import urlsplit

from processes import eventually, exit_code

from faults.fault import Fault
from faults.host import Host, another_host
from faults.proxy import Proxy
from faults.stage import Stage, through

Server = Literal["Redis", "Postgres"]


def _troubled(
    server: Server, trouble: Callable[[Proxy], None], stage: Stage, _: Random
) -> Iterator[None]:
    network = {"Redis": stage.to_redis, "Postgres": stage.to_postgres}[server]
    trouble(network)
    try:
        yield
    finally:
        network.clear()


def _forgotten(stage: Stage, _: Random) -> Iterator[None]:
    """Postgres drops a worker's connection while the cable of the worker's host is out.

    The worker waits for an answer that never comes, and its lease is renewed all the while. Only
    what its own kernel asks the silent connection can free it, and the batch in its hands.
    """
    with another_host() as host, _ways_from(host, stage) as (to_redis, to_postgres):
        env = {
            "SIGNOFF_REDIS_URL": through(stage.redis.url, to_redis),
            "SIGNOFF_DATABASE_URL": through(stage.postgres.url, to_postgres),
        }
        with stage.workers.one_more(inside=host.inside, env=env) as worker:
            with stage.postgres.admin() as rival, rival.transaction():
                rival.execute("LOCK TABLE interactions IN EXCLUSIVE MODE")
                eventually(lambda: _all_wait(stage), what="every worker has a batch in hand")
                host.unplug()
                to_postgres.reset_all()
                eventually(lambda: not to_postgres.connections, what="Postgres's side is reset")
            host.plug()
            since = stage.workers.log.stat().st_size
            yield
            eventually(
                lambda: stage.workers.said(b"Postgres is unavailable", since),
                what="the worker notices",
                log=stage.workers.log,
            )
            worker.send_signal(signal.SIGTERM)
            exit_code(worker, log=stage.workers.log)


@contextmanager
def _ways_from(host: Host, stage: Stage) -> Iterator[tuple[Proxy, Proxy]]:
    """From another host to both servers."""
    ports = (stage.redis.port, urlsplit(stage.postgres.url).port or 0)
    to_redis, to_postgres = (Proxy(port, host.gateway) for port in ports)
    try:
        yield to_redis, to_postgres
    finally:
        to_redis.close()
        to_postgres.close()


def _all_wait(stage: Stage) -> bool:
    """Whether the workers of the stage, and one more, wait for a lock."""
    return len(stage.postgres.execute(_WAITING)) > len(stage.workers.processes)


_WAITING: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND application_name LIKE 'signoff worker%'
        AND clock_timestamp() - query_start > interval '250 ms'"""
"""Long enough for kernels to have acknowledged the query: what they still owe, they send again, and
so they learn of a reset."""
_TROUBLES: Final[dict[str, Callable[[Proxy], None]]] = {
    "partition": Proxy.partition,
    "half-open connections": Proxy.half_open,
    "50 ms more each way": lambda network: network.slow(0.05),
    "resets in the middle of replies": lambda network: network.cut_replies(every=5),
}
_SERVERS: Final[tuple[Server, ...]] = ("Redis", "Postgres")

FAULTS: Final = (
    *(
        Fault(f"network to {server}: {name}", "network", partial(_troubled, server, trouble))
        for server in _SERVERS
        for name, trouble in _TROUBLES.items()
    ),
    Fault("network of a worker's host: cable out", "workers", _forgotten, takes_long=True),
)
