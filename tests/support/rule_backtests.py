"""Backtests of a rule, for what shows them."""

from datetime import date
from decimal import Decimal

from signoff_ops.transition_rules import Backtest, Band, Basis


def band(name: str, customers: int, predicted: float | None, share: float) -> Band:
    """A band of a backtest."""
    return Band(
        name,
        customers,
        round(customers * share),
        Decimal(10),
        predicted,
        share,
        None if predicted is None else predicted - share,
        customers >= 30,
    )


def backtest(*bands: Band) -> Backtest:
    """A backtest with these bands."""
    return Backtest(
        rule="churn-silence",
        version=1,
        from_statuses=("CUSTOMER",),
        to_status="CHURNED",
        at=date(2026, 1, 31),
        basis=Basis.OCCURRED,
        weeks=26,
        observed_until=date(2026, 11, 1),
        customers=400,
        picked=sum(one.customers for one in bands),
        wrong=sum(one.returned for one in bands),
        wrong_if="returned",
        precision=0.9,
        recall=0.5,
        cost_usd=Decimal(20),
        cost_per_pick_usd=Decimal("0.10"),
        max_wrong=0.1,
        bands=bands,
        scorer="mbg_nbd",
        why_no_prediction=None,
        why_not=(),
        notes=(),
    )
