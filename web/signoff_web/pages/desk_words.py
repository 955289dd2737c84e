"""What is wrong with a decision, in the words of the desk, whose reviewers see labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signoff_schemas import InvalidEvent, InvalidReview
from signoff_schemas.invalid import Problem

_NAMES: Final[Mapping[str, str]] = {
    "final_bubbles": "The reply",
    "edit_tags": "The tags",
    "quality_score": "The quality of the draft",
    "reviewer_notes": "The notes",
    "cta_data": "The call to action",
    "customer_status": "The status",
    "ltv_amount": "The LTV amount",
    "reason": "The reason",
}
_RULES: Final[Mapping[str, str]] = {
    "amount": "must be plain digits with at most 2 decimal places, such as 250.00",
    "missing": "is required: choose 1 to 5",
}
"""Of rules whose words are those of JSON. Nothing but the quality can be missing in a form."""


@dataclass(frozen=True, slots=True)
class _Labelled(Problem):
    """A problem that names its field as the form does."""

    @property
    def loggable(self) -> str:
        return f"{_name(self.path)} {_RULES.get(self.code, self.rule)}"


def in_form(error: InvalidEvent) -> InvalidReview:
    """The same error, as the form's reviewer reads it; paths stay, so scripts find the fields."""
    return InvalidReview(error.kind, labelled(error))


def labelled(error: InvalidEvent) -> tuple[Problem, ...]:
    """What is wrong, as the form's reviewer reads it."""
    return tuple(_Labelled(one.path, one.rule, one.code, one.found) for one in error.problems)


def _name(path: str) -> str:
    """The label of a field; of a message of the reply its number, of something within the rest."""
    field, _, within = path.partition("[")
    if field == "final_bubbles" and within:
        return f"Message {int(within.rstrip(']')) + 1}"
    name = _NAMES.get(field.partition(".")[0])
    return path if name is None else name
