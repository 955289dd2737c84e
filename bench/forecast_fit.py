"""How long the forecast's model of so many customers takes, and how much memory; as JSON.

    python bench/forecast_fit.py [CUSTOMERS]

The customers are made as the model says: each buys at a rate of its own, and may leave after each
purchase. The memory is that at the fit's peak, with the customers, beyond that of the imports.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from signoff_insight.forecast.history import Customers
from signoff_insight.forecast.model import fit_customers

_OBSERVED = 546
"""Days, from the first first purchase on."""


def main(count: int = 1_000_000) -> None:
    """Measure once."""
    before = _megabytes("VmRSS")
    customers = _customers(count)
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
    start = time.perf_counter()
    fit_customers(customers)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "megabytes": _megabytes("VmHWM") - before}))


def _customers(count: int) -> Customers:
    """Seeded: the same each time."""
    chance = np.random.default_rng(15)
    age = chance.integers(1, _OBSERVED, count)
    rate = chance.gamma(0.525, 1 / 6.183 / 7, count)
    leaving = chance.beta(0.891, 1.614, count)
    x, t_x = np.zeros(count, np.int64), np.zeros(count, np.int64)
    at = np.zeros(count)
    buying = chance.random(count) >= leaving
    while buying.any():
        who = np.flatnonzero(buying)
        at[who] += np.maximum(1.0, chance.exponential(1 / rate[who]))
        who = who[at[who] < age[who]]
        buying[:] = False
        x[who] += 1
        t_x[who] = at[who].astype(np.int64)
        buying[who] = chance.random(len(who)) >= leaving[who]
    spend = chance.gamma(6.25 * np.maximum(x, 1)) / chance.gamma(3.74, 1 / 15.44, count)
    return Customers.of(x, t_x, age, np.where(x > 0, spend.round(2), 0.0))


def _megabytes(field: str) -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
