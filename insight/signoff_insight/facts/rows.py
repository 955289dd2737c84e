"""The rows of the tables of facts; the comments of the tables say what each column means.

Instants and days are texts, as Postgres writes them in UTC, in the years 1 to 9999: so the earlier
one is the lesser text.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

to_row: Final = tuple.__new__
"""Makes a row (a class, and its values in order) in half the time that the class itself takes."""


@dataclass(slots=True)
class Facts:
    """What customer_facts holds of the events of a customer."""

    first_event_at: str
    last_event_at: str
    approvals: int = 0
    first_status_at: str | None = None
    first_approval_at: str | None = None
    first_reviewer_id: str | None = None
    first_tags: int = 0
    first_cta: str | None = None
    prospect_at: str | None = None
    qualified_at: str | None = None
    customer_at: str | None = None
    churned_at: str | None = None
    lost_as_prospect_at: str | None = None
    lost_as_lead_at: str | None = None
    first_purchase_on: str | None = None
    last_purchase_on: str | None = None
    purchase_days: int = 0
    purchases: int = 0
    spent_usd: Decimal = Decimal("0.00")


class Purchases(NamedTuple):
    """The purchases of one day: a row of customer_purchases."""

    purchased_on: str
    cohort: str
    age_months: int
    is_first_of_month: bool
    purchases: int
    spent_usd: Decimal


class Spell(NamedTuple):
    """A time in one status: a row of customer_spells."""

    place: int
    customer_status: str
    began_at: str | None
    ended_at: str | None
    next_status: str | None
    same_before: str | None
    first_tags: int


class Exposure(NamedTuple):
    """An approval that showed a customer something new: a row of customer_exposures."""

    place: int
    exposed_at: str
    month: str
    tags: int
    customer_status: str
    is_first: bool
    converted_after: int | None
    reviewer_id: str | None
    cta: str | None
    first_tags: int
