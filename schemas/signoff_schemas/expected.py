"""What a value that pydantic refused should have been, in plain words."""

from typing import Final

from pydantic_core import ErrorDetails

_PHRASES: Final = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "uuid_parsing": "a UUID, such as 6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11",
}
"""Where pydantic's own phrase is not plain."""
_BOUNDS: Final = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})


def expected(error: ErrorDetails) -> str:
    """What was expected, such as `a whole number`; the text of a `ValueError` is taken as it is."""
    own = error.get("ctx", {}).get("error")
    if own is not None and error["type"] == "value_error":
        return str(own)
    phrase = _PHRASES.get(error["type"], error["msg"].removeprefix("Input should be "))
    return f"a number {phrase}" if error["type"] in _BOUNDS else phrase
