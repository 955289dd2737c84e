"""The forecast of one customer base: both models, fitted to what was known at a cutoff."""

from dataclasses import dataclass
from typing import Final

from signoff_insight.forecast.errors import HistoryError, TooFewCustomersError
from signoff_insight.forecast.gamma_gamma import SpendModel, fit_spend
from signoff_insight.forecast.history import Customers, Floats, History, Spends
from signoff_insight.forecast.mbg_nbd import PurchaseModel, fit_purchases

MIN_REPEAT_BUYERS: Final = 20
"""Customers with purchases on two days or more, below which four parameters are mere chance."""


@dataclass(frozen=True, slots=True)
class Model:
    """What was fitted, to how many customers, and how likely it makes their histories."""

    purchases: PurchaseModel
    spend: SpendModel | None
    """None where fewer than 20 customers spent anything after their first day."""
    customers: int
    repeat_buyers: int
    spenders: int
    log_likelihood: float
    """Of the purchases."""
    log_likelihood_of_spend: float | None

    @property
    def parameters(self) -> dict[str, float]:
        """r, alpha (weeks), a and b; p, q and gamma (money) where the spend is known too."""
        mine = self.purchases
        found = {"r": mine.r, "alpha": mine.alpha, "a": mine.a, "b": mine.b}
        if self.spend is not None:
            found |= {"p": self.spend.p, "q": self.spend.q, "gamma": self.spend.gamma}
        return found

    @property
    def at_border(self) -> tuple[str, ...]:
        """Parameters of which the data tell only that they are very small or very large."""
        return self.purchases.at_border + (() if self.spend is None else self.spend.at_border)

    def predict(self, customers: Customers, horizon: float) -> "Prediction":
        """What each customer is expected to do in the next `horizon` weeks.

        Raises:
            HistoryError: The horizon is not above 0.
        """
        if not 0 < horizon < float("inf"):
            raise HistoryError(f"A forecast looks some weeks ahead, more than 0, not {horizon}.")
        x, t_x, age = customers.x, customers.t_x, customers.age
        purchases = self.purchases.expected_purchases(x, t_x, age, horizon)
        spend = self.spend
        return Prediction(
            active=self.purchases.probability_active(x, t_x, age),
            returns=self.purchases.probability_of_return(x, t_x, age, horizon),
            purchases=purchases,
            revenue=None if spend is None else purchases * spend.expected_spend(x, customers.spend),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Parallel arrays, one entry a customer."""

    active: Floats
    """P(has not left by the cutoff)."""
    returns: Floats
    """P(buys at least once within the horizon)."""
    purchases: Floats
    """Expected days with a purchase within the horizon."""
    revenue: Floats | None
    """Expected amount of these days; None where the model knows no spend."""


def fit(history: History, spends: Spends) -> Model:
    """The most likely parameters; equal data give equal parameters, in whatever order they come.

    Raises:
        TooFewCustomersError: Fewer than 20 customers bought on two days or more.
        NoMaximumError: The data fit no model of this kind.
    """
    if history.repeat_buyers < MIN_REPEAT_BUYERS:
        raise TooFewCustomersError(
            f"A forecast needs {MIN_REPEAT_BUYERS} customers who bought on two days or more; "
            f"there are {history.repeat_buyers} among {history.total}. Choose a later date, or "
            "wait for more purchases."
        )
    purchases = fit_purchases(history)
    spend = fit_spend(spends) if spends.total >= MIN_REPEAT_BUYERS else None
    return Model(
        purchases=purchases,
        spend=spend,
        customers=history.total,
        repeat_buyers=history.repeat_buyers,
        spenders=spends.total,
        log_likelihood=purchases.log_likelihood(history),
        log_likelihood_of_spend=None if spend is None else spend.log_likelihood(spends),
    )


def fit_customers(customers: Customers) -> Model:
    """The same from one entry a customer.

    Raises:
        TooFewCustomersError: Fewer than 20 customers bought on two days or more.
        NoMaximumError: The data fit no model of this kind.
    """
    return fit(customers.history(), customers.spends())
