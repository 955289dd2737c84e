"""Whose files are trusted: this user's own and root's, as ssh and git have it.

A file that Signoff looks for in the folder where it is started may have been put there by somebody
else, who would so choose which servers are used and which command root runs.
"""

import os
import pwd
import stat
from pathlib import Path
from typing import Final

from signoff_schemas.errors import SettingsError

_ROOT: Final = 0


def distrust(path: Path) -> str | None:
    """Why what the file or folder holds may be somebody else's; None where it is trusted.

    Looked at are the path itself, what it leads to if it is a link, and the folder that it is in.

    Raises:
        OSError: it cannot be looked at.
    """
    whole = path.absolute()
    for one, held in ((whole, whole.lstat()), (whole, whole.stat())):
        if reason := _not_ours(one, held):
            return reason
        if held.st_mode & stat.S_IWOTH and not stat.S_ISLNK(held.st_mode) and not _sticky(held):
            return f"every user can write to it; change that with: chmod o-w {one}"
    return _not_ours(whole.parent, whole.parent.stat())


def require_trusted(path: Path, remedy: str) -> None:
    """Refuse a file that another user may have written; one that is not there is no matter.

    Raises:
        SettingsError: naming the file and its owner, and what to do.
    """
    try:
        reason = distrust(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"{path} cannot be looked at: {error.strerror}") from None
    if reason:
        raise SettingsError(f"{path} is not trusted: {reason}. {remedy}")


def user_name(user_id: int) -> str:
    """A user's name with the id, as messages tell it."""
    try:
        return f"{pwd.getpwuid(user_id).pw_name} (user id {user_id})"
    except KeyError:
        return f"user id {user_id}"


def _not_ours(path: Path, held: os.stat_result) -> str | None:
    if held.st_uid in {os.geteuid(), _ROOT}:
        return None
    return f"{path} belongs to {user_name(held.st_uid)}, and this is {user_name(os.geteuid())}"


def _sticky(held: os.stat_result) -> bool:
    return stat.S_ISDIR(held.st_mode) and bool(held.st_mode & stat.S_ISVTX)
