"""What a run of the rules did, as a row of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

HEADS: Final = (
    "Picked",
    "Proposed",
    "Decided itself",
    "Proposed before",
    "Held",
    "Changed or not silent",
    "Over the cap",
    "Closed as outdated",
)
"""The columns of the numbers: customers, and in the last one proposals."""
_NAMES: Final = (
    "matched",
    "proposed",
    "decided",
    "known",
    "held",
    "left_out",
    "capped",
    "outdated",
)


@dataclass(frozen=True, slots=True)
class RunLine:
    """What one rule did in one run."""

    numbers: Sequence[int]
    """As in `HEADS`."""
    note: str | None
    """Why it only proposed, though its mode is automatic."""


def line_of(result: Mapping[str, Any]) -> RunLine:
    """The row for what a run notes of a rule."""
    numbers = [_number(result.get(name)) for name in _NAMES]
    why = result.get("why_not_automatic")
    return RunLine(numbers, str(why) if why else None)


def _number(value: Any) -> int:  # noqa: ANN401 -- whatever JSON holds
    """A number, or the sum of those of a mapping."""
    if isinstance(value, Mapping):
        return sum(map(_number, value.values()))
    return value if isinstance(value, int) else 0
