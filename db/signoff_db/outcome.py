"""What became of a delivery."""

from enum import StrEnum
from typing import NamedTuple

from signoff_db.delivery import Delivery
from signoff_db.failure import Failure
from signoff_schemas import FailureKind, Verdict


class Unsettled(StrEnum):
    """Results of events that are not settled yet."""

    RETRY = "retry"
    """It may succeed later; the caller retries it."""
    RACED = "raced"
    """Another transaction changed its interaction meanwhile; it must be applied again."""


Result = Verdict | FailureKind | Unsettled


class Outcome(NamedTuple):
    """What became of one delivery: a verdict, or a failure that is retried or now a dead letter."""

    delivery: Delivery
    verdict: Verdict | None
    failure: Failure | None = None
    retry: bool = False
    raced: bool = False
    """It was not applied, since its interaction changed meanwhile; it must be applied again."""

    @property
    def result(self) -> Result:
        """What became of it."""
        if self.retry:
            return Unsettled.RETRY
        if self.failure:
            return self.failure.kind
        return self.verdict or Unsettled.RACED
