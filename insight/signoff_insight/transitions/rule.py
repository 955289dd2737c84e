"""One rule of transitions: its thresholds, and what it does with the customers that meet them."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from signoff_schemas import CustomerStatus

GIVEN_UP: Final = frozenset({"CHURNED", "LEAD_EXHAUSTED"})
"""The statuses of customers who are not expected to buy."""
_USD: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")

Mode = Literal["propose", "automatic"]


def _usd(value: object) -> object:
    """An amount as text, as in events: floats are not exact."""
    if not isinstance(value, str) or not _USD.fullmatch(value):
        raise ValueError(
            'must be an amount as text with at most 2 decimal places, such as "500.00"'
        )
    return Decimal(value)


Days = Annotated[int, Field(ge=0, le=36_500)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Usd = Annotated[Decimal, BeforeValidator(_usd)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class When(Part):
    """The thresholds of a rule. All that are given must hold; both ends are within.

    A day is 24 hours here, and only whole ones count.
    """

    min_silent_days: Days | None = None
    """Days since the customer's last approval."""
    max_silent_days: Days | None = None
    min_days_in_status: Days | None = None
    """Days since the customer got its status; never holds if that is not known."""
    min_approvals: Count | None = None
    """Approvals of the customer in all."""
    max_approvals: Count | None = None
    min_approvals_in_status: Count | None = None
    """Approvals after the event that gave the status."""
    min_ctas: Count | None = None
    """Approvals with a CTA."""
    max_ctas: Count | None = None
    min_purchase_days: Count | None = None
    """Days with a purchase."""
    max_purchase_days: Count | None = None
    min_return_probability: Share | None = None
    """P(buys within `returned_within_weeks`), as the scorer estimates it; never holds where it
    gives none."""
    max_return_probability: Share | None = None
    min_ltv_usd: Usd | None = None
    """The customer's folded LTV."""
    max_ltv_usd: Usd | None = None

    @property
    def given(self) -> Mapping[str, int | float | Decimal]:
        """The thresholds that are given, by name."""
        return {name: held for name, held in self if held is not None}

    @property
    def asks_scorer(self) -> bool:
        """Whether it needs P(return)."""
        return not (self.min_return_probability is None and self.max_return_probability is None)


class Rule(Part):
    """One rule: which customers it takes from which statuses to another."""

    name: Slug
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    """To be raised with any change of the rule."""
    from_statuses: Annotated[tuple[CustomerStatus, ...], Field(min_length=1, strict=False)] = Field(
        alias="from"
    )
    to_status: CustomerStatus = Field(alias="to")
    mode: Mode = "propose"
    cap: Annotated[int, Field(ge=1, le=100_000)]
    """The most customers that a run proposes, or decides about."""
    hold_days: Days
    """For so long nothing is proposed about a customer to whom a person gave a status."""
    max_wrong: Share
    """The share of its picks that may turn out wrong in a backtest that passes."""
    when: When

    @property
    def decided_by(self) -> str:
        """What its decisions are signed with: `rule:churn-silence@1`."""
        return f"rule:{self.name}@{self.version}"

    @property
    def gives_up(self) -> bool:
        """Whether it takes customers to CHURNED or LEAD_EXHAUSTED: wrong if they buy later."""
        return self.to_status in GIVEN_UP
