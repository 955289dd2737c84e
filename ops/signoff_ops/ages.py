"""Ages as people write them: 90s, 30m, 2h, 3d, 1w."""

import re
from datetime import timedelta
from typing import Final

EXAMPLES: Final = "an age such as 90s, 30m, 2h, 3d, 1w"
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age_of(text: str) -> timedelta | None:
    """Parse an age; None if the text is not one."""
    age = _AGE.fullmatch(text)
    return timedelta(**{_UNITS[age[2]]: int(age[1])}) if age else None
