"""What became of a delivery."""

from enum import StrEnum
from typing import Final, NamedTuple

from signoff_db.delivery import Delivery
from signoff_db.failure import Failure
from signoff_schemas import FailureKind, Verdict

VERDICTS: Final = {str(verdict): verdict for verdict in Verdict}
"""The verdicts by their names in the results of statements."""


class Unsettled(StrEnum):
    """Results of events that are not settled yet."""

    RETRY = "retry"
    """It may succeed later; the caller retries it."""
    RACED = "raced"
    """Another transaction changed its interaction meanwhile; it must be applied again."""


Result = Verdict | FailureKind | Unsettled


class Outcome(NamedTuple):
    """The result of one delivery: a verdict, or a failure, which is retried or is a dead letter."""

    delivery: Delivery
    verdict: Verdict | None
    failure: Failure | None = None
    retry: bool = False
    raced: bool = False
    """It was not applied, since its interaction changed meanwhile; it must be applied again."""

    @property
    def result(self) -> Result:
        """The verdict, the failure kind, or that it is not settled yet."""
        if self.retry:
            return Unsettled.RETRY
        if self.failure:
            return self.failure.kind
        return self.verdict or Unsettled.RACED
