"""Ask for a new password: on the terminal, or from standard input. It is never an argument."""

import sys
from typing import Annotated, Final

import typer

from signoff_cli.errors import UsageError

_MOST_BYTES: Final = 1024

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def new_password(*, from_stdin: bool) -> str:
    """The password; on a terminal it is asked for twice, and not shown.

    Raises:
        UsageError: there is no terminal to ask on, or what was read is no text.
    """
    if from_stdin:
        return _first_line()
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the password on; say --password-stdin and give it on "
            "standard input, or --link for a link that signs the user in"
        )
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_MOST_BYTES + 1)
    try:
        return line.rstrip(b"\r\n").decode()
    except UnicodeDecodeError:
        raise UsageError("the password on standard input is not UTF-8") from None
