"""Why a view is not answered."""

from signoff_db.letter_search import CutOffError
from signoff_insight.report import InsightError
from signoff_schemas.invalid import Problem

__all__ = [
    "BusyError",
    "InsightError",
    "TooSlowError",
    "UnknownTableError",
    "UnknownViewError",
    "WrongFiltersError",
]


class UnknownViewError(InsightError):
    """There is no view of this name."""


class UnknownTableError(InsightError):
    """A view has no table of this name."""


class WrongFiltersError(InsightError):
    """Filters that cannot be taken: each of `problems` tells what was wrong and what is allowed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
        """The path of each is the name of the filter."""


class TooSlowError(CutOffError):
    """Reading the facts took too long, and was cut off."""


class BusyError(InsightError):
    """Too many views are computed already."""
