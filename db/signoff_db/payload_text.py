"""A dead letter's payload as text, to read and to edit.

Numbers that are not edited keep all their digits. A float would change some of them, and an amount
that the contract refuses could become a valid one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from json.decoder import JSONDecoder
from typing import Any, Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')
"""The tokens of a text that is known to be JSON."""
_POSITIONS: Final = JSONDecoder(parse_int=float)  # int() raises on a very long number
_INDENT: Final = "  "
_USUAL_DIGITS: Final = 100
"""The most digits of a number; Python's int() is slow for more, and refuses thousands."""


def fields_of(payload: bytes) -> dict[str, Any] | None:
    """The fields of a JSON object, with exact numbers; None if the payload is not one."""
    try:
        fields = json.loads(payload, parse_float=Decimal, parse_int=_exact)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def readable(payload: bytes) -> str:
    """The payload as text: indented if it is JSON; bytes that are not text are escaped."""
    return "".join(_readable_parts(payload))


def line_of(text: str, path: str) -> int | None:
    """The line of a JSON object, counted from 1, in which a field stands; None if it is nowhere.

    `path` names the field as errors do: `quality_score`, `final_bubbles[2]`.
    """
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    try:
        places = {member: place for member, place, _ in _placed_members(text)}
    except (ValueError, IndexError, RecursionError):
        return None
    if name not in places:
        return None
    place = places[name]
    item = re.match(r"\[(\d{1,5})\]", path[len(name) :])
    if item:
        place = _place_of_item(text, place, int(item[1]))
    return text.count("\n", 0, place) + 1


def readable_beginning(payload: bytes, most: int) -> tuple[str, bool]:
    """The first `most` characters of `readable`, and whether these are all; no more is made."""
    parts: list[str] = []
    length = 0
    for part in _readable_parts(payload):
        parts.append(part)
        length += len(part)
        if length > most:
            return "".join(parts)[:most], False
    return "".join(parts), True


def with_fields(payload: bytes, values: Mapping[str, str]) -> bytes | None:
    """The event with some fields set to the given JSON texts; None if it is not a JSON object.

    The other fields keep their text.
    """
    if fields_of(payload) is None:
        return None
    # If a name occurs twice, readers of JSON use the last one, and so does a dict.
    members = {**dict(_members(payload.decode())), **values}
    return ("{" + ", ".join(f"{_string(n)}: {v}" for n, v in members.items()) + "}").encode()


def json_or_text(text: str) -> str:
    """A value that a person typed, as JSON text: unchanged if it is JSON, else as a string."""
    try:
        json.loads(text, parse_int=float, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _string(text)
    return text.strip()


def _exact(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _USUAL_DIGITS else Decimal(digits)


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads, but which are not JSON."""
    raise ValueError(name)


def _string(text: str) -> str:
    """The text as a JSON string; halves of surrogate pairs are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if _is_unicode(quoted) else json.dumps(text)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def members_of(payload: bytes) -> dict[str, str] | None:
    """The texts of a JSON object's values, by their names; None if the payload is not one."""
    return None if fields_of(payload) is None else dict(_members(payload.decode()))


def _readable_parts(payload: bytes) -> Iterator[str]:
    try:
        text = payload.decode()
        json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        yield payload.decode("utf-8", "backslashreplace")
        return
    yield from _indented(found[0] for found in _TOKEN.finditer(text))


def _members(text: str) -> Iterator[tuple[str, str]]:
    """The names and the values' texts of an object that is known to be JSON."""
    return ((name, value) for name, _, value in _placed_members(text))


def _place_of_item(text: str, start: int, number: int) -> int:
    """The position of an item of a list that begins at `start`; of the list if it has none."""
    if text[start] != "[":
        return start
    position = _skipped(text, start + 1)
    for _ in range(number):
        if text[position] == "]":
            return start
        _, end = _POSITIONS.raw_decode(text, position)
        position = _skipped(text, end)
        if text[position] == ",":
            position = _skipped(text, position + 1)
    return position


def _placed_members(text: str) -> Iterator[tuple[str, int, str]]:
    """The names, the values' positions and their texts."""
    position = _after(text, 0, "{")
    while text[position] != "}":
        name, end = _POSITIONS.raw_decode(text, position)
        start = _after(text, end, ":")
        _, end = _POSITIONS.raw_decode(text, start)
        yield name, start, text[start:end]
        position = _skipped(text, end)
        if text[position] == ",":
            position = _skipped(text, position + 1)


def _after(text: str, start: int, mark: str) -> int:
    """The position of what follows the next `mark`, with blanks skipped."""
    return _skipped(text, text.index(mark, start) + 1)


def _skipped(text: str, position: int) -> int:
    while text[position].isspace():
        position += 1
    return position


def _indented(tokens: Iterable[str]) -> Iterator[str]:
    depth = 0
    before = ""
    for token in tokens:
        if token in {"}", "]"}:
            depth -= 1
            if before not in {"{", "["}:
                yield "\n" + depth * _INDENT
        elif before in {"{", "[", ","}:
            yield "\n" + depth * _INDENT
        yield _readable_token(token)
        depth += token in {"{", "["}
        before = token


def _readable_token(token: str) -> str:
    if token.startswith('"'):
        return _string(json.loads(token))
    return token.replace(":", ": ")
