"""The lines of a file, read in bounded memory, however long a line is."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from signoff_cli.errors import UsageError
from signoff_schemas import MAX_EVENT_BYTES

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST: Final = MAX_EVENT_BYTES + len(_BYTE_ORDER_MARK) + len(b"\r\n")
"""Bytes of a line that are kept: an event is never longer."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number, the kept text, and its full length."""

    number: int
    text: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether the whole line is kept."""
        return len(self.text) == self.size


@dataclass(slots=True)
class Lines:
    """The lines of a file that are published; each is kept until its answer arrives."""

    file: BinaryIO
    name: str
    underway: deque[Line] = field(default_factory=deque)
    read_bytes: int = 0
    read: int = 0

    @property
    def next(self) -> int:
        """The number of the first line that has no answer."""
        return self.underway[0].number if self.underway else self.read + 1

    def events(self) -> Iterator[bytes]:
        """Each line that is not blank; of a line too long for an event, only the beginning."""
        while line := self._next_line():
            event = line.text
            if line.number == 1:
                event = event.removeprefix(_BYTE_ORDER_MARK)
            if event.strip() or not line.is_whole:
                self.underway.append(line)
                yield event.strip() if line.is_whole else event

    def _read(self) -> bytes:
        """At most so many bytes of a line.

        Raises:
            UsageError: the system refuses.
        """
        try:
            return self.file.readline(_LONGEST)
        except OSError as error:
            raise UsageError(f"{self.name} cannot be read: {error.strerror}") from None

    def _next_line(self) -> Line | None:
        text = self._read()
        if not text:
            return None
        size, last = len(text), text
        while not last.endswith(b"\n") and (last := self._read()):
            size += len(last)
        self.read += 1
        self.read_bytes += size
        return Line(self.read, text, size)
