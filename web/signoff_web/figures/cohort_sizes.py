"""Which cohorts headings tell of: a share or a mean of a few customers says little."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from signoff_ops.insight import Report
from signoff_web.figures.figure import day, known

LARGE: Final = 20
"""A cohort, or a month of the funnel, of so many customers is worth a sentence."""


def sizes_of(report: Report) -> Mapping[date, int]:
    """The customers of each cohort."""
    records = report.table("cohorts").records
    return {day(one, "cohort"): int(known(one, "customers")) for one in records}


def told_of(months: Sequence[date], sizes: Mapping[date, int]) -> Sequence[date]:
    """Those of these cohorts that are large, in their order; the largest one if none is."""
    large = [month for month in months if sizes[month] >= LARGE]
    return large or [max(months, key=lambda month: sizes[month])]


def warning_of(told: Sequence[date], sizes: Mapping[date, int], many: int) -> str:
    """What is said before where none of so many cohorts is large."""
    if any(sizes[month] >= LARGE for month in told):
        return ""
    return "The cohort is small: " if many == 1 else "Cohorts are small: "
