"""The user that the servers run as.

Neither server runs as root. If Signoff runs as root, they run as the system's unprivileged user
`nobody`. Data and programs may be below folders that only root may enter (such as /root). Signoff
changes no folder of the user's, and creates no system user:

- The data stays where the user wants it. Signoff opens the server's folder, and the server inherits
  the open folder: /proc/self/fd/N leads to it without entering its parents. Only that folder, which
  Signoff made, is given to `nobody`.
- If `nobody` can run the programs, they stay where they are. Otherwise they are copied to a new
  folder in the system's temporary folder while the server runs, since Postgres resolves the real
  path of its own program.
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
from signoff_schemas.env_file import PREFIX

_NOBODY: Final = "nobody"
_OPEN_FOLDERS: Final = Path("/proc/self/fd")
_NOT_NEEDED: Final = shutil.ignore_patterns("include", "pgxs", "*.a")


@dataclass(frozen=True)
class Account:
    """The user for a server; `home` is the path by which that user reaches the server's folder."""

    home: Path
    user: int | None = None
    group: int | None = None
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Programs:
    """A server's programs: a wheel's folder, the server's program, and its libraries."""

    server: str
    folder: Path
    program: Path
    """The server's program, below `folder`."""
    libraries: Path | None = None
    """The folder of libraries that has to be beside `folder`, if the wheel has one."""


@contextmanager
def account_for(server: str, home: Path) -> Iterator[Account]:
    """Choose who runs the server that keeps its data in `home`."""
    if os.geteuid() != 0:
        yield Account(home)
        return
    nobody = _nobody(server)
    _give(server, home, nobody)
    if not _OPEN_FOLDERS.exists():
        yield Account(home, nobody.pw_uid, nobody.pw_gid)
        return
    opened = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        reached = _OPEN_FOLDERS / str(opened)
        yield Account(reached, nobody.pw_uid, nobody.pw_gid, pass_fds=(opened,))
    finally:
        os.close(opened)


def other_owner() -> int | None:
    """The other user that may own a server's folder: `nobody`, if this user is root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_NOBODY).pw_uid
    except KeyError:
        return None


def clean_environment() -> dict[str, str]:
    """The variables for a server: ours without those of Postgres and without Signoff's secrets."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") and not name.upper().startswith(PREFIX)
    }


def _nobody(server: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_NOBODY)
    except KeyError:
        raise EmbeddedError(
            f"{server} is not run as root, and this system has no user `nobody` to run it as. Run "
            "Signoff as another user, or set SIGNOFF_REDIS_URL and SIGNOFF_DATABASE_URL to servers "
            "that you have."
        ) from None


def _give(server: str, home: Path, nobody: pwd.struct_passwd) -> None:
    """Give the folder to the user; also its files, if an earlier release ran the server as root."""
    try:
        if home.stat().st_uid != nobody.pw_uid:
            for _, folders, files, folder in os.fwalk(home):
                for name in [*folders, *files]:
                    os.chown(
                        name, nobody.pw_uid, nobody.pw_gid, dir_fd=folder, follow_symlinks=False
                    )
            os.chown(home, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    except OSError as error:
        raise EmbeddedError(
            f"{server} is not run as root, and its folder {home} cannot be given to `nobody`: "
            f"{error.strerror}. Choose a folder on another disk with --data DIR, or run Signoff as "
            "another user."
        ) from None


@contextmanager
def programs_for(account: Account, programs: Programs) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The program's path for this account, and a note for the user, if there is one."""
    program = programs.folder / programs.program
    if account.user is None:
        yield program, ()
        return
    as_nobody = f"{programs.server} is not run as root: it runs as `nobody`"
    if _can_run(program, account):
        yield program, (f"{as_nobody}.",)
        return
    with tempfile.TemporaryDirectory(prefix=f"signoff-{programs.server.lower()}-") as copy:
        _copy(programs, Path(copy))
        note = f"{as_nobody}, its programs copied to {copy} while it runs."
        yield Path(copy) / programs.folder.name / programs.program, (note,)


def _can_run(program: Path, account: Account) -> bool:
    """Find out by running it, since it depends on parents, modes, mounts and libraries."""
    try:
        subprocess.run(
            [program, "--version"],
            user=account.user,
            group=account.group,
            extra_groups=[],
            cwd="/",
            env=clean_environment(),
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy(programs: Programs, target: Path) -> None:
    """Copy the programs and their libraries, readable and executable by others."""
    top = programs.program.parts[0]
    shutil.copytree(programs.folder / top, target / programs.folder.name / top, ignore=_NOT_NEEDED)
    if programs.libraries and programs.libraries.exists():
        shutil.copytree(programs.libraries, target / programs.libraries.name)
    for path in (target, *target.rglob("*")):
        mode = path.stat().st_mode
        owners = mode & 0o500
        path.chmod(mode | owners >> 3 | owners >> 6)
