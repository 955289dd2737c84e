"""Child processes that end when their parent ends, even by SIGKILL, which leaves it no time."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_WAIT_AND_SIGNAL: Final = 'read -r _; kill -s "$1" "$2"'


@contextmanager
def ending_with_parent(
    child: int, number: signal.Signals, *, user: int | None = None, group: int | None = None
) -> Iterator[None]:
    """Send the child a signal when this process, and what it forked, ended within the block.

    A shell reads from a pipe to which nobody writes. Its write end is not inherited by other
    programs, so the system closes it when this process ends, and the shell goes on.

    Raises:
        OSError: there is no shell.
    """
    read_end, write_end = os.pipe()
    try:
        watch = subprocess.Popen(
            ["/bin/sh", "-c", _WAIT_AND_SIGNAL, "sh", number.name.removeprefix("SIG"), str(child)],
            stdin=read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )
        try:
            yield
        finally:
            # Before the child is waited for: until then, no other process gets its id.
            watch.kill()
            watch.wait()
    finally:
        os.close(read_end)
        os.close(write_end)
