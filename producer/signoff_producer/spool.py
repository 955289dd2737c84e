"""A local file for events while Redis is unavailable; they are published later.

It has one JSON object in each line (`spool_lines.py`), in any order. The file itself is locked, so
several processes can share it, and a process that dies leaves no lock. Events are taken from the
end of the file and removed by truncating it, so the lines before them are never rewritten. A file
is for one Redis: its events are not published to another one by mistake.
"""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from signoff_producer.publication import CHUNK, Request
from signoff_producer.receipts import QueueUnavailableError, Receipt
from signoff_producer.spool_lines import SpooledEvent
from signoff_schemas import PublishSettings, SettingsError
from signoff_schemas.private_files import open_private

_logger: Final = logging.getLogger(__name__)
_BLOCK: Final = 1 << 20
"""Bytes that are read from the end at first."""


class Spool:
    """The file: `keep` appends to it while Redis is unavailable, `take` returns a batch later."""

    def __init__(self, path: Path, max_bytes: int, queue: str, redis: str) -> None:
        """Create the file if it is missing, so that an error is raised early.

        Raises:
            SettingsError: it cannot be written.
        """
        self.path = path
        self._max_bytes = max_bytes
        self._queue = queue
        self._redis = redis
        self._warned = False
        try:
            with self._locked():
                _sync_folder(path)
        except OSError as error:
            raise SettingsError(
                f"the spool {path} (SIGNOFF_SPOOL) cannot be written: {error.strerror}; name a "
                "file in a folder that exists, on a local disk"
            ) from None

    @classmethod
    def of(cls, settings: PublishSettings, redis: str) -> "Spool | None":
        """The spool of these settings for this Redis; None if no spool is set."""
        if not settings.spool:
            return None
        return cls(settings.spool, settings.spool_max_bytes, settings.queue, redis)

    def keep(self, requests: Sequence[Request], failure: QueueUnavailableError) -> None:
        """Append events that Redis did not take; they are on disk when this returns.

        Raises:
            QueueUnavailableError: they could not be written either; none of them is in the file.
        """
        events = [
            SpooledEvent(request.canonical_json, self._queue, self._redis)
            for request in requests
            if not request.error
        ]
        try:
            self._append(b"".join([event.line() for event in events]), failure)
        except OSError as error:
            raise QueueUnavailableError(
                f"{failure}. Nor did the spool {self.path} take them: {error.strerror}"
            ) from failure

    def _append(self, lines: bytes, failure: QueueUnavailableError) -> None:
        with self._locked() as file:
            size = self._sound_size(file)
            self._refuse_others(file, size)
            if size + len(lines) > self._max_bytes:
                limit = f"it may hold {self._max_bytes:,} bytes (SIGNOFF_SPOOL_MAX_BYTES)"
                raise OSError(errno.EFBIG, limit)
            _write_behind(file, lines, size)
        if size == 0:
            _logger.warning("Events go to the spool %s: %s", self.path, failure)

    def _refuse_others(self, file: int, size: int) -> None:
        """Refuse events for another Redis than that of the file's events."""
        if size == 0:
            return
        redis = SpooledEvent.read(_last_lines(file, size, 1)[1][0]).redis
        if redis not in {None, self._redis}:
            raise OSError(
                errno.EBUSY,
                f"it holds events for Redis at {redis}, and these are for {self._redis}; give each "
                "Redis a spool of its own, or publish what is in this one first (signoff spool)",
            )

    def holds(self) -> bool:
        """Whether the file holds any events."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def take(self, *, any_redis: bool = False) -> "Taken | None":
        """A batch of events; the file is locked until it is closed.

        None if the file is empty, if another publisher has locked it, or, without `any_redis`, if
        its events are for another Redis.

        Raises:
            OSError: it cannot be read.
        """
        file = self._open()
        taken: Taken | None = None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if size := self._sound_size(file):
                found = Taken(self, file, size, *_last_lines(file, size, CHUNK))
                taken = found if any_redis or self._is_for_us(found) else None
        except BlockingIOError:
            pass
        finally:
            if taken is None:
                os.close(file)
        return taken

    def _is_for_us(self, taken: "Taken") -> bool:
        others = {event.redis for event in taken.events} - {None, self._redis}
        if others and not self._warned:
            self._warned = True
            _logger.warning(
                "The spool %s holds events for Redis at %s, and this producer publishes to %s: "
                "publish them with `signoff spool`, or name another file",
                *(self.path, ", ".join(map(str, others)), self._redis),
            )
        return not others

    def set_aside(self, lines: bytes, why: str) -> None:
        """Write lines that can never be published to a second file, for a person to read."""
        aside = self.path.with_name(f"{self.path.name}.aside")
        file = open_private(aside, os.O_WRONLY | os.O_CREAT)
        try:
            _write(file, lines + b"\n", os.fstat(file).st_size)
        finally:
            os.close(file)
        _sync_folder(aside)
        _logger.warning("A line of the spool %s was put in %s: %s", self.path, aside, why)

    def _sound_size(self, file: int) -> int:
        """The size without an unfinished last line, which is put aside: its publisher died."""
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
        return open_private(self.path, os.O_RDWR | os.O_CREAT)


class Taken:
    """Events at the end of a spool; nobody else can change the file until this is closed."""

    def __init__(
        self, spool: Spool, file: int, size: int, start: int, lines: Sequence[bytes]
    ) -> None:
        self._spool = spool
        self._file = file
        self._size = size
        self._start = start
        self._lines = lines
        self.events = [SpooledEvent.read(line) for line in lines]
        self.requests = [event.request for event in self.events]

    def by_queue(self, default: str) -> Iterator[tuple[str, list[int]]]:
        """The positions of the events, by queue."""
        queues = [event.queue or default for event in self.events]
        for queue in dict.fromkeys(queues):
            yield queue, [number for number, held in enumerate(queues) if held == queue]

    def settle(self, receipts: Sequence[Receipt | None]) -> None:
        """Remove events that have a receipt, and put refused ones aside; the others stay.

        Raises:
            OSError: the files cannot be written.
        """
        if not any(receipts):
            return
        rest = b""
        for line, receipt in zip(self._lines, receipts, strict=True):
            if receipt is None:
                rest += line + b"\n"
            elif not receipt.ok:
                self._spool.set_aside(line, f"{receipt.answer}: {receipt.reason}")
        if rest:
            # Written twice, first after the old lines: if the process dies, one copy is complete.
            _write_behind(self._file, rest, self._size)
            _write(self._file, rest, self._start)
        os.ftruncate(self._file, self._start + len(rest))
        if self._start + len(rest) == 0:
            _logger.info("The spool %s is empty: Redis has its events", self._spool.path)

    def close(self) -> None:
        """Unlock the file; events that were not settled stay in it."""
        os.close(self._file)


def _last_lines(file: int, size: int, most: int) -> tuple[int, list[bytes]]:
    """The position of the last lines, and the lines; `size` is the size of all complete lines."""
    block = _BLOCK
    while True:
        start = max(0, size - block)
        lines = os.pread(file, size - start, start).split(b"\n")[:-1]
        if start > 0:
            del lines[0]  # perhaps the end of a line only
        if lines:
            lines = lines[-most:]
            return size - sum(len(line) + 1 for line in lines), lines
        block *= 2


def _line_start(file: int, size: int) -> int:
    """The position at which the unfinished last line begins."""
    start = size
    while start > 0:
        block = max(0, start - _BLOCK)
        found = os.pread(file, start - block, block).rfind(b"\n")
        if found >= 0:
            return block + found + 1
        start = block
    return 0


def _write_behind(file: int, lines: bytes, size: int) -> None:
    """Append the lines: all of them, or none."""
    try:
        _write(file, lines, size)
    except OSError:
        os.ftruncate(file, size)
        raise


def _write(file: int, lines: bytes, at: int) -> None:
    """Write all the data, and sync it to the disk."""
    rest = memoryview(lines)
    while rest:
        written = os.pwrite(file, rest, at)
        rest, at = rest[written:], at + written
    os.fsync(file)


def _sync_folder(path: Path) -> None:
    """Make sure that the file's name is on the disk too, not only its content."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
