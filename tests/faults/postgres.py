"""Postgres servers that can be stopped in any way and started again."""

import os
import pwd
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from processes import eventually

from signoff_embedded import EmbeddedError
from signoff_embedded.folder import open_folder
from signoff_embedded.postgres import postgres_in

DATABASE: Final = "faults"
UPSTREAM: Final = "upstream"
"""Another database of the server: that of an upstream service, with its outbox."""
_DISK_SIZE: Final = "1g"


class PostgresServer:
    """One server, fsync on, on the same port and data at each start."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._running = ExitStack()
        self.start()

    @property
    def url(self) -> str:
        """The URL of its database."""
        return self._server_url

    def start(self) -> None:
        """Start it; after a crash, wait first for its old processes to end."""
        eventually(self._starts, what="Postgres starts", log=self._data / "postgres.log")

    def stop(self, how: signal.Signals) -> None:
        """End it: SIGINT fast, SIGQUIT at once and without a checkpoint, SIGKILL as `kill -9`."""
        pid = int((self._data / "postgres/data/postmaster.pid").read_text("utf-8").split()[0])
        os.kill(pid, how)
        self._running.close()

    def close(self) -> None:
        """End it for good."""
        self._running.close()

    def admin(self) -> "psycopg.Connection[Any]":
        """A connection of its own to the database, in autocommit mode."""
        return psycopg.connect(
            self.url, autocommit=True, options="-c default_transaction_read_only=off"
        )

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator; returns its rows."""
        with self.admin() as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def reconfigure(self, **settings: str | None) -> None:
        """Set server-wide settings for running sessions too; None resets one."""
        for name, value in settings.items():
            self.execute(
                f"ALTER SYSTEM RESET {name}"
                if value is None
                else f"ALTER SYSTEM SET {name} = '{value}'"
            )
        self.execute("SELECT pg_reload_conf()")

    def _starts(self) -> bool:
        try:
            with ExitStack() as starting:
                folder = starting.enter_context(open_folder(self._data))
                server = starting.enter_context(postgres_in(folder, port=None, fsync=True))
                self._server_url = server.url
                self._running = starting.pop_all()
        except EmbeddedError:
            return False
        return True


class Postgres(PostgresServer):
    """That of the ledger and of an upstream; the ledger is on a small disk."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.disk = SmallDisk.mounted()
        self._make_database()

    @property
    def url(self) -> str:
        """The URL of the ledger's database."""
        return self._url_of(DATABASE)

    @property
    def upstream_url(self) -> str:
        """The URL of the upstream's database."""
        return self._url_of(UPSTREAM)

    def close(self) -> None:
        """End it for good."""
        super().close()
        if self.disk:
            self.disk.unmount()

    def _make_database(self) -> None:
        with psycopg.connect(super().url, autocommit=True) as connection:
            where = ""
            if self.disk:
                connection.execute(f"CREATE TABLESPACE small LOCATION '{self.disk.path}'".encode())
                where = "TABLESPACE small"
            connection.execute(f"CREATE DATABASE {DATABASE} {where}".encode())
            connection.execute(f"CREATE DATABASE {UPSTREAM}".encode())

    def _url_of(self, database: str) -> str:
        return urlsplit(self._server_url)._replace(path=f"/{database}").geturl()


class SmallDisk:
    """A small file system for a tablespace, so that the disk can become full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def mounted(cls) -> "SmallDisk | None":
        """A new one; None where this user may not mount any."""
        if os.geteuid() != 0:
            return None
        path = Path(tempfile.mkdtemp(prefix="signoff-small-disk-"))
        command = [
            "/bin/mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={_DISK_SIZE},mode=0700",
            "tmpfs",
            str(path),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            path.rmdir()
            return None
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return cls(path)

    def fill(self) -> None:
        """Fill the disk, in ever smaller pieces, since others write at the same time."""
        piece = 1 << 26
        with (self.path / "filler").open("wb") as filler:
            while piece >= os.statvfs(self.path).f_frsize:
                try:
                    os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), piece)
                except OSError:
                    piece //= 2

    def free(self) -> None:
        """Delete the files that fill it."""
        (self.path / "filler").unlink(missing_ok=True)

    def unmount(self) -> None:
        """Unmount and remove it."""
        subprocess.run(["/bin/umount", "--lazy", str(self.path)], check=True)
        self.path.rmdir()
