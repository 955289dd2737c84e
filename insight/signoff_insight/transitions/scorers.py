"""What is expected of customers: P(return), and revenue.

The built-in scorer is the forecast's model (MBG/NBD with Gamma-Gamma spend), fitted to what was
bought by the instant that is asked about. A team may bring its own: a function, found by its name
among the entry points of the group `signoff.scorers`. A scorer informs; rules decide.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.forecast.errors import ForecastError
from signoff_insight.transitions.errors import ScorerError
from signoff_insight.transitions.reading import Instant, histories
from signoff_insight.transitions.standing import Standing
from signoff_schemas.wording import count, printable

if TYPE_CHECKING:
    from signoff_insight.forecast.model import Model

BUILT_IN: Final = "mbg_nbd"
GROUP: Final = "signoff.scorers"
_CENT: Final = Decimal("0.01")
_SHOWN: Final = 200

Scorer: TypeAlias = Callable[[Sequence[Standing], datetime, int], Sequence[float | None]]
"""What a team's own scorer is.

It is given some customers, the instant at which they were looked at, and a number of weeks. It
returns for each customer, in the same order, the probability that it buys within so many weeks
after that instant, or None if it does not know. It is called several times, each time with some of
the customers. It must know nothing of what came after the instant.
"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a customer."""

    return_probability: float | None
    revenue_usd: Decimal | None


NOTHING: Final = Expected(None, None)


class Estimate(Protocol):
    """What is expected of customers as of one instant."""

    @property
    def why_not(self) -> str | None:
        """Why nothing is expected of anybody; None if something is."""

    def of(self, standings: Sequence[Standing]) -> Sequence[Expected]:
        """What is expected of each, in their order.

        Raises:
            ScorerError: a scorer does not answer as it must.
        """


def estimate(
    connection: Connection[TupleRow], scorer: str, instant: Instant, weeks: int
) -> Estimate:
    """What a scorer expects within some weeks after an instant.

    Args:
        connection: inside of a transaction.
        scorer: its name.
        instant: when, and with which events.
        weeks: within so many.

    Raises:
        ScorerError: there is no such scorer, or it needs a package that is not installed.
    """
    if scorer != BUILT_IN:
        return _Own(scorer, scorer_named(scorer), instant.at, weeks)
    try:
        from signoff_insight.forecast.history import Customers  # noqa: PLC0415 -- it needs numpy
        from signoff_insight.forecast.model import fit_customers  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ScorerError(
            f"the scorer {BUILT_IN} needs the package {error.name}, which is not installed: "
            "pip install 'signoff[insight]'"
        ) from error
    try:
        model = fit_customers(Customers.read(histories(connection, instant)))
    except ForecastError as error:
        return _Unknown(str(error))
    return _Fitted(model, instant, weeks)


def scorer_named(name: str) -> Scorer:
    """A scorer of a team by the name of its entry point.

    Raises:
        ScorerError: there is none, or it cannot be imported.
    """
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        names = ", ".join(sorted({BUILT_IN, *found}))
        raise ScorerError(
            f"there is no scorer {name!r}; there are {names}. A scorer of your own is an entry "
            f"point of the group {GROUP} of an installed package"
        )
    try:
        loaded = found[name].load()
    except Exception as error:
        raise ScorerError(f"the scorer {name} cannot be imported: {_said(error)}") from error
    if not callable(loaded):
        raise ScorerError(f"the scorer {name} must be a function; {found[name].value} is none")
    scorer: Scorer = loaded
    return scorer


@dataclass(frozen=True, slots=True)
class _Unknown:
    """The model could not be fitted."""

    why_not: str

    def of(self, standings: Sequence[Standing]) -> Sequence[Expected]:
        """Nothing is expected of anybody."""
        return [NOTHING] * len(standings)


@dataclass(frozen=True, slots=True)
class _Own:
    """A scorer of a team."""

    name: str
    scorer: Scorer
    at: datetime
    weeks: int
    why_not: None = None

    def of(self, standings: Sequence[Standing]) -> Sequence[Expected]:
        """Ask it, and check what it answers."""
        try:
            answers = list(self.scorer(standings, self.at, self.weeks))
        except Exception as error:
            raise ScorerError(f"the scorer {self.name} failed: {_said(error)}") from error
        if len(answers) != len(standings):
            raise ScorerError(
                f"the scorer {self.name} was given {count(len(standings), 'customer')}, and "
                f"returned {count(len(answers), 'number')}"
            )
        return [
            Expected(self._checked(standing, answer), None)
            for standing, answer in zip(standings, answers, strict=True)
        ]

    def _checked(self, standing: Standing, answer: object) -> float | None:
        if answer is None:
            return None
        try:
            number = float(answer)  # type: ignore[arg-type] # also numbers of numpy
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not 0 <= number <= 1:
            raise ScorerError(
                f"the scorer {self.name} must return probabilities from 0 to 1, or None; for "
                f"{printable(standing.user_id)} it returned {_shown(answer)}"
            )
        return number


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The forecast's model."""

    model: "Model"
    instant: Instant
    weeks: int
    why_not: None = None

    def of(self, standings: Sequence[Standing]) -> Sequence[Expected]:
        """What it predicts; nothing of those who have not bought yet."""
        from signoff_insight.forecast.history import Customers  # noqa: PLC0415 -- it needs numpy

        today = self.instant.day
        bought = [at for at, one in enumerate(standings) if one.first_purchase_on is not None]
        rows = [_history(standings[at], today) for at in bought]
        prediction = self.model.predict(Customers.read(rows), self.weeks)
        revenue = prediction.revenue
        found = [NOTHING] * len(standings)
        for number, at in enumerate(bought):
            usd = None if revenue is None else Decimal(float(revenue[number])).quantize(_CENT)
            found[at] = Expected(float(prediction.returns[number]), usd)
        return found


def _history(standing: Standing, today: date) -> tuple[int, int, int, Decimal]:
    first, last = standing.first_purchase_on, standing.last_purchase_on
    if first is None or last is None:
        raise AssertionError
    days = (last - first).days, (today - first).days
    return standing.purchase_days - 1, *days, standing.repeat_spent_usd


def _shown(answer: object) -> str:
    try:
        return printable(repr(answer), limit=_SHOWN)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "a number with too many digits"


def _said(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}", limit=_SHOWN)
