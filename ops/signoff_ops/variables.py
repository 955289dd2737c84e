"""Variables that look like Signoff's settings and are not: misspelt ones have no effect."""

import os
from difflib import get_close_matches
from typing import Final

from signoff_schemas import Settings
from signoff_schemas.env_file import PREFIX, env_file_variables
from signoff_schemas.role_settings import variable_of

_OPTIONS: Final = frozenset({"actor"})
"""Variables of a command's option, which are not settings."""


def unknown_variables() -> list[tuple[str, str | None]]:
    """The unknown variables of the environment and of `.env`, each with a similar known name."""
    given = [name.lower() for name in (*os.environ, *env_file_variables())]
    prefix = PREFIX.lower()
    names = {name.removeprefix(prefix) for name in given if name.startswith(prefix)}
    variables = [variable_of(field) for field in Settings.model_fields]
    known = {name.lower().removeprefix(prefix) for name in variables} | _OPTIONS
    return [(_variable(name), _meant(name, sorted(known))) for name in sorted(names - known)]


def _meant(name: str, known: list[str]) -> str | None:
    close = get_close_matches(name, known, n=1)
    return _variable(close[0]) if close else None


def _variable(name: str) -> str:
    return PREFIX + name.upper()
