"""Standard streams that are closed, full, or of an encoding with few characters."""

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

_UNUSABLE: Final = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))
"""How a closed stream is opened on /dev/null: reading or writing still fails, as on a closed one,
and no file that is opened later gets the stream's number."""


def prepare() -> None:
    """Open each closed stream; write characters that the encoding lacks as escapes."""
    for number, flags in _UNUSABLE:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the system gives the lowest free number
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- they stay
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def holds_all_characters(stream: TextIO) -> bool:
    """Whether the stream's encoding has all of them."""
    encoding = getattr(stream, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name.startswith("utf")


def is_read(stream: TextIO) -> bool:
    """Whether output may still be read: false after the reader of a pipe has closed it."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return not any(flags & select.POLLERR for _, flags in poll.poll(0))
    return True


@contextmanager
def while_read(stream: TextIO) -> Iterator[None]:
    """Run the block; end it without an error if the stream's reader closes it, as `head` does."""
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def failure(stream: TextIO) -> OSError | None:
    """Why the output did not reach its file; None if it did. A second flush is silent."""
    try:
        stream.flush()
    except OSError as error:
        silence(stream)
        return error
    except ValueError:  # it was closed meanwhile
        return OSError(errno.EBADF, os.strerror(errno.EBADF))
    return None


def silence(stream: TextIO) -> None:
    """Keep Python's own flush at the end of the process from failing again."""
    with suppress(OSError, io.UnsupportedOperation):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
