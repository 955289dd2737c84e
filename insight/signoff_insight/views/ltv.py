"""What customers are worth: purchases by cohort and age, and beside it the folded LTV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.views.cohort_ages import Cohort, cohorts_of, filters, notes_of
from signoff_insight.views.reading import read

NAME: Final = "ltv"
TITLE: Final = "LTV"
DEFINITION: Final = (
    "What the customers who bought for the first time in a month had spent in purchases when one"
    " month was over for each of them, two months, and so on, divided by how many they are; only"
    " months that all of them were observed through, since amounts grow until a month is over."
)
_TWO_NUMBERS: Final = (
    "A purchase is an event with an amount after which its interaction is CUSTOMER. The folded LTV"
    " is the balance that the table customers holds: it also counts amounts outside of purchases,"
    " and balances from before the ledger. They are two numbers."
)
_CENT: Final = Decimal("0.01")
_COHORTS: Final = (
    Column("cohort", "First purchase in", Unit.MONTH),
    Column("customers", "Customers"),
    Column("purchases_usd", "Purchases until now", Unit.USD),
    Column("folded_ltv_usd", "Folded LTV", Unit.USD),
    Column("purchases_usd_per_customer", "Purchases a customer", Unit.USD),
    Column("folded_ltv_usd_per_customer", "Folded LTV a customer", Unit.USD),
)
_CELLS: Final = (
    Column("cohort", "First purchase in", Unit.MONTH),
    Column("age_months", "Age (0 is the first month)"),
    Column("customers", "Customers"),
    Column("spent_usd", "Spent by then", Unit.USD),
    Column("spent_per_customer", "Spent a customer", Unit.USD),
)


@dataclass(frozen=True, slots=True)
class _Total:
    """A row of `ltv.sql`."""

    month: date
    customers: int
    purchases_usd: Decimal
    folded_ltv_usd: Decimal


def ltv(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """What the cohorts spent by age, and in all."""
    totals = read(connection, NAME, filters(asked, reach), _Total)
    found = cohorts_of(connection, asked, reach)
    cells = tuple(cell for one in found for cell in _cells(one, reach))
    return Report(
        NAME,
        TITLE,
        DEFINITION,
        asked,
        reach,
        (
            Table("cells", "Spent by age", _CELLS, cells),
            Table("cohorts", "In all", _COHORTS, tuple(_total(total) for total in totals)),
        ),
        notes=(*notes_of(found, reach), _TWO_NUMBERS),
    )


def _total(total: _Total) -> tuple[Value, ...]:
    return (
        total.month,
        total.customers,
        total.purchases_usd,
        total.folded_ltv_usd,
        _each(total.purchases_usd, total.customers),
        _each(total.folded_ltv_usd, total.customers),
    )


def _cells(cohort: Cohort, reach: Reach) -> Iterator[tuple[Value, ...]]:
    spent = Decimal(0)
    for age in cohort.observed_ages(reach):
        spent += cohort.spent_usd.get(age, Decimal(0))
        yield cohort.month, age, cohort.customers, spent, _each(spent, cohort.customers)


def _each(amount: Decimal, customers: int) -> Decimal:
    return (amount / customers).quantize(_CENT)
