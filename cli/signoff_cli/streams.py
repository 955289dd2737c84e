"""Standard streams as a command finds them: closed, full, or of an encoding that holds little."""

import codecs
import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import Final, TextIO

_UNUSABLE: Final = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))
"""How each stream that is closed is opened instead, on /dev/null: reading the first and writing the
second then fails as it does on a closed one, and no other file comes to stand in its place."""


def prepare() -> None:
    """Give each stream a file, and let what its encoding lacks be written by its escape."""
    for number, flags in _UNUSABLE:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the system gives the lowest number that is free
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
    """Whether somebody may still read what is written: false once the reader of a pipe has gone."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return not any(flags & select.POLLERR for _, flags in poll.poll(0))
    return True


def failure(stream: TextIO) -> OSError | None:
    """Why what was written cannot reach its file; None where it has. A second flush is silent."""
    try:
        stream.flush()
    except OSError as error:
        silence(stream)
        return error
    except ValueError:  # it was closed meanwhile
        return OSError(errno.EBADF, os.strerror(errno.EBADF))
    return None


def silence(stream: TextIO) -> None:
    """Let Python's own flush, at the end of the process, not fail once more."""
    with suppress(OSError, io.UnsupportedOperation):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
