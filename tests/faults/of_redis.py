"""Redis is killed, emptied, full, hung, fails over, or loses scripts and clients."""

import time
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from processes import KEYS, eventually

from faults.deployment import Deployment
from faults.fault import Fault
from faults.valkey import Sentinels, Valkey
from signoff_schemas.keys import SUSPENDED

_BACKLOG: Final = 50


def _killed(appendfsync: str, deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.redis.admin.config_set("appendfsync", appendfsync)
    deployment.redis.kill()
    yield
    eventually(deployment.has_spooled, what="a publisher turned to its spool")
    deployment.redis.start()


def _clients_killed(deployment: Deployment, _: Random) -> Iterator[None]:
    for kind in ("normal", "pubsub"):
        deployment.redis.admin.client_kill_filter(_type=kind, skipme=True)
    yield
    deployment.redis.admin.client_kill_filter(_type="normal", skipme=True)


def _paused(deployment: Deployment, chance: Random) -> Iterator[None]:
    deployment.redis.admin.client_pause(chance.randrange(500, 2000), all=True)
    yield


def _asleep(deployment: Deployment, chance: Random) -> Iterator[None]:
    seconds = f"{chance.uniform(0.5, 2):.1f}"
    deployment.redis.admin.execute_command("DEBUG", "SLEEP", seconds)  # type: ignore[no-untyped-call]  # redis-py types no such command
    yield


def _full(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.redis.admin.config_set("maxmemory", "1")
    yield
    deployment.redis.admin.config_set("maxmemory", "0")


def _scripts_flushed(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.redis.admin.script_flush()
    yield
    deployment.redis.admin.script_flush()


def _wiped(deployment: Deployment, _: Random) -> Iterator[None]:
    """A backlog is lost: exactly the events that were not applied yet have to be named as lost."""
    deployment.redis.admin.set(SUSPENDED, 1)
    eventually(
        lambda: deployment.redis.admin.llen(KEYS.waiting) >= _BACKLOG,
        what="events wait to be wiped",
    )
    deployment.wipe_redis()
    yield


def _failed_over(deployment: Deployment, _: Random) -> Iterator[None]:
    """The primary is killed, three Sentinels promote its replica, and the proxy connects to it."""
    folder = deployment.folder / f"failover-{time.time_ns()}"
    primary, replica = deployment.redis, Valkey(folder)
    replica.follow(primary)
    sentinels = Sentinels(folder / "sentinels", primary)
    try:
        eventually(sentinels.agree, what="the Sentinels know each other and the replica")
        died = time.time()
        primary.kill()
        sentinels.notice()
        yield
        eventually(lambda: sentinels.primary() == replica.port, what="they chose a new primary")
        eventually(replica.leads, what="the replica was promoted")
    finally:
        sentinels.close()
    deployment.redis = replica
    deployment.to_redis.repoint(replica.port)
    primary.close()
    deployment.failovers.append(died)


FAULTS: Final = (
    Fault("Redis: kill -9, AOF everysec, restart", "redis", partial(_killed, "everysec")),
    Fault(
        "Redis: kill -9, AOF always, restart", "redis", partial(_killed, "always"), takes_long=True
    ),
    Fault("Redis: CLIENT KILL", "redis", _clients_killed),
    Fault("Redis: CLIENT PAUSE", "redis", _paused),
    Fault("Redis: DEBUG SLEEP", "redis", _asleep),
    Fault("Redis: out of memory, noeviction", "redis", _full),
    Fault("Redis: SCRIPT FLUSH", "redis", _scripts_flushed),
    Fault("Redis: Sentinel promotes a replica", "redis", _failed_over),
    Fault("Redis: FLUSHALL", "redis", _wiped),
)
