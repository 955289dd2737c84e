"""Files that only their owner can read, and that are never opened through a link.

If another user prepared a link, a hard link or a file where Signoff writes, that user could choose
which file is overwritten, or read what is written. Each of these is refused.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600
_ALWAYS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Without O_NONBLOCK, opening a named pipe would wait for its other end."""


def create_private(path: Path) -> int:
    """Create a new file for writing; returns its descriptor.

    Raises:
        OSError: a file with this name exists already, or the system refuses.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS, _PRIVATE)


def replace_private(path: Path, content: bytes) -> None:
    """Replace the file with this name by a new one, atomically.

    After a crash, either the old file or the new file is there.

    Raises:
        OSError: the system refuses.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(create_private(new), "wb") as file:
        file.write(content)
    new.replace(path)


def open_private(path: Path, flags: int) -> int:
    """Open a file of this user; returns its descriptor.

    `flags` are those of `os.open`; with O_CREAT, a missing file is created.

    Raises:
        OSError: it is a link or not a regular file, has a second name, or belongs to another user,
            or the system refuses.
    """
    try:
        descriptor = os.open(path, flags | _ALWAYS, _PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refusal(path, "it is a link, and links are not followed") from None
        raise
    try:
        _check(path, os.fstat(descriptor))
        os.fchmod(descriptor, _PRIVATE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path, held: os.stat_result) -> None:
    if not stat.S_ISREG(held.st_mode):
        raise _refusal(path, "it is no regular file")
    if held.st_uid != os.geteuid():
        raise _refusal(
            path, f"it belongs to user id {held.st_uid}, and this is user id {os.geteuid()}"
        )
    if held.st_nlink > 1:
        raise _refusal(path, "it has a second name (a hard link)")


def _refusal(path: Path, reason: str) -> OSError:
    return OSError(errno.EPERM, reason, str(path))
