"""The types of an event's fields, with their limits.

All limits are defined here, and those of amounts in `money.py`. The JSON Schema, the checks in SQL
and the documents are generated from these modules or tested against them.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    Strict,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, from_json

from signoff_schemas.taxonomy import EditTag

SCHEMA_VERSION: Final = 1
MAX_OBJECT_BYTES: Final = 4096
"""Bytes of a JSON object in an event (`cta_data`, `evidence`), written as JSON."""
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far `occurred_at` may lie ahead of the clock that checks it."""

RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_USUAL_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?Z", re.ASCII
)
"""The form of nearly every instant, and of every canonical one: a part of RFC 3339."""


def _instant(value: object, read: ValidatorFunctionWrapHandler) -> datetime:
    """The instant in UTC; pydantic reads unusual forms, and reports errors."""
    try:
        utc = _usual_instant(value) or read(_instant_text(value)).astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("instant", "must lie between the years 1 and 9999") from None
    if utc - datetime.now(UTC) > MAX_CLOCK_SKEW:
        raise PydanticCustomError(
            "instant_ahead", "must be at most 5 minutes ahead of the clock that checks it"
        )
    return utc


def _usual_instant(value: object) -> datetime | None:
    """The instant of a text in the usual form, with Python's `UTC`, which is faster to handle."""
    if not isinstance(value, str) or not _USUAL_INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # the calendar has no such day
        return None


def _instant_text(value: object) -> object:
    """Refuse values that pydantic takes for an instant and RFC 3339 does not, such as a number."""
    if isinstance(value, str) and not RFC3339.fullmatch(value):
        raise PydanticCustomError(
            "instant", "must be an RFC 3339 instant with an offset, such as 2026-01-31T10:00:00Z"
        )
    if not isinstance(value, str | datetime):
        raise PydanticCustomError("instant", "must be an RFC 3339 instant, as a string")
    return value


def whole(value: object) -> object:
    """An integer that is written as `3.0`, which is the same number in JSON and in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_version(value: object) -> object:
    """Accept 1 or null; not `true`, which equals 1 in Python but not in JSON."""
    if value is None:
        return SCHEMA_VERSION
    value = whole(value)
    if type(value) is not int or value != SCHEMA_VERSION:
        raise PydanticCustomError("version", "must be 1, the only version this release knows")
    return value


def distinct_tags(value: object, read: ValidatorFunctionWrapHandler) -> tuple[EditTag, ...]:
    """The tags, each of which may occur once; null is the same as absent."""
    if value is None:
        return ()
    tags: tuple[EditTag, ...] = read(value)
    if len(tags) > 1 and len(set(tags)) != len(tags):
        raise PydanticCustomError("distinct", "must hold each tag once")
    return tags


def json_object(value: dict[str, Any], most: int = MAX_OBJECT_BYTES) -> dict[str, Any]:
    """The object in its canonical form, keys sorted; refused if jsonb cannot store it.

    `most` is how many bytes it may take as JSON.
    """
    try:
        text = json.dumps(
            value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        size = len(text.encode())
        held: dict[str, Any] = from_json(f"[{text}]")[0]  # nested as deep as in the event
    except (TypeError, ValueError, RecursionError):
        raise PydanticCustomError(
            "json_object",
            "must be a JSON object of finite numbers, text, lists and objects, at most 200 deep",
        ) from None
    if size > most:
        raise PydanticCustomError(
            "too_large",
            "must take at most {most} bytes as JSON, takes {size}",
            {"most": most, "size": size},
        )
    if _ESCAPED_NUL.search(text):
        raise PydanticCustomError("nul", "must not hold the NUL character")
    return held


_ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NO_NUL: Final = r"^[^\x00]*$"
_NOT_BLANK: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Notes = Annotated[str, StringConstraints(max_length=1000, pattern=_NO_NUL)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_NO_NUL)]
Bubble = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_NOT_BLANK)]
Instant = Annotated[AwareDatetime, Strict(strict=False), WrapValidator(_instant)]
TagList = Annotated[
    tuple[EditTag, ...], Field(max_length=20, json_schema_extra={"uniqueItems": True})
]
Id = Annotated[UUID, Strict(strict=False)]
JsonObject = Annotated[dict[str, Any], AfterValidator(json_object)]
