"""The single values of a report as pages show them: the first ones large, all of them in groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signoff_ops.insight import Report
from signoff_web.charts import words

_NAMES: Final = {
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
    "r": "Correlation",
    "revenue_mae": "Mean absolute error of revenue (USD)",
    "revenue_r": "Correlation of revenue",
    "mbg_nbd": "MBG/NBD",
    "gamma_gamma": "Gamma-Gamma",
}
_SHARES: Final = ("share", "return")


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is shown large."""

    name: str
    value: str
    note: str
    path: str = ""
    """The page to which it leads."""


@dataclass(frozen=True, slots=True)
class Group:
    """Values that belong together."""

    title: str
    values: Sequence[tuple[str, str]]


def tiles_of(report: Report) -> Sequence[Tile]:
    """What a forecast expects, beside the error that the same forecast had before."""
    totals, tested = report.figures.get("totals"), report.figures.get("backtest")
    if not isinstance(totals, Mapping):
        return ()
    until = f"in {totals['weeks']} weeks, until {words.day(totals['until'])}"
    revenue = totals["expected_revenue_usd"]
    return (
        Tile("Expected purchases", words.count(totals["expected_purchases"]), until),
        Tile("Expected revenue", "not known" if revenue is None else words.usd(revenue), until),
        *(_tested(tested) if isinstance(tested, Mapping) else ()),
    )


def _tested(tested: Mapping[str, Any]) -> Iterator[Tile]:
    after = f"{tested['weeks']} weeks from {words.day(tested['at'])}"
    yield Tile("Its own error before: purchases", _off(tested["bias"]), f"in all, {after}")
    yield Tile("Its own error before: revenue", _off(tested["revenue_bias"]), f"in all, {after}")
    missed = words.number(tested["mae"])
    yield Tile("Its own error before: a customer", missed, "purchases, on average")


def _off(bias: float | None) -> str:
    return "not known" if bias is None else words.change(bias)


def values_of(report: Report) -> Sequence[Group]:
    """The figures of a report that are grouped; a group in a group stands after it."""
    return [
        group
        for name, value in report.figures.items()
        if isinstance(value, Mapping)
        for group in _groups(name, value)
    ]


def _groups(name: str, values: Mapping[str, object]) -> Iterator[Group]:
    plain = [
        (_name(name, key), _said(key, held))
        for key, held in values.items()
        if not isinstance(held, Mapping)
    ]
    yield Group(_title(name), plain)
    for key, held in values.items():
        if isinstance(held, Mapping):
            yield from _groups(f"{name}: {key}", held)


def _title(key: str) -> str:
    text = key.replace("_", " ")
    return text[:1].upper() + text[1:]


def _name(group: str, key: str) -> str:
    """What people read; the parameters of a model keep their names."""
    return key if group == "parameters" else _NAMES.get(key, _title(key.removesuffix("_usd")))


def _said(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "not known" if value is None else str(value)
    if key.endswith("_usd"):
        return words.usd(value)
    if key.endswith("bias"):
        return words.change(float(value))
    if key.endswith(_SHARES):
        return words.percent(float(value))
    return words.count(value) if isinstance(value, int) else words.number(value)
