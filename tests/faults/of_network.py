"""Faults of the network between workers or publishers and the servers."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final, Literal

from processes import eventually, exit_code

from faults.deployment import Deployment
from faults.fault import Fault
from faults.host import Host, another_host
from faults.proxy import Proxy, port_of, through

Server = Literal["Redis", "Postgres"]


def _troubled(
    server: Server, trouble: Callable[[Proxy], None], deployment: Deployment, _: Random
) -> Iterator[None]:
    network = {"Redis": deployment.to_redis, "Postgres": deployment.to_postgres}[server]
    trouble(network)
    try:
        yield
    finally:
        network.clear()


def _forgotten(deployment: Deployment, _: Random) -> Iterator[None]:
    """Postgres closes a worker's connection while the worker's host is cut off.

    The worker waits for an answer that never comes, and keeps renewing its lease. Only the TCP
    keepalive of its own kernel can end that wait and free its batch.
    """
    with another_host() as host, _ways_from(host, deployment) as (to_redis, to_postgres):
        env = {
            "SIGNOFF_REDIS_URL": through(deployment.redis.url, to_redis),
            "SIGNOFF_DATABASE_URL": through(deployment.postgres.url, to_postgres),
        }
        with deployment.workers.one_more(inside=host.inside, env=env) as worker:
            with deployment.postgres.admin() as rival, rival.transaction():
                rival.execute("LOCK TABLE interactions IN EXCLUSIVE MODE")
                eventually(lambda: _all_wait(deployment), what="every worker has a batch in hand")
                host.unplug()
                to_postgres.reset_all()
                eventually(lambda: not to_postgres.connections, what="Postgres's side is reset")
            host.plug()
            since = deployment.workers.log.stat().st_size
            yield
            eventually(
                lambda: deployment.workers.said(b"Postgres is unavailable", since),
                what="the worker notices",
                log=deployment.workers.log,
            )
            worker.send_signal(signal.SIGTERM)
            exit_code(worker, log=deployment.workers.log)


@contextmanager
def _ways_from(host: Host, deployment: Deployment) -> Iterator[tuple[Proxy, Proxy]]:
    """The proxies between another host and both servers."""
    ports = (deployment.redis.port, port_of(deployment.postgres.url))
    to_redis, to_postgres = (Proxy(port, host.gateway) for port in ports)
    try:
        yield to_redis, to_postgres
    finally:
        to_redis.close()
        to_postgres.close()


def _all_wait(deployment: Deployment) -> bool:
    """Whether the workers of the deployment, and one more, wait for a lock."""
    return len(deployment.postgres.execute(_WAITING)) > len(deployment.workers.processes)


_WAITING: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND application_name LIKE 'signoff worker%'
        AND clock_timestamp() - query_start > interval '250 ms'"""
"""Long enough for the query to be acknowledged: unacknowledged data would be sent again, and the
sender would then learn of a reset."""
TROUBLES: Final[dict[str, Callable[[Proxy], None]]] = {
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
        for name, trouble in TROUBLES.items()
    ),
    Fault("network of a worker's host: cable out", "workers", _forgotten, takes_long=True),
)
