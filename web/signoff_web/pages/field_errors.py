"""What is wrong with an event, as pages list it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from signoff_schemas.invalid import Problem

_MOST: Final = 50
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong."""

    path: str
    """The field; empty for the whole event."""
    rule: str
    found: str
    """What was found there; empty where nothing was."""


def field_errors(detail: Iterable[Mapping[str, Any] | Problem]) -> list[FieldError]:
    """The first fifty of a letter's field errors, or of an edited event's."""
    listed = [asdict(one) if isinstance(one, Problem) else one for one in detail]
    return [_of(one) for one in listed[:_MOST] if one.get("rule")]


def hint_of(detail: Iterable[Mapping[str, Any]]) -> str | None:
    """What Postgres hints at, where it refused the event."""
    hints = [one["hint"] for one in detail if one.get("hint")]
    return str(hints[0])[:_LONGEST] if hints else None


def _of(one: Mapping[str, Any]) -> FieldError:
    texts = (str(one.get(name) or "")[:_LONGEST] for name in ("path", "rule", "found"))
    return FieldError(*texts)
