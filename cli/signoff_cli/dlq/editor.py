"""Let a person change a text in the editor of their choice."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from signoff_cli.errors import UsageError


def edited_text(text: str) -> str:
    """Open the text in $VISUAL, $EDITOR or vi, and return what was saved.

    Raises:
        UsageError: the editor cannot be started, or ended with an error.
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
        return file.read_text(encoding="utf-8").removesuffix("\n")
