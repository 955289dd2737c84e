"""What is wrong with a refused event: as text for people, and as data for tools."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Self, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from signoff_schemas.errors import SignoffError
from signoff_schemas.phrases import ABSENT, TWO_PLACES, phrase_of
from signoff_schemas.verdicts import FailureKind

_FOUND_LIMIT = 80
_SENTENCE_LIMIT = 5
_PROBLEM_LIMIT = 50
_UNKNOWN_FIELD = "extra_forbidden"
_KIND_FIELD = "event_type"

Location: TypeAlias = tuple[int | str, ...]
"""The names and numbers that lead to a value."""
_APPROVAL = "Approval event"
_OF_A_DECISION = {("decided_by",), ("rests_on",)}
"""Fields that say that a status decision was meant, though `event_type` does not."""
_KINDS = {
    _APPROVAL: "an approval event",
    "Status decision": "a status decision",
    "Review": "a review",
}
"""How messages name what was read, by the title of its model."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, which rule it breaks, and what was found there."""

    path: str
    """The field, such as `final_bubbles[2]`; empty for the whole payload."""
    rule: str
    """What is allowed there. It holds no customer's data, so it may be logged."""
    code: str
    """The rule's short, stable name."""
    found: str | None = None
    """What the field held, shortened; None if it held nothing."""

    def __str__(self) -> str:
        found = "" if self.found is None else f"; found {self.found}"
        return f"{self.loggable}{found}"

    @property
    def loggable(self) -> str:
        """The problem without what the field held."""
        return f"{self.path} {self.rule}" if self.path else self.rule


class InvalidEvent(SignoffError):  # noqa: N818 -- the noun that people use for such an event
    """A payload that is no event of this contract."""

    def __init__(self, kind: FailureKind, problems: Sequence[Problem]) -> None:
        super().__init__(listed(problems))
        self.kind = kind
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[Self], tuple[FailureKind, tuple[Problem, ...]]]:
        """For pickling between processes: by default an exception keeps only its message."""
        return type(self), (self.kind, self.problems)

    @property
    def loggable(self) -> str:
        """The message without customers' texts or amounts."""
        return listed([problem.loggable for problem in self.problems])

    @property
    def cause(self) -> str:
        """A text that is equal for all events refused for the same reason.

        It names the field and the rule of the first problem, in terms of the contract only. So an
        event's writer can create neither many causes nor a cause of their choice.
        """
        first = self.problems[0]
        return f"{_field(first)}:{first.code}"

    @property
    def detail(self) -> list[dict[str, Any]]:
        """The problems as JSON-able data."""
        return [asdict(problem) for problem in self.problems]

    @classmethod
    def from_pydantic(cls, error: ValidationError) -> Self:
        """Translate pydantic's errors into the terms of this contract."""
        found = located_problems(error.errors(include_url=False), error.title)
        problems = [problem for _, problem in found]
        version = [p for p in problems if p.path == "schema_version"]
        if version:
            return cls(FailureKind.UNSUPPORTED_VERSION, version)
        other_kind = [p for p in problems if p.path == _KIND_FIELD]
        if other_kind:  # whatever else is wrong follows from it
            return cls(FailureKind.INVALID_PAYLOAD, other_kind)
        return cls(FailureKind.INVALID_PAYLOAD, problems)

    @classmethod
    def unreadable(cls, rule: str, found: str | None = None) -> Self:
        """The payload as a whole cannot be read."""
        return cls(FailureKind.INVALID_PAYLOAD, [Problem("", rule, "unreadable", found)])

    @classmethod
    def too_large(cls, size: int, limit: int, *, or_more: bool = False) -> Self:
        """The payload is longer than any valid event; `or_more`: it was not read to its end."""
        rule = f"an event's JSON may take at most {limit} bytes"
        found = f"{size} bytes or more" if or_more else f"{size} bytes"
        return cls(FailureKind.INVALID_PAYLOAD, [Problem("", rule, "too_large", found)])

    @classmethod
    def too_many_places(cls, found: str) -> Self:
        """The amount has more than two decimal places."""
        problem = Problem("ltv_amount", TWO_PLACES, "decimal_max_places", shortened(found))
        return cls(FailureKind.INVALID_PAYLOAD, [problem])


def fingerprint(kind: FailureKind, cause: str) -> str:
    """Twelve hexadecimal digits that are equal for dead letters of the same cause."""
    return blake2b(f"{kind}|{cause}".encode(), digest_size=6).hexdigest()


def shortened(text: str) -> str:
    """The text, cut if it is too long for a message."""
    return text if len(text) <= _FOUND_LIMIT else f"{text[:_FOUND_LIMIT]}… ({len(text)} characters)"


def located_problems(
    errors: Sequence[ErrorDetails], model: str = ""
) -> list[tuple[Location, Problem]]:
    """What pydantic found wrong, in Signoff's words; at most 50, and how many more there are.

    Args:
        errors: all of them.
        model: the title of the model that was read; empty for a request.

    Returns:
        Each problem with its place, in which names are as they were given.
    """
    found = [(error["loc"], _problem(error, model)) for error in errors[:_PROBLEM_LIMIT]]
    # Of a list all of whose items were refused it is only a consequence that it is too short.
    refused = {_unindexed(problem.path) for _, problem in found if "[" in problem.path}
    found = [one for one in found if one[1].code != "too_short" or one[1].path not in refused]
    if (more := len(errors) - _PROBLEM_LIMIT) > 0:
        found.append(((), Problem("", f"{more} more problems are not listed", "unlisted")))
    return found


def listed(sentences: Sequence[object]) -> str:
    """The first of them as one text, and how many more there are."""
    more = len(sentences) - _SENTENCE_LIMIT
    text = "; ".join(map(str, sentences[:_SENTENCE_LIMIT]))
    return f"{text}; and {more} more" if more > 0 else text


def _problem(error: ErrorDetails, model: str) -> Problem:
    code = error["type"]
    path = _path(error["loc"])
    holds_none = code in ABSENT or code == "json_invalid"
    return Problem(path, _rule(error, model), code, None if holds_none else _found(error["input"]))


def _found(value: object) -> str:
    """What a field held; of a long text it tells its length, which the quotes are no part of."""
    shown = str(value) if isinstance(value, Decimal) else repr(value)
    if isinstance(value, str) and len(shown) > _FOUND_LIMIT:
        return f"{shown[:_FOUND_LIMIT]}… ({len(value)} characters)"
    return shortened(shown)


def _rule(error: ErrorDetails, model: str) -> str:
    kind = _KINDS.get(model, "this request")
    if error["loc"] == (_KIND_FIELD,) and error["type"] == "literal_error":
        expected = error.get("ctx", {})["expected"]
        return f"must be {expected}: the job's function, or the caller, reads {kind}"
    if error["type"] == _UNKNOWN_FIELD and model == _APPROVAL and error["loc"] in _OF_A_DECISION:
        return "is a field of status decisions only; for one, event_type must be 'status_decision'"
    return phrase_of(error, kind)


def _path(loc: Location) -> str:
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{_name(part)}" if path else _name(part)
    return path


def _name(field: str) -> str:
    """A field's name as printable text: an unknown one may hold anything, and is logged."""
    return shortened(field if field.isprintable() else ascii(field)[1:-1])


def _field(problem: Problem) -> str:
    """The field's name; `*` for an unknown field, whose name the writer chose."""
    if problem.code == _UNKNOWN_FIELD:
        return "*"
    return problem.path.partition("[")[0].partition(".")[0]


def _unindexed(path: str) -> str:
    return path.partition("[")[0]
