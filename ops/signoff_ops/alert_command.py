"""Run the operator's alert command, with the alert on its standard input."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO, Final

from signoff_ops.hook_errors import HookError
from signoff_schemas import SettingsError
from signoff_schemas.env_file import PREFIX
from signoff_schemas.wording import printable

COMMAND_SECONDS: Final = 30.0
_SHOWN: Final = 500
"""The most characters of a failed command's output that are shown."""
_SECRET_VARIABLES: Final = frozenset({"PGPASSWORD", "PGSERVICEFILE", "PGPASSFILE", "REDISCLI_AUTH"})


def split_command(command: str) -> list[str]:
    """The command's arguments, split as a shell would; its program is there and executable.

    Raises:
        SettingsError: it is no command that can be run. The text does not quote it: it may hold a
            token.
    """
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise SettingsError(f"SIGNOFF_ALERT_COMMAND cannot be read: {error}") from None
    if not arguments:
        raise SettingsError("SIGNOFF_ALERT_COMMAND is blank; set the command to run")
    if shutil.which(arguments[0]) is None:
        raise SettingsError(
            "SIGNOFF_ALERT_COMMAND cannot be run: its first word names no program that this user "
            "may execute; give the program's path, or its name if it is in a folder of PATH"
        )
    return arguments


def run(arguments: list[str], message: bytes, *, seconds: float = COMMAND_SECONDS) -> None:
    """Run the command without a shell; after the time it is ended, with its child processes.

    Raises:
        HookError: it cannot be started, failed, or took too long.
    """
    # Files instead of pipes: the command need not read its input, and its children may go on.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(message)
        given.seek(0)
        code = _exit_code(arguments, given, errors, seconds)
        if code:
            raise HookError(f"SIGNOFF_ALERT_COMMAND ended with exit code {code}: {_said(errors)}")


def _exit_code(arguments: list[str], given: IO[bytes], errors: IO[bytes], seconds: float) -> int:
    try:
        process = subprocess.Popen(
            arguments,
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds a character that no command can"
        raise HookError(f"SIGNOFF_ALERT_COMMAND cannot be started: {reason}") from None
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise HookError(f"SIGNOFF_ALERT_COMMAND did not end within {seconds:g} s") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment() -> dict[str, str]:
    """This process's variables, without Signoff's, which hold passwords and keys."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(PREFIX) and name not in _SECRET_VARIABLES
    }


def _said(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - 4 * _SHOWN))
    text = errors.read().decode("utf-8", "replace").strip()
    return printable(text[-_SHOWN:]) or "it wrote no reason"
