"""The figures of a forecast as its page shows them: each with a label, a unit and a direction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from insight_reports import report

from signoff_web.pages.insight_values import tiles_of, values_of

FIGURES: Mapping[str, object] = {
    "at": date(2026, 3, 1),
    "unit": "weeks",
    "parameters": {"r": 0.55, "gamma": 31.2},
    "log_likelihood": {"mbg_nbd": -120.5, "gamma_gamma": None},
    "totals": {
        "customers": 1200,
        "weeks": 39,
        "until": date(2026, 11, 29),
        "expected_active": 411.7,
        "expected_purchases": 1234.4,
        "expected_revenue_usd": 4200.5,
    },
    "backtest": {
        "at": date(2025, 6, 1),
        "weeks": 39,
        "bias": -0.261,
        "revenue_bias": 0.04,
        "mae": 0.62,
        "frequent_and_silent": {"customers": 31, "predicted_return": 0.2, "returned_share": 0.5},
    },
}
FORECAST = replace(report("forecast"), figures=FIGURES)


def test_an_error_says_to_which_side() -> None:
    """In words; a number in brackets would not."""
    shown = {tile.name: tile.value for tile in tiles_of(FORECAST)}
    assert shown["The same forecast before: purchases"] == "26.1 % too few"
    assert shown["The same forecast before: revenue"] == "4.0 % too high"


def test_a_small_group_is_not_expected_to_spend_without_a_purchase() -> None:
    """Beside an amount stands a number of purchases that is not 0."""
    totals = {"weeks": 1, "until": date(2026, 3, 8), "expected_purchases": 0.31}
    totals |= {"expected_active": 1.04, "expected_revenue_usd": 20.96}
    small = replace(FORECAST, figures={"totals": totals})
    shown = {tile.name: (tile.value, tile.note) for tile in tiles_of(small)}
    assert shown["Expected purchases"] == ("0.3", "in 1 week, until 8 Mar 2026")
    (group,) = values_of(small)
    assert dict(group.values)["Customers who are still active"] == "1.0"


def test_a_group_that_is_not_known_is_left_out() -> None:
    """Such as that of frequent buyers, where too few were silent."""
    tested = {"bias": 0.1, "frequent_and_silent": None}
    (group,) = values_of(replace(FORECAST, figures={"backtest": tested}))
    assert group.values == [("Purchases expected in all", "10.0 % too many")]


def test_every_figure_has_a_label_and_a_unit() -> None:
    """No name of a program is left, and the models are called by their names."""
    groups = {group.title: dict(group.values) for group in values_of(FORECAST)}
    assert groups["What is expected"] == {
        "Customers who had bought before": "1,200",
        "Weeks of the forecast": "39",
        "Until": "29 Nov 2026",
        "Customers who are still active": "412",
        "Expected purchases": "1,234",
        "Expected revenue": "4,200.50 USD",
    }
    tested = groups["The same forecast, tested on what came"]
    assert tested["Purchases expected in all"] == "26.1 % too few"
    assert tested["Mean absolute error, purchases a customer"] == "0.620"
    weakness = groups["In the test: frequent buyers who had been silent for long"]
    assert weakness["Share that came back"] == "50.0 %"
    assert groups["Parameters of the models (time in weeks)"] == {
        "MBG/NBD: r": "0.550",
        "Gamma-Gamma: gamma": "31.20",
    }
    fit = groups["Log-likelihood of the models (higher fits better)"]
    assert list(fit) == ["MBG/NBD (purchases)", "Gamma-Gamma (amounts)"]
    assert not [title for title in groups if "_" in title or ":" in title[:9]]
