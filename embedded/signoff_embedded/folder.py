"""The data folder: its owner, its lock, and the password and ports that it keeps between starts.

It must belong to this user, and be in a folder of this user or of root; no link in it is followed.
Otherwise another user who prepared it could choose which files are read and overwritten.

lock            held (flock) while a `signoff up` or `signoff demo` runs on the folder
embedded.json   the servers' password and ports; readable by its owner only
valkey/         Valkey's append-only files, and valkey.log beside it
postgres/       Postgres's cluster, and postgres.log beside it
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from signoff_embedded.account import other_owner
from signoff_embedded.errors import EmbeddedError
from signoff_embedded.ports import check_port, free_port
from signoff_schemas.private_files import open_private, replace_private
from signoff_schemas.trust import why_untrusted

_MEMORY: Final = "embedded.json"
_MEMORY_BYTES: Final = 65_536
_PRIVATE: Final = 0o700


class _Memory(BaseModel):
    password: str
    ports: dict[str, int] = {}


@dataclass(frozen=True)
class DataFolder:
    """A data folder that this process, and no other, has open."""

    path: Path
    memory: _Memory

    @property
    def password(self) -> str:
        """The password of both servers: generated once, so that URLs stay valid."""
        return self.memory.password

    def last_port(self, server: str) -> int | None:
        """Return the port on which the server listened last time."""
        return self.memory.ports.get(server)

    def port(self, server: str, requested: int | None, *, option: str) -> int:
        """Choose the requested, the last or a free port, and store it."""
        port = requested or self.last_port(server) or free_port()
        check_port(port, server=server, option=option)
        self.memory.ports[server] = port
        try:
            _write(self.path / _MEMORY, self.memory)
        except OSError as error:
            raise _unusable(self.path, error) from None
        return port

    def subfolder(self, name: str) -> Path:
        """Create the folder of one server, private to its owner."""
        folder = self.path / name
        try:
            folder.mkdir(mode=_PRIVATE, exist_ok=True)
            _check_subfolder(folder)
            folder.chmod(_PRIVATE)
        except OSError as error:
            raise _unusable(self.path, error) from None
        return folder


@contextmanager
def open_folder(path: Path) -> Iterator[DataFolder]:
    """Create the folder if it is missing, lock it, and read the stored password and ports.

    Raises:
        EmbeddedError: it cannot be created, read or written, belongs to another user, or is in use.
    """
    path = path.expanduser().absolute()
    try:
        _check_owner(path)
        path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        lock = open_private(path / "lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        _take(lock, path)
        yield DataFolder(path, _recall(path))
    finally:
        os.close(lock)


def _unusable(path: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"The data folder {path} cannot be used: {error.strerror} ({error.filename or path}). "
        "Signoff needs a folder that it can write to; choose one with --data DIR."
    )


def _take(lock: int, path: Path) -> None:
    """Lock the folder until this process ends, and write this process's id for others to read."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip()
        raise EmbeddedError(
            f"The data folder {path} is in use by another signoff (process {holder}). Stop that "
            "one, use its servers, or choose another folder with --data DIR."
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())


def _recall(path: Path) -> _Memory:
    """Read what the last start stored; at the first start, generate it."""
    file = path / _MEMORY
    try:
        if not file.exists():
            _write(file, _Memory(password=secrets.token_hex(16)))
        with os.fdopen(open_private(file, os.O_RDONLY), "rb") as opened:
            return _Memory.model_validate_json(opened.read(_MEMORY_BYTES))
    except OSError as error:
        raise _unusable(path, error) from None
    except ValidationError:
        raise EmbeddedError(
            f"{file} is not what Signoff wrote: it holds the servers' password and ports. "
            "Restore the file, or choose another folder with --data DIR."
        ) from None


def _check_owner(path: Path) -> None:
    """Refuse a folder that belongs to another user, or that another user can write to.

    That user could redirect root's writes. Root would also leave files in a user's data that the
    user could not read.
    """
    existing = next(one for one in (path, *path.parents) if one.exists() or one.is_symlink())
    if reason := why_untrusted(existing):
        raise EmbeddedError(
            f"The data folder {path} is not used: {reason}. Run as its owner, or choose another "
            "folder with --data DIR."
        )


def _check_subfolder(folder: Path) -> None:
    held = folder.lstat()
    if stat.S_ISLNK(held.st_mode):
        raise OSError(errno.EPERM, "it is a link, and links are not followed", str(folder))
    if held.st_uid not in {os.geteuid(), other_owner()}:
        reason = f"it belongs to user id {held.st_uid}, and this is user id {os.geteuid()}"
        raise OSError(errno.EPERM, reason, str(folder))


def _write(file: Path, memory: _Memory) -> None:
    replace_private(file, memory.model_dump_json(indent=2).encode() + b"\n")
