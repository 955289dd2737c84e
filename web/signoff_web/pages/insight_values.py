"""The single values of a report as pages show them: the first ones large, all of them in groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from signoff_ops.insight import Report
from signoff_schemas.wording import count
from signoff_web.charts import words

_TITLES: Final = {
    "parameters": "Parameters of the models (time in weeks)",
    "log_likelihood": "Log-likelihood of the models (higher fits better)",
    "totals": "What is expected",
    "backtest": "The same forecast, tested on what came",
    "frequent_and_silent": "In the test: frequent buyers who had been silent for long",
}
_NAMES: Final = {
    "customers": "Customers who had bought before",
    "repeat_buyers": "Of them on more than one day",
    "weeks": "Weeks of the forecast",
    "at": "From the end of",
    "until": "Until",
    "expected_active": "Customers who are still active",
    "expected_returning": "Customers who buy again",
    "expected_purchases": "Expected purchases",
    "expected_revenue_usd": "Expected revenue",
    "actual_purchases": "Actual purchases",
    "actual_revenue_usd": "Actual revenue",
    "bias": "Purchases expected in all",
    "mae": "Mean absolute error, purchases a customer",
    "rmse": "Root mean square error, purchases a customer",
    "r": "Correlation of expected and actual purchases (1 is perfect)",
    "revenue_bias": "Revenue expected in all",
    "revenue_mae": "Mean absolute error, USD a customer",
    "revenue_r": "Correlation of expected and actual revenue (1 is perfect)",
    "predicted_return": "Share expected to come back",
    "returned_share": "Share that came back",
    "mbg_nbd": "MBG/NBD (purchases)",
    "gamma_gamma": "Gamma-Gamma (amounts)",
}
_OF_AMOUNTS: Final = frozenset({"p", "q", "gamma"})
"""Parameters of Gamma-Gamma; the others are those of MBG/NBD."""
_EXPECTED: Final = frozenset({"expected_active", "expected_returning", "expected_purchases"})
"""Numbers of customers and purchases: fractions say nothing, but of a few."""
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
    until = f"in {count(totals['weeks'], 'week')}, until {words.day(totals['until'])}"
    revenue = totals["expected_revenue_usd"]
    return (
        Tile("Expected purchases", words.expected(totals["expected_purchases"]), until),
        Tile("Expected revenue", "not known" if revenue is None else words.usd(revenue), until),
        *(_tested(tested) if isinstance(tested, Mapping) else ()),
    )


def _tested(tested: Mapping[str, Any]) -> Iterator[Tile]:
    after = f"{count(tested['weeks'], 'week')} from {words.day(tested['at'])}"
    bias, revenue = _off("bias", tested["bias"]), _off("revenue_bias", tested["revenue_bias"])
    yield Tile("The same forecast before: purchases", bias, f"in all, {after}")
    yield Tile("The same forecast before: revenue", revenue, f"in all, {after}")
    missed = words.number(tested["mae"])
    yield Tile("The same forecast before: a customer", missed, "purchases off, on average")


def _off(key: str, bias: float | None) -> str:
    if bias is None:
        return "not known"
    return words.off(bias, *(("too many", "too few") if key == "bias" else ("too high", "too low")))


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
        if not isinstance(held, Mapping) and key not in _TITLES
    ]
    yield Group(_TITLES.get(name, _title(name)), plain)
    for key, held in values.items():
        if isinstance(held, Mapping):
            yield from _groups(key, held)


def _title(key: str) -> str:
    text = key.replace("_", " ")
    return text[:1].upper() + text[1:]


def _name(group: str, key: str) -> str:
    """What people read; the parameters of a model keep their names."""
    if group == "parameters":
        return f"{'Gamma-Gamma' if key in _OF_AMOUNTS else 'MBG/NBD'}: {key}"
    return _NAMES.get(key, _title(key.removesuffix("_usd")))


def _said(key: str, value: object) -> str:
    match value:
        case date():
            return words.day(value)
        case bool() | str() | None:
            return "not known" if value is None else str(value)
        case int() | float() | Decimal():
            return _number(key, value)
    return str(value)


def _number(key: str, value: float | Decimal) -> str:
    if key.endswith("_usd"):
        return words.usd(value)
    if key.endswith("bias"):
        return _off(key, float(value))
    if key.endswith(_SHARES):
        return words.percent(float(value))
    if key in _EXPECTED:
        return words.expected(float(value))
    if isinstance(value, int):
        return words.count(float(value))
    return words.number(value)
