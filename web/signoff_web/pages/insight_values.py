"""The single values of a report, in groups, as pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signoff_ops.insight import Report
from signoff_web.charts import words


@dataclass(frozen=True, slots=True)
class Group:
    """Values that belong together."""

    title: str
    values: Sequence[tuple[str, str]]


def values_of(report: Report) -> Sequence[Group]:
    """The figures of a report; those that stand alone are one group, the last."""
    groups = [
        Group(_name(name), [(_name(key), _said(key, held)) for key, held in value.items()])
        for name, value in report.figures.items()
        if isinstance(value, Mapping)
    ]
    alone = [
        (_name(name), _said(name, value))
        for name, value in report.figures.items()
        if not isinstance(value, Mapping)
    ]
    return [*groups, *([Group("Besides", alone)] if alone else [])]


def _name(key: str) -> str:
    text = key.replace("_", " ").removesuffix(" usd")
    return text if len(text) == 1 or text.isupper() else text[:1].upper() + text[1:]


def _said(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "not known" if value is None else str(value)
    if key.endswith("_usd"):
        return words.usd(value)
    if isinstance(value, int):
        return words.count(value)
    return words.percent(float(value)) if key.endswith(("bias", "share")) else words.number(value)
