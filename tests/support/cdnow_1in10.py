"""The reference sample of the forecasting literature (tests/data/README.md)."""

import csv
import gzip
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from signoff_insight.forecast.history import Customers
from signoff_insight.forecast.purchases import Outcome, Purchases, split

PATH: Final = Path(__file__).parents[1] / "data" / "cdnow_1in10.csv.gz"
CUTOFF: Final = date(1997, 9, 30)
WEEKS: Final = 39


@cache
def purchases() -> Purchases:
    """All purchases, those of one day still apart."""
    with gzip.open(PATH, "rt") as lines:
        rows = list(csv.DictReader(lines))
    return Purchases.of(
        [int(row["customer_id"]) for row in rows],
        [date.fromisoformat(row["date"]).toordinal() for row in rows],
        [float(row["dollars"]) for row in rows],
    )


@cache
def known_and_later() -> tuple[Customers, Outcome]:
    """What was known after 39 weeks, and what came in the 39 weeks after."""
    return split(purchases(), CUTOFF.toordinal(), WEEKS)
