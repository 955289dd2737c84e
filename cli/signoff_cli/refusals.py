"""The lines that `signoff publish` could not publish: show the first ones, write all to a file."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from signoff_cli.errors import UsageError
from signoff_cli.first_line import hint
from signoff_cli.lines import Line
from signoff_cli.terminal import complain
from signoff_producer import Answer, Receipt
from signoff_schemas import MAX_EVENT_BYTES
from signoff_schemas.private_files import open_private

_MOST_SHOWN: Final = 20


@dataclass(slots=True)
class Refusals:
    """Shows why lines were refused, and writes them to a file if one is named."""

    path: Path | None
    kept: BinaryIO | None
    count: int = 0
    any_kept: bool = False

    def add(self, line: Line, receipt: Receipt, *, first: bool) -> None:
        """Note a refused line; the `first` one of a file may show what kind of file it is."""
        self.count += 1
        if self.count <= _MOST_SHOWN:
            complain(f"line {line.number}: {_reason(line, receipt)}")
        if first and (advice := hint(line.text)):
            complain(advice)
        if self.kept and line.is_whole:
            if not self.any_kept:
                _empty(self.kept)
            self.any_kept = True
            self.kept.write(line.text if line.text.endswith(b"\n") else line.text + b"\n")

    def conclude(self) -> None:
        """Show how many were not shown one by one."""
        if self.count > _MOST_SHOWN:
            where = f"{self.path} keeps them" if self.path else "--rejects FILE keeps them"
            complain(f"and {self.count - _MOST_SHOWN:,} more; {where}")


@contextmanager
def refusals(source: Path, rejects: Path | None) -> Iterator[Refusals]:
    """Collect refused lines, in the file `rejects` if one is named.

    The file keeps its old content until there is something to write.

    Raises:
        UsageError: the file cannot be written, or is the very one that is read.
    """
    if rejects is None:
        yield Refusals(None, None)
        return
    if _is_same(source, rejects):
        raise UsageError(f"--rejects {rejects} is the file to publish; name another one")
    try:
        kept = _opened(rejects)
    except OSError as error:
        raise UsageError(f"--rejects {rejects} cannot be written: {error.strerror}") from None
    with kept:
        yield Refusals(rejects, kept)


def _opened(rejects: Path) -> BinaryIO:
    """Open a file that only this user may read, or a device like /dev/null; follow no link."""
    with suppress(FileNotFoundError):
        if stat.S_ISCHR(rejects.lstat().st_mode):
            return rejects.open("ab")
    return os.fdopen(open_private(rejects, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def _is_same(source: Path, rejects: Path) -> bool:
    with suppress(OSError, io.UnsupportedOperation):  # one of them does not exist, or is not a file
        read = os.fstat(sys.stdin.fileno()) if str(source) == "-" else source.stat()
        written = rejects.stat()
        return stat.S_ISREG(written.st_mode) and os.path.samestat(read, written)
    return False


def _empty(kept: BinaryIO) -> None:
    if stat.S_ISREG(os.fstat(kept.fileno()).st_mode):
        kept.truncate(0)


def _reason(line: Line, receipt: Receipt) -> str:
    if not line.is_whole:
        return (
            f"rejected: it is {line.size:,} bytes long, an event has at most {MAX_EVENT_BYTES:,}; "
            "it is in no file of rejects"
        )
    if receipt.answer is Answer.CONFLICT:
        return f"conflict: event {receipt.event_id}: {receipt.reason}"
    return f"rejected: {receipt.reason}"
