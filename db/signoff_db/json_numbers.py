"""Read `jsonb` of tables that others write too: it may hold numbers that Python cannot.

An integer may have 131,072 digits, of which Python reads 4,300; a fraction may be larger than any
float, and would become `Infinity`, which is no JSON. Such a number is read as the text of its
digits.
"""

import json
import math
from typing import Any, Final

_MOST_DIGITS: Final = 1000


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 -- any JSON
    """The value of a JSON text."""
    return json.loads(text, parse_int=_integer, parse_float=_fraction)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
