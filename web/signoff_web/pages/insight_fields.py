"""The filters of a view as fields of a form, whose state is the address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from signoff_ops.insight import View, filters_of
from signoff_schemas import EDIT_TAGS
from signoff_schemas.invalid import Problem

_LABELS: Final = {
    "since": "From day",
    "until": "Before day",
    "within": "Within … days",
    "cohort": "Cohort (month)",
    "reviewer": "First reviewer",
    "tag": "First edit tag",
    "at": "As of day",
}
_HINTS: Final = {
    "since": "2026-01-31",
    "until": "2026-01-31",
    "within": "30",
    "cohort": "2026-01",
    "at": "2026-01-31",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form."""

    name: str
    label: str
    about: str
    text: str
    """What was given, as it was given."""
    error: str = ""
    hint: str = ""
    choices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a view, and what was given for them."""

    path: str
    fields: tuple[Field, ...]
    given: Mapping[str, str]
    refused: tuple[str, ...] = ()
    """What is wrong with the address besides its fields."""

    @property
    def is_wrong(self) -> bool:
        """Whether the view cannot answer."""
        return bool(self.refused) or any(field.error for field in self.fields)

    @property
    def said(self) -> str:
        """The filters in words, for what a page says it looked at."""
        parts = [f"{field.name} {field.text}" for field in self.fields if field.text]
        return ", ".join(parts)

    def csv(self, table: str) -> str:
        """The address of a table as CSV."""
        return f"{self.path}.csv?{urlencode({**self.given, 'table': table})}"


def fields_of(view: View, given: Mapping[str, str], problems: Iterable[Problem] = ()) -> Fields:
    """The fields of a view, with what is wrong beside each of them."""
    wrong = {problem.path: problem for problem in problems}
    made = tuple(
        Field(
            one.name,
            _LABELS.get(one.name, one.name),
            one.about,
            given.get(one.name, ""),
            wrong[one.name].rule if one.name in wrong else "",
            _HINTS.get(one.name, ""),
            EDIT_TAGS if one.name == "tag" else (),
        )
        for one in filters_of(view)
    )
    names = {field.name for field in made}
    refused = tuple(f"{path} {one.rule}" for path, one in wrong.items() if path not in names)
    return Fields(f"/insight/{view.name}", made, given, refused)
