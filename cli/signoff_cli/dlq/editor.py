"""Let a person change a text in the editor of their choice."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from signoff_cli.errors import UsageError


def edited_text(text: str) -> str:
    """Open the text in $VISUAL, $EDITOR or vi, and return what was saved.

    Raises:
        UsageError: the editor cannot be started, ended with an error, or did not save UTF-8.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="signoff-edit-") as folder:
        file = Path(folder, "event.json")
        file.write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run([*command, file], check=False)
        except OSError as error:
            raise UsageError(
                f"the editor {command[0]!r} cannot be started: {error.strerror}; set EDITOR, or "
                "use --set FIELD=VALUE"
            ) from None
        if ended.returncode:
            raise UsageError(
                f"the editor {command[0]!r} ended with code {ended.returncode}; nothing was changed"
            )
        try:
            return file.read_text(encoding="utf-8").removesuffix("\n")
        except UnicodeDecodeError:
            raise UsageError("the editor saved no UTF-8 text; nothing was changed") from None


def require_terminal() -> None:
    """An editor without a terminal would hang, or write escape sequences into a log.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal; use --set FIELD=VALUE")
