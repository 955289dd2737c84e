"""What a value must be that pydantic refused, in plain words: the one table of them."""

from typing import Final

from pydantic_core import ErrorDetails

ABSENT: Final = frozenset({"missing", "rests_on_missing"})
"""Codes of rules that are broken by holding nothing: there is nothing to show."""
TWO_PLACES: Final = "must have at most 2 decimal places"
_WHOLE: Final = "must be a whole number"
_INSTANT: Final = "must be an instant that the calendar and the clock have"
_DAY: Final = "must be a day that the calendar has, such as 2026-01-31"
_PHRASES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a field of {kind}; remove it or check its spelling",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": f"{_WHOLE} of fewer digits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_max_places": TWO_PLACES,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "string_pattern_mismatch": "must hold text that is not blank and has no NUL character",
    "string_too_short": "must hold at least {min_length} character",
    "string_too_long": "must hold at most {max_length} characters",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must hold at least {min_length} item",
    "too_long": "must hold at most {max_length} items",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "json_invalid": "is not JSON: {error}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "uuid_type": "must be a UUID, as a string",
    "uuid_parsing": "must be a UUID, such as 6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11",
    "datetime_type": f"{_INSTANT}, as a string",
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": "must carry an offset, such as Z or +02:00",
    "date_type": f"{_DAY}, as a string",
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
}


def is_known(code: str) -> bool:
    """Whether the table has words for errors of this code."""
    return code in _PHRASES


def phrase_of(error: ErrorDetails, kind: str) -> str:
    """What must hold; a rule of Signoff's own says it itself.

    Args:
        error: what pydantic found.
        kind: what was read, such as `an approval event`.
    """
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    phrase = _PHRASES.get(error["type"])
    return phrase.format(kind=kind, **context) if phrase else error["msg"]
