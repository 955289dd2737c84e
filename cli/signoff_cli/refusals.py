"""The lines that `signoff publish` could not publish: the first are told, all may be kept."""

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
from signoff_cli.terminal import complain
from signoff_producer import Answer, Receipt

_TOLD: Final = 20


@dataclass(slots=True)
class Refusals:
    """Tells why lines were refused, and keeps them where a file is named."""

    path: Path | None
    kept: BinaryIO | None
    count: int = 0

    def add(self, number: int, line: bytes, receipt: Receipt, *, first: bool) -> None:
        """Note a refused line; the `first` one of a file may show what kind of file it is."""
        self.count += 1
        if self.count <= _TOLD:
            complain(f"line {number}: {_reason(receipt)}")
        if first and (told := hint(line)):
            complain(told)
        if self.kept:
            if self.count == 1:
                _empty(self.kept)
            self.kept.write(line if line.endswith(b"\n") else line + b"\n")

    def conclude(self) -> None:
        """Tell how many were not told one by one."""
        if self.count > _TOLD:
            where = f"{self.path} keeps them" if self.path else "--rejects FILE keeps them"
            complain(f"and {self.count - _TOLD:,} more; {where}")


@contextmanager
def refusals(source: Path, rejects: Path | None) -> Iterator[Refusals]:
    """Collect refused lines, in the file `rejects` if one is named.

    What that file holds stays until there is something to write.

    Raises:
        UsageError: the file cannot be written, or is the very one that is read.
    """
    if rejects is None:
        yield Refusals(None, None)
        return
    if _is_same(source, rejects):
        raise UsageError(f"--rejects {rejects} is the file to publish; name another one")
    try:
        kept = rejects.open("ab")
    except OSError as error:
        raise UsageError(f"--rejects {rejects} cannot be written: {error.strerror}") from None
    with kept:
        yield Refusals(rejects, kept)


def _is_same(source: Path, rejects: Path) -> bool:
    with suppress(OSError, io.UnsupportedOperation):  # one of them is not there, or no file
        read = os.fstat(sys.stdin.fileno()) if str(source) == "-" else source.stat()
        written = rejects.stat()
        return stat.S_ISREG(written.st_mode) and os.path.samestat(read, written)
    return False


def _empty(kept: BinaryIO) -> None:
    if stat.S_ISREG(os.fstat(kept.fileno()).st_mode):
        kept.truncate(0)


def _reason(receipt: Receipt) -> str:
    if receipt.answer is Answer.CONFLICT:
        return f"conflict: event {receipt.event_id}: {receipt.reason}"
    return f"rejected: {receipt.reason}"
