"""The variables of a `.env` file, read as people write it, and only where it can be trusted."""

import os
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from signoff_schemas.errors import SettingsError

ENV_FILE: Final = Path(".env")
_ROOT: Final = 0


def env_file_variables(path: Path = ENV_FILE) -> dict[str, str]:
    """What the file sets, by the names as they stand there; nothing where there is no such file.

    A value may have quotes, blanks around it and a comment behind it; `$` and `{` mean themselves.
    A byte order mark is skipped. A name without a value sets nothing.

    Raises:
        SettingsError: it belongs, or its folder does, to another user, who could make this user's
            commands run what they like; or it is no UTF-8 text, or cannot be read.
    """
    if not (path.is_file() or path.is_fifo()):
        return {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            _refuse_another_users(path, file.fileno())
            values = dotenv_values(stream=file, interpolate=False)
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path} cannot be read as UTF-8 text: byte {error.start} is none of it; save the "
            "file as UTF-8"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    return {name: value for name, value in values.items() if value is not None}


def _refuse_another_users(path: Path, file: int) -> None:
    """Trust this user and root, in the file and in its folder, where it could be replaced."""
    trusted = {os.geteuid(), _ROOT}
    for what, owner in ((path, os.fstat(file).st_uid), (path.absolute().parent, _owner(path))):
        if owner not in trusted:
            raise SettingsError(
                f"{what} belongs to another user (uid {owner}), so {path} is not trusted; run the "
                "command in a folder of your own, or make the file and its folder yours (chown)"
            )


def _owner(path: Path) -> int:
    return path.absolute().parent.stat().st_uid
