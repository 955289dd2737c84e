"""Which proposals a page shows, by the filters of its URL; and on which ones a form acts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import urlencode
from uuid import UUID

from signoff_ops.transitions import Choice, ProposalFilter, Shown, WrongChoiceError, digest_of
from signoff_web.forms import Form

HERE: Final = "/transitions/proposals"
_LONGEST: Final = 1000
_LARGEST: Final = 2**63 - 1
_DIGITS: Final = 19
_DAMAGED: Final = "This form is not as it was sent out; open the page again."


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as text; and what it selects, if all of it is valid."""

    texts: Mapping[str, str]
    wanted: ProposalFilter
    errors: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by field; then nothing is selected."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """The filters of a URL; fields that are left empty are no condition."""
        texts: dict[str, str] = {}
        for name, value in pairs:
            if name in _READ and value.strip():
                texts.setdefault(name, value.strip())
        given: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for name, text in texts.items():
            try:
                given[name] = _READ[name](text)
            except ValueError as error:
                errors[name] = str(error)
        return cls(texts, ProposalFilter(**given), errors)

    @property
    def shown(self) -> Shown:
        """Which proposals, by what was decided about them."""
        return self.wanted.shown

    @property
    def only_rule(self) -> str | None:
        """The rule, if the filters select all that wait of one rule."""
        is_all = self.shown is Shown.WAITING and self.texts.keys() <= {"shown", "rule"}
        return self.wanted.rule if is_all and not self.errors else None

    def url(self, **more: object) -> str:
        """The address of the list with these filters."""
        given = {**self.texts, **{name: one for name, one in more.items() if one is not None}}
        return f"{HERE}?{urlencode(given)}" if given else HERE

    @property
    def said(self) -> str:
        """What was looked at, in words."""
        shown = {Shown.ALL: "all proposals", Shown.WAITING: "proposals that wait"}
        parts = [f"{_SAID[name]} {text}" for name, text in self.texts.items() if name in _SAID]
        begins = shown.get(self.shown, f"{self.shown} proposals")
        return f"{begins} with {', '.join(parts)}" if parts else begins


_SAID: Final = {
    "rule": "rule",
    "user_id": "customer",
    "run": "run",
    "reactivated": "reactivated:",
    "decided_by": "decided by",
    "decided_since": "decided since",
}


def _text(text: str) -> str:
    if len(text) > _LONGEST or "\0" in text:
        raise ValueError(f"has at most {_LONGEST:,} characters, and no NUL")
    return text


def _shown(text: str) -> Shown:
    try:
        return Shown(text)
    except ValueError:
        raise ValueError(f"is one of {', '.join(Shown)}") from None


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    if not is_number or not 1 <= int(text) <= _LARGEST:
        raise ValueError("is the number of a run")
    return int(text)


def _flag(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError("is yes or no")
    return text == "yes"


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is a time such as 2026-01-31T10:00 (UTC)") from None


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "shown": _shown,
    "rule": _text,
    "user_id": _text,
    "run": _number,
    "reactivated": _flag,
    "decided_by": _text,
    "decided_since": _instant,
}


def choice_of(form: Form) -> Choice:
    """The proposals that a form names: ticked ones, those of its page, or all of a rule.

    Raises:
        WrongChoiceError: it names none, or is not as it was sent out.
    """
    scope = form.one("scope")
    if scope == "rule":
        return Choice.of_rule(_rule(form.one("rule")), _until(form.one("until")))
    ids = _ids(form.one("on_page").split() if scope == "page" else form.all("proposal"))
    if not ids:
        raise WrongChoiceError("No proposal is ticked, so there is nothing to act on.")
    return Choice.of_ids(*ids)


def fields_of(choice: Choice) -> list[tuple[str, str]]:
    """A choice as hidden fields of a form.

    What is left out of a rule's proposals is not named, since it may be thousands: `held_up` stands
    for it.
    """
    if choice.rule is None:
        return [("scope", "page"), ("on_page", " ".join(map(str, choice.ids)))]
    fields = [("scope", "rule"), ("rule", choice.rule)]
    if choice.until is not None:
        fields.append(("until", choice.until.isoformat()))
    if choice.besides:
        fields.append(("held_up", digest_of(choice.besides)))
    return fields


def _ids(texts: Iterable[str]) -> tuple[UUID, ...]:
    try:
        return tuple(UUID(text) for text in texts)
    except ValueError:
        raise WrongChoiceError(_DAMAGED) from None


def _rule(text: str) -> str:
    try:
        return _text(text)
    except ValueError:
        raise WrongChoiceError(_DAMAGED) from None


def _until(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return _instant(text)
    except ValueError:
        raise WrongChoiceError(_DAMAGED) from None
