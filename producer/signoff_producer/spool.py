"""A local file that takes events while Redis cannot, and gives them up when it has taken them.

JSON lines of canonical events. Its lock is the system's, on the file itself: several processes can
share it, and none that dies leaves it locked. Events are taken from its end, since their order
does not matter: what Redis took is cut off, and nothing else is ever rewritten.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from signoff_producer.publication import CHUNK, SPOOLED, Request, ScriptReply
from signoff_producer.receipts import QueueUnavailableError, Receipt
from signoff_schemas import PublishSettings, SettingsError

_logger: Final = logging.getLogger(__name__)
_BLOCK: Final = 1 << 20
"""Bytes read from the end at a time, at first."""


class Spool:
    """The file: `keep` appends to it while Redis is away, `take` gives a batch once it is back."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Make the file, if need be, while its publisher can still be told that it cannot be.

        Raises:
            SettingsError: it cannot be written.
        """
        self.path = path
        self._max_bytes = max_bytes
        try:
            with self._locked():
                _sync_folder(path)
        except OSError as error:
            raise SettingsError(
                f"the spool {path} (SIGNOFF_SPOOL) cannot be written: {error.strerror}; name a "
                "file in a folder that exists, on a local disk"
            ) from None

    @classmethod
    def of(cls, settings: PublishSettings) -> "Spool | None":
        """As the settings say; None where there is to be none."""
        return cls(settings.spool, settings.spool_max_bytes) if settings.spool else None

    def keep(
        self, requests: Sequence[Request], failure: QueueUnavailableError
    ) -> list[ScriptReply]:
        """Append what Redis could not take; it is on disk when this returns.

        Raises:
            QueueUnavailableError: nor could the file; none of them is in it.
        """
        lines = [request.canonical_json + b"\n" for request in requests if not request.error]
        try:
            self._append(b"".join(lines), failure)
        except OSError as error:
            raise QueueUnavailableError(
                f"{failure}. Nor did the spool {self.path} take them: {error.strerror}"
            ) from failure
        return [SPOOLED] * len(lines)

    def _append(self, lines: bytes, failure: QueueUnavailableError) -> None:
        with self._locked() as file:
            size = self._sound_size(file)
            if size + len(lines) > self._max_bytes:
                limit = f"it may hold {self._max_bytes:,} bytes (SIGNOFF_SPOOL_MAX_BYTES)"
                raise OSError(0, limit)
            try:
                _write(file, lines)
            except OSError:
                os.ftruncate(file, size)
                raise
        if size == 0:
            _logger.warning("Events go to the spool %s: %s", self.path, failure)

    def holds(self) -> bool:
        """Whether there is anything in it."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def take(self, *, wait: bool = False) -> "Taken | None":
        """A batch of its events, locked until it is closed; None where there is none.

        Args:
            wait: for another publisher that has the file in hand; otherwise that one's is the work.

        Raises:
            OSError: it cannot be read.
        """
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            size = self._sound_size(file)
            if size:
                return Taken(self, file, *_last_lines(file, size))
        except BlockingIOError:
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return None

    def set_aside(self, lines: bytes, why: str) -> None:
        """Keep what can never be published beside the file, for a person to look at."""
        aside = self.path.with_name(f"{self.path.name}.aside")
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write(file, lines + b"\n")
        finally:
            os.close(file)
        _sync_folder(aside)
        _logger.warning("A line of the spool %s was put in %s: %s", self.path, aside, why)

    def _sound_size(self, file: int) -> int:
        """The size; a last line without an end, of a publisher that died in it, is put aside."""
        size = os.fstat(file).st_size
        if size == 0 or os.pread(file, 1, size - 1) == b"\n":
            return size
        start = _line_start(file, size)
        self.set_aside(os.pread(file, size - start, start), "it is cut off")
        os.ftruncate(file, start)
        return start

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


class Taken:
    """Events at the end of a spool, which nobody else can change until they are given back."""

    def __init__(self, spool: Spool, file: int, start: int, lines: list[bytes]) -> None:
        self._spool = spool
        self._file = file
        self._start = start
        self._lines = lines
        self.requests = [Request.of(line) for line in lines]

    def settle(self, receipts: Sequence[Receipt]) -> None:
        """Cut them off, now that each has its answer; what was refused is kept aside.

        Raises:
            OSError: the files cannot be written.
        """
        for line, receipt in zip(self._lines, receipts, strict=True):
            if not receipt.ok:
                self._spool.set_aside(line, f"{receipt.answer}: {receipt.reason}")
        os.ftruncate(self._file, self._start)
        if self._start == 0:
            _logger.info("The spool %s is empty: Redis has its events", self._spool.path)

    def close(self) -> None:
        """Give them back: what was not settled stays."""
        os.close(self._file)


def _last_lines(file: int, size: int) -> tuple[int, list[bytes]]:
    """Where the last lines begin, and those lines; `size` is that of a file of whole lines."""
    block = _BLOCK
    while True:
        start = max(0, size - block)
        lines = os.pread(file, size - start, start).splitlines(keepends=True)
        if start > 0:
            del lines[0]  # perhaps the end of a line only
        if lines:
            lines = lines[-CHUNK:]
            return size - sum(map(len, lines)), [line[:-1] for line in lines]
        block *= 2


def _line_start(file: int, size: int) -> int:
    """Where the unfinished last line begins."""
    start = size
    while start > 0:
        block = max(0, start - _BLOCK)
        found = os.pread(file, start - block, block).rfind(b"\n")
        if found >= 0:
            return block + found + 1
        start = block
    return 0


def _write(file: int, lines: bytes) -> None:
    """Write it all, to the disk."""
    rest = memoryview(lines)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fsync(file)


def _sync_folder(path: Path) -> None:
    """Make sure that the file's name is on the disk, not only what is in it."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
