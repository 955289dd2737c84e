"""Redis is killed, emptied, full, hung, fails over, or loses scripts and clients."""

import time
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from processes import KEYS, eventually

from faults.fault import Fault
from faults.stage import Stage
from faults.valkey import Sentinels, Valkey
from signoff_schemas.keys import SUSPENDED

_BACKLOG: Final = 50


def _killed(appendfsync: str, stage: Stage, _: Random) -> Iterator[None]:
    stage.redis.admin.config_set("appendfsync", appendfsync)
    stage.redis.kill()
    yield
    eventually(stage.has_spooled, what="a publisher turned to its spool")
    stage.redis.start()


def _clients_killed(stage: Stage, _: Random) -> Iterator[None]:
    for kind in ("normal", "pubsub"):
        stage.redis.admin.client_kill_filter(_type=kind, skipme=True)
    yield
    stage.redis.admin.client_kill_filter(_type="normal", skipme=True)


def _paused(stage: Stage, chance: Random) -> Iterator[None]:
    stage.redis.admin.client_pause(chance.randrange(500, 2000), all=True)
    yield


def _asleep(stage: Stage, chance: Random) -> Iterator[None]:
    seconds = f"{chance.uniform(0.5, 2):.1f}"
    stage.redis.admin.execute_command("DEBUG", "SLEEP", seconds)  # type: ignore[no-untyped-call]  # redis-py types no such command
    yield


def _full(stage: Stage, _: Random) -> Iterator[None]:
    stage.redis.admin.config_set("maxmemory", "1")
    yield
    stage.redis.admin.config_set("maxmemory", "0")


def _scripts_flushed(stage: Stage, _: Random) -> Iterator[None]:
    stage.redis.admin.script_flush()
    yield
    stage.redis.admin.script_flush()


def _wiped(stage: Stage, _: Random) -> Iterator[None]:
    """A backlog is lost: exactly the events that were not applied yet have to be named as lost."""
    stage.redis.admin.set(SUSPENDED, 1)
    eventually(
        lambda: stage.redis.admin.llen(KEYS.waiting) >= _BACKLOG,
        what="events wait to be wiped",
    )
    stage.wipe_redis()
    yield


def _failed_over(stage: Stage, _: Random) -> Iterator[None]:
    """The primary is killed, three Sentinels promote its replica, and the proxy connects to it."""
    folder = stage.folder / f"failover-{time.time_ns()}"
    primary, replica = stage.redis, Valkey(folder)
    replica.follow(primary)
    sentinels = Sentinels(folder / "sentinels", primary)
    try:
        eventually(sentinels.agree, what="the Sentinels know each other and the replica")
        died = time.time()
        primary.kill()
        yield
        eventually(lambda: sentinels.primary() == replica.port, what="they chose a new primary")
        eventually(replica.leads, what="the replica was promoted")
    finally:
        sentinels.close()
    stage.redis = replica
    stage.to_redis.repoint(replica.port)
    primary.close()
    stage.failovers.append(died)


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
