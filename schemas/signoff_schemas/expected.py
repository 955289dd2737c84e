"""What a value that pydantic refused should have been, in plain words."""

import re
from typing import Final

from pydantic_core import ErrorDetails

from signoff_schemas.phrases import phrase_of

_BOUNDS: Final = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
_MUST: Final = re.compile("^must (be|hold|have) ")


def expected(error: ErrorDetails) -> str:
    """What was expected, such as `a whole number`; the text of a `ValueError` is taken as it is."""
    if error["type"] in _BOUNDS:
        return f"a number {error['msg'].removeprefix('Input should be ')}"
    if error["type"] == "string_too_short":
        return "text that is not empty"
    return _MUST.sub("", phrase_of(error, "this setting"))
