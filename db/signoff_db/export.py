"""Export rows to a file that is complete and on disk before the rows are deleted."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from signoff_schemas import SignoffError
from signoff_schemas.private_files import create_private
from signoff_schemas.wording import json_text

_OPTION: Final = "--export"


class ExportError(SignoffError):
    """The file cannot be written, or exists already; nothing was deleted."""


Row = TypeVar("Row")
Key = TypeVar("Key")


class ChecksummedFile:
    """A text file that is written once, and a file with its SHA-256 for `sha256sum -c`."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self._sha256 = hashlib.sha256()

    def write(self, piece: str) -> None:
        """Add a piece of the text."""
        self._file.write(piece)
        self._sha256.update(piece.encode())

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hex."""
        return self._sha256.hexdigest()

    def finish(self) -> None:
        """Make sure that the file, its checksum and their names are on disk."""
        _synced(self._file)
        with _new(_beside(self._path)) as companion:
            companion.write(f"{self.sha256}  {self._path.name}\n")
            _synced(companion)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def exported(
    rows: Iterable[Row],
    path: Path | None,
    *,
    key: Callable[[Row], Key],
    pieces: Callable[[Row], Iterable[str]],
) -> tuple[list[Key], str | None]:
    """Write rows to a new file; returns their keys, and the file's SHA-256.

    Args:
        rows: what to write.
        path: the file; none is written without a path or without rows.
        key: gives the key of a row.
        pieces: gives the text of a row in pieces, with its line break.

    Raises:
        ExportError: the file cannot be written, or exists already.
    """
    keys: list[Key] = []
    with ExitStack() as stack:
        target = None
        for row in rows:
            keys.append(key(row))
            if path and not target:
                target = stack.enter_context(_checksummed(path))
            if target:
                for piece in pieces(row):
                    target.write(piece)
    return keys, target.sha256 if target else None


def json_line(fields: dict[str, Any]) -> Iterator[str]:
    """A row as a line of JSON."""
    yield json_text(fields) + "\n"


@contextmanager
def _checksummed(path: Path) -> Iterator[ChecksummedFile]:
    """A new file; it is complete and on disk when the block ends without an error.

    Raises:
        ExportError: it cannot be written, or exists already.
    """
    try:
        if _beside(path).exists():
            raise FileExistsError(0, "File exists", str(_beside(path)))
        with _new(path) as file:
            target = ChecksummedFile(path, file)
            yield target
            target.finish()
    except OSError as error:
        raise ExportError(
            f"{_OPTION} {error.filename or path} cannot be written: {error.strerror}; nothing was "
            "deleted"
        ) from None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _new(path: Path) -> TextIO:
    return os.fdopen(create_private(path), "w", encoding="utf-8", newline="\n")


def _synced(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())
