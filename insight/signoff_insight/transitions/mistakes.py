"""What pydantic found wrong in a file of rules, in the terms of that file."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from signoff_insight.transitions.errors import Mistake
from signoff_schemas.phrases import phrase_of
from signoff_schemas.wording import printable, shortened

_SHOWN: Final = 80
_MOST: Final = 50
_OF_TOML: Final = {"model_type": "must be a table", "literal_error": "must be {expected}"}
"""Where the words for JSON do not fit."""
_PATTERNS: Final = {
    "name": "must be lower-case words of letters and digits with - between, such as churn-silence",
    "scorer": "must be the name of a scorer: letters, digits, '_', '.' and '-'",
}
"""What keys with a pattern allow."""


def mistakes_of(
    error: ValidationError, held: Mapping[str, Any], keys: Mapping[str, Sequence[str]]
) -> list[Mistake]:
    """All that is wrong, in the order of the file's keys.

    Args:
        error: of the whole file.
        held: what the file held.
        keys: what is allowed in the file (`""`), in a `rule`, in its `when`.
    """
    errors = error.errors(include_url=False)
    found = list(_mistakes(_without_echoes(errors)[:_MOST], held, keys))
    if (more := error.error_count() - _MOST) > 0:
        found.append(Mistake(None, "", f"{more} more mistakes are not listed"))
    return found


def _without_echoes(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Drop `too_short` where it only follows from refused items of the list."""
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(_is_within(other["loc"], error["loc"]) for other in errors)
    ]


def _is_within(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _mistakes(
    errors: Sequence[ErrorDetails], held: Mapping[str, Any], keys: Mapping[str, Sequence[str]]
) -> Iterator[Mistake]:
    for error in errors:
        loc = error["loc"]
        is_of_rule = len(loc) > 1 and loc[0] == "rule" and isinstance(loc[1], int)
        place = loc[2:] if is_of_rule else loc
        rule = _name(held, int(loc[1])) if is_of_rule else None
        found = None if error["type"] == "missing" else _found(error["input"])
        yield Mistake(rule, _key(place), _allowed(error, place, is_of_rule, keys), found)


def _name(held: Mapping[str, Any], at: int) -> str:
    """The rule's name; if it has none, which one it is."""
    rule = held["rule"][at]
    name = rule.get("name") if isinstance(rule, dict) else None
    return printable(name, limit=_SHOWN) if isinstance(name, str) and name else f"number {at + 1}"


def _key(place: tuple[int | str, ...]) -> str:
    key = ""
    for part in place:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            name = printable(part, limit=_SHOWN)
            key += f".{name}" if key else name
    return key


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    try:
        return shortened(repr(value), _SHOWN)
    except ValueError:  # such as 0xfff…: Python writes no whole number of thousands of digits
        return "a number with too many digits"


def _allowed(
    error: ErrorDetails,
    place: tuple[int | str, ...],
    is_of_rule: bool,
    keys: Mapping[str, Sequence[str]],
) -> str:
    code = error["type"]
    context = error.get("ctx", {})
    if code == "extra_forbidden":
        table = "when" if place[0] == "when" else "rule" if is_of_rule else ""
        return _unknown(str(place[-1]), table, keys[table])
    if code == "string_pattern_mismatch":
        return _PATTERNS.get(str(place[-1]), str(error["msg"]))
    if code in _OF_TOML:
        return _OF_TOML[code].format(**context)
    return phrase_of(error, "a file of rules")


def _unknown(key: str, table: str, allowed: Sequence[str]) -> str:
    where = {"": "of a file of rules", "rule": "of a rule", "when": "of when"}[table]
    alike = get_close_matches(key, allowed, n=1)
    meant = f" (is {alike[0]} meant?)" if alike else ""
    return f"is no key {where}{meant}; there are {', '.join(allowed)}"
