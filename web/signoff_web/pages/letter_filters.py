"""Which dead letters a page shows, by the filters of its URL; and on which ones a form acts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from signoff_ops.ages import age_of
from signoff_ops.values import LONGEST_TEXT, Selection
from signoff_schemas import DeadLetterState, FailureKind
from signoff_schemas.kinds import EventType

Value = TypeVar("Value")
_LONGEST: Final = 1000
_LARGEST_ID: Final = 2**63 - 1
_MOST_DIGITS: Final = 19
_MANY: Final = {"kind": "kinds", "state": "states", "id": "ids"}
"""Fields of which several may be given, and what the selection calls them."""
_ONE: Final = (
    *("fingerprint", "event_type", "event_id", "job_id", "user_id", "interaction_id"),
    *("since", "until", "text", "up_to_id"),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as text; and the letters that it selects, if all of it is valid."""

    texts: Mapping[str, str]
    kinds: tuple[str, ...]
    states: tuple[str, ...]
    ids: tuple[str, ...]
    selection: Selection
    errors: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by field; then the selection means nothing."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The filters as they stand in the URL."""
        many = (("kind", self.kinds), ("state", self.states), ("id", self.ids))
        return [
            *((name, text) for name, texts in many for text in texts),
            *self.texts.items(),
        ]

    def url(self, path: str, **more: object) -> str:
        """The address of a page with these filters."""
        given = [*self.pairs, *((name, str(one)) for name, one in more.items() if one is not None)]
        return f"{path}?{urlencode(given)}" if given else path

    @property
    def said(self) -> str:
        """The filters in words, for what a page says it looked at."""
        text = self.texts.get("text")
        return self.said_of_columns + (f", for the text {text!r}" if text else "")

    @property
    def said_of_columns(self) -> str:
        """The same without the text that is looked for."""
        states = " and ".join("open" if one == "dead" else one for one in self.states) or "open"
        kinds = " or ".join(self.kinds)
        parts = [
            f"{name.replace('_', ' ')} {text}"
            for name, text in self.texts.items()
            if name != "text"
        ]
        wanted = ", ".join([*([f"kind {kinds}"] if kinds else []), *parts])
        return f"all {states} dead letters{' with ' + wanted if wanted else ''}"


def filters_of(pairs: Iterable[tuple[str, str]], *, typed: bool = True) -> Filters:
    """The filters of a URL or a form; fields that are left empty are no condition.

    Blanks around what was `typed` are no part of it, but for a text that is looked for.
    """
    many: dict[str, list[str]] = {name: [] for name in _MANY}
    texts: dict[str, str] = {}
    for name, value in pairs:
        if name in many and value:
            many[name].append(value)
        elif name in _ONE and value.strip():
            texts.setdefault(name, value.strip() if typed and name != "text" else value)
    errors: dict[str, str] = {}
    given: dict[str, Any] = {}
    for name, read in _READ.items():
        values = many[name] if name in many else [texts[name]] if name in texts else []
        try:
            found = tuple(map(read, values))
        except ValueError as error:
            errors[name] = str(error)
            continue
        if found:
            given[_MANY.get(name, name)] = found if name in _MANY else found[0]
    return Filters(
        texts,
        tuple(many["kind"]),
        tuple(many["state"]),
        tuple(many["id"]),
        Selection(**given),
        errors,
    )


def fixed(selection: Selection) -> list[tuple[str, str]]:
    """A selection as hidden fields of a form: times are instants, so that it stays the same."""
    return list(_fixed(selection))


def _fixed(selection: Selection) -> Iterator[tuple[str, str]]:
    for name, attribute in _MANY.items():
        yield from ((name, str(value)) for value in getattr(selection, attribute))
    for name in _ONE:
        value = getattr(selection, name)
        if value is not None:
            yield name, value.isoformat() if isinstance(value, datetime) else str(value)


def _one_of(allowed: Callable[[str], Value], names: Iterable[str], text: str) -> Value:
    try:
        return allowed(text)
    except ValueError:
        raise ValueError(f"is one of {', '.join(names)}") from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("is a UUID, such as 6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11") from None


def _text(most: int, text: str) -> str:
    if len(text) > most or "\0" in text:
        raise ValueError(f"has at most {most:,} characters, and no NUL")
    return text


def _moment(text: str) -> datetime:
    """An age before now, or an instant; without an offset it is UTC."""
    try:
        if (age := age_of(text)) is not None:
            return datetime.now(UTC) - age
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "is an age such as 30m, 2h, 3d, or a time such as 2026-01-31T10:00 (UTC)"
        ) from None


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_number or not 1 <= int(text) <= _LARGEST_ID:
        raise ValueError("is the number of a letter")
    return int(text)


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "kind": partial(_one_of, FailureKind, FailureKind),
    "state": partial(_one_of, DeadLetterState, DeadLetterState),
    "id": _number,
    "fingerprint": partial(_text, _LONGEST),
    "event_type": partial(_one_of, EventType, EventType),
    "event_id": _uuid,
    "job_id": partial(_text, _LONGEST),
    "user_id": partial(_text, _LONGEST),
    "interaction_id": _uuid,
    "since": _moment,
    "until": _moment,
    "text": partial(_text, LONGEST_TEXT),
    "up_to_id": _number,
}
