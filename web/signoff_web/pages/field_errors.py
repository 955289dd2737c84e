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
    """The first fifty of a letter's errors, or of an edited event's.

    Postgres's refusals have a message and a hint instead of a rule.
    """
    listed = [asdict(one) if isinstance(one, Problem) else one for one in detail]
    return [_of(one) for one in listed[:_MOST]]


def _of(one: Mapping[str, Any]) -> FieldError:
    rule = one.get("rule") or one.get("message") or one.get("error") or one.get("code") or ""
    hint = f" ({one['hint']})" if one.get("hint") else ""
    return FieldError(
        str(one.get("path") or ""),
        f"{rule}{hint}"[:_LONGEST],
        str(one.get("found") or "")[:_LONGEST],
    )
