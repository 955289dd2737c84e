"""Files that must be there, whole and right, before what they hold is deleted."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from signoff_cli.errors import UsageError


class ChecksummedFile:
    """A text file that is written once, with its SHA-256 beside it, as `sha256sum -c` reads it."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self._sha256 = hashlib.sha256()

    def write(self, line: str) -> None:
        """Add a line."""
        self._file.write(f"{line}\n")
        self._sha256.update(f"{line}\n".encode())

    @property
    def sha256(self) -> str:
        """That of what was written so far, in hex."""
        return self._sha256.hexdigest()

    def seal(self) -> None:
        """See that the file, its checksum and their names are on disk."""
        _synced(self._file)
        with _beside(self._path).open("x", encoding="utf-8") as companion:
            companion.write(f"{self.sha256}  {self._path.name}\n")
            _synced(companion)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def checksummed(path: Path, option: str) -> Iterator[ChecksummedFile]:
    """A new file; it is whole and on disk when the block ends without an error.

    Raises:
        UsageError: it cannot be written, or is there already.
    """
    try:
        if _beside(path).exists():
            raise FileExistsError(0, "File exists", str(_beside(path)))
        with path.open("x", encoding="utf-8", newline="\n") as file:
            target = ChecksummedFile(path, file)
            yield target
            target.seal()
    except OSError as error:
        raise UsageError(
            f"{option} {error.filename or path} cannot be written: {error.strerror}; nothing was "
            "deleted"
        ) from None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _synced(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())
