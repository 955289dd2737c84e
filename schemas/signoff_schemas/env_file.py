"""Read the variables of a `.env` file, if the file can be trusted."""

from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from signoff_schemas.errors import SettingsError
from signoff_schemas.trust import require_trusted

ENV_FILE: Final = Path(".env")
PREFIX: Final = "SIGNOFF_"
_MOST_BYTES: Final = 1_000_000
_REMEDY: Final = (
    f"Its {PREFIX} settings decide what is run and where events go: set them in the environment "
    "instead, or let nobody but you own and write the file and its folder"
)


def env_file_variables(path: Path = ENV_FILE) -> dict[str, str]:
    """The variables of the file by name; none if there is no such file.

    A value may have quotes, blanks around it and a comment behind it; `$` and `{` have no special
    meaning. A byte order mark is skipped. A name without a value sets nothing.

    Raises:
        SettingsError: the file sets Signoff's variables and another user may have written it; or
            it is not UTF-8 text, is too large, or cannot be read.
    """
    try:
        if path.is_fifo():
            # To read a pipe is to wait for whoever writes to it.
            require_trusted(path, _REMEDY)
        elif not path.is_file():
            return {}
        text = _bounded(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path} cannot be read as UTF-8 text: byte {error.start} is none of it; save the "
            "file as UTF-8"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}; let this user read it, or start in another "
            "folder"
        ) from None
    if PREFIX.lower() in text.lower():
        require_trusted(path, _REMEDY)
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        held = file.read(_MOST_BYTES + 1)
    if len(held) > _MOST_BYTES:
        raise SettingsError(
            f"{path} is too large for a file of settings: it has more than {_MOST_BYTES:,} bytes; "
            "move it, or start in another folder"
        )
    return held
