"""Lines of a body that comes in pieces, each within bounds."""

from collections.abc import Iterator
from typing import Final, NamedTuple

_BLANK: Final = b" \t\r"


class Line(NamedTuple):
    """One line that is not blank."""

    number: int
    """Its number in the body, from 1; blank lines count."""
    text: bytes | None
    """None if the line is too long: it was not kept."""
    length: int


class LineSplitter:
    """Splits pieces of a body into lines; it holds at most one line, and none that is too long."""

    def __init__(self, most: int) -> None:
        """`most` is the most bytes of a line."""
        self._most = most
        self._held = bytearray()
        self._length = 0
        self.number = 0
        """The number of the last line that has ended."""

    def split(self, piece: bytes) -> Iterator[Line]:
        """The lines that end in this piece."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            yield from self._end(part)
        self._hold(rest)

    def last(self) -> Iterator[Line]:
        """The line that the body ends with, if it ends without a line break."""
        if self._length:
            yield from self._end(b"")

    def _end(self, part: bytes) -> Iterator[Line]:
        self.number += 1
        if not self._length:  # as for nearly every line
            if len(part) <= self._most:
                if part.strip(_BLANK):
                    yield Line(self.number, part, len(part))
                return
            yield Line(self.number, None, len(part))
            return
        self._hold(part)
        length, text = self._length, bytes(self._held)
        self._held, self._length = bytearray(), 0
        if length > self._most:
            yield Line(self.number, None, length)
        elif text.strip(_BLANK):
            yield Line(self.number, text, length)

    def _hold(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._most:
            self._held.clear()
        else:
            self._held += part
