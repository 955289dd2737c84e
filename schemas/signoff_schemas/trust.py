"""Which files are trusted: those of this user and of root, as with ssh and git.

Signoff looks for some files in the folder where it is started. If another user wrote them, that
user could choose which servers are used and which command root runs.
"""

import os
import pwd
import stat
from pathlib import Path
from typing import Final

from signoff_schemas.errors import SettingsError

_ROOT: Final = 0


def why_untrusted(path: Path) -> str | None:
    """Why another user may have written the file or folder; None if it is trusted.

    The path itself, the target if it is a link, and the folder that it is in are checked.

    Raises:
        OSError: it cannot be read.
    """
    whole = path.absolute()
    for one, held in ((whole, whole.lstat()), (whole, whole.stat())):
        if reason := _not_ours(one, held):
            return reason
        if held.st_mode & stat.S_IWOTH and not stat.S_ISLNK(held.st_mode) and not _sticky(held):
            return f"every user can write to it; change that with: chmod o-w {one}"
    return _not_ours(whole.parent, whole.parent.stat())


def require_trusted(path: Path, remedy: str) -> None:
    """Refuse a file that another user may have written; a missing file or folder is allowed.

    Raises:
        SettingsError: it is not trusted; the text names file and owner, and says what to do.
    """
    try:
        whole = path.absolute()  # which fails if the folder of this process was removed
        reason = why_untrusted(whole)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"{path} cannot be looked at: {error.strerror}") from None
    if reason:
        raise SettingsError(f"{whole} is not trusted: {reason}. {remedy}")


def require_own_folder(folder: Path, remedy: str) -> None:
    """Refuse a folder of another user before anything is made in it; root's is allowed.

    Raises:
        SettingsError: it is another user's; the text names folder and owner, and says what to do.
    """
    if reason := _not_ours(folder, folder.stat()):
        raise SettingsError(f"{folder} is not trusted: {reason}. {remedy}")


def user_name(user_id: int) -> str:
    """A user's name and id, for messages."""
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
