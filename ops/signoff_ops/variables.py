"""Variables that look like Signoff's settings and are none: what was misspelt changes nothing."""

import os
from difflib import get_close_matches
from typing import Final

from signoff_schemas import Settings
from signoff_schemas.env_file import PREFIX, env_file_variables
from signoff_schemas.role_settings import variable_of

_OPTIONS: Final = frozenset({"actor"})
"""Variables that stand for an option of a command, not for a setting."""


def unknown_variables() -> list[tuple[str, str | None]]:
    """Those of the environment and of `.env` that nothing reads, each with what it may mean."""
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
