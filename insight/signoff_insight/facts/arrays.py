"""Columns of rows as texts that Postgres reads as arrays: much faster than value by value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_QUOTED: Final = frozenset(
    {"first_reviewer_id", "first_cta", "held_at", "reviewer_id", "cta", "users"}
)
"""The columns whose texts may hold what means something in an array."""


def arrays(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Mapping[str, str]:
    """The columns of one or more rows, as parameters of a statement."""
    columns = zip(*rows, strict=True)
    return {name: _text(name, values) for name, values in zip(names, columns, strict=True)}


def array(name: str, values: Iterable[object]) -> Mapping[str, str]:
    """One column, as the parameter of a statement; it may be empty."""
    return {name: _text(name, values)}


def _text(name: str, values: Iterable[object]) -> str:
    form = _quoted if name in _QUOTED else str
    texts = ["NULL" if value is None else form(value) for value in values]
    return "{" + ",".join(texts) + "}"


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
