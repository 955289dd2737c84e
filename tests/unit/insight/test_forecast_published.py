"""The forecast gives what the literature publishes for its reference sample."""

from itertools import pairwise

import cdnow_1in10
import pytest

from signoff_insight.forecast.backtest import backtest
from signoff_insight.forecast.mbg_nbd import PurchaseModel
from signoff_insight.forecast.model import Model, fit_customers


@pytest.fixture(scope="module")
def model() -> Model:
    """Fitted to the first 39 weeks."""
    return fit_customers(cdnow_1in10.known_and_later()[0])


def test_the_sample_is_the_published_one() -> None:
    """2,357 customers, of whom 946 came back within 39 weeks and spent 35.08 on average."""
    known, later = cdnow_1in10.known_and_later()

    assert (len(known), int((known.x > 0).sum())) == (2357, 946)
    came_back = known.x > 0
    assert (known.spend[came_back] / known.x[came_back]).mean() == pytest.approx(35.08, abs=0.005)
    assert int(later.purchases.sum()) == 1882


def test_the_parameters_of_purchases_are_the_published_ones(model: Model) -> None:
    """MBG/NBD: r .525, alpha 6.183, a .891, b 1.614, with a log-likelihood of -9582.1."""
    expected = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}

    assert model.parameters == {**model.parameters, **approximately(expected, 0.0005)}
    assert model.log_likelihood == pytest.approx(-9582.1, abs=0.05)
    assert (model.customers, model.repeat_buyers, model.at_border) == (2357, 946, ())


def test_the_parameters_of_spend_are_the_published_ones(model: Model) -> None:
    """Gamma-Gamma: p 6.25, q 3.74, gamma 15.44; the third places are this implementation's."""
    assert model.parameters == {
        **model.parameters,
        **approximately({"p": 6.25, "q": 3.74, "gamma": 15.44}, 0.005),
        **approximately({"p": 6.250, "q": 3.744, "gamma": 15.444}, 0.0005),
    }
    assert model.log_likelihood_of_spend == pytest.approx(-4055.918, abs=0.0005)
    assert model.spenders == 946


def test_no_parameters_near_are_more_likely(model: Model) -> None:
    """A step of a thousandth in any direction makes the histories less likely."""
    known, _ = cdnow_1in10.known_and_later()
    history = known.history()
    best = model.purchases

    for name in ("r", "alpha", "a", "b"):
        for factor in (0.999, 1.001):
            values = {"r": best.r, "alpha": best.alpha, "a": best.a, "b": best.b}
            values[name] *= factor
            assert PurchaseModel(**values).log_likelihood(history) < model.log_likelihood


def test_the_holdout_is_no_worse_than_measured_elsewhere() -> None:
    """39 weeks ahead: MAE .765, RMSE 1.607, r .627, bias -16 %."""
    result = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS)

    assert result.purchases.mae == pytest.approx(0.765, abs=0.0005)
    assert result.purchases.rmse == pytest.approx(1.607, abs=0.0005)
    assert result.purchases.correlation == pytest.approx(0.627, abs=0.0005)
    assert result.purchases.bias == pytest.approx(-0.162, abs=0.0005)
    assert result.purchases.actual == 1882
    assert result.revenue is not None
    assert result.revenue.mae == pytest.approx(29.71, abs=0.005)
    assert result.revenue.correlation == pytest.approx(0.567, abs=0.0005)
    assert result.revenue.bias == pytest.approx(-0.195, abs=0.0005)


def test_the_weeks_add_up_to_the_holdout() -> None:
    """Expected and actual purchases up to the end of each week."""
    result = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS)

    assert [one.week for one in result.weeks] == list(range(1, 40))
    assert result.weeks[-1].actual == 1882
    assert result.weeks[-1].predicted == pytest.approx(result.purchases.predicted)
    for one, following in pairwise(result.weeks):
        assert 0 < one.predicted < following.predicted
        assert one.actual < following.actual


def test_the_known_weakness_is_shown() -> None:
    """Frequent buyers who are silent for half a year: 3 % were expected back, 35 % came."""
    weakness = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS).frequent_and_silent

    assert weakness is not None
    assert (weakness.name, weakness.customers) == ("x 3+, silent 26+ weeks", 17)
    assert weakness.predicted_return == pytest.approx(0.026, abs=0.0005)
    assert weakness.actual_return == pytest.approx(6 / 17)


def test_calibration_shows_each_customer_once() -> None:
    """The bands of frequency, of silence, and of both each hold everybody."""
    result = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS)

    for bands in (result.by_frequency, result.by_silence, result.by_both):
        assert sum(band.customers for band in bands) == 2357
        expected = sum(band.customers * band.predicted_purchases for band in bands)
        assert expected == pytest.approx(result.purchases.predicted)
        actual = sum(band.customers * band.actual_purchases for band in bands)
        assert actual == pytest.approx(1882)


def test_calibration_by_frequency() -> None:
    """Customers with x days, the share that was expected back, and the share that came."""
    result = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS)

    assert [
        (band.name, band.customers, round(band.predicted_return, 3), round(band.actual_return, 3))
        for band in result.by_frequency
    ] == [
        ("x 0", 1411, 0.125, 0.137),
        ("x 1", 439, 0.286, 0.358),
        ("x 2", 214, 0.427, 0.584),
        ("x 3", 100, 0.488, 0.59),
        ("x 4-6", 129, 0.6, 0.729),
        ("x 7+", 64, 0.712, 0.875),
    ]


def approximately(values: dict[str, float], within: float) -> dict[str, object]:
    """The same, each to a tolerance."""
    return {name: pytest.approx(value, abs=within) for name, value in values.items()}
