"""Ages as people write them: 90s, 30m, 2h, 3d, 1w."""

import re
from datetime import timedelta
from typing import Final

from signoff_cli.errors import UsageError

EXAMPLES: Final = "an age such as 90s, 30m, 2h, 3d, 1w"
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age_of(text: str) -> timedelta | None:
    """Parse an age; None if the text is not one."""
    age = _AGE.fullmatch(text)
    return timedelta(**{_UNITS[age[2]]: int(age[1])}) if age else None


def required_age(text: str, option: str) -> timedelta:
    """Parse the age of an option.

    Raises:
        UsageError: it holds something else.
    """
    age = age_of(text)
    if age is None:
        raise UsageError(f"{option} holds {text!r}; expected {EXAMPLES}")
    return age
