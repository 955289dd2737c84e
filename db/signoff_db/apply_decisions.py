"""Apply status decisions inside a transaction."""

from collections.abc import Sequence

from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, array_of, event_of, hashes_of
from signoff_db.failure import Failure
from signoff_db.outcome import VERDICTS, Outcome
from signoff_db.sql import statement
from signoff_schemas import FailureKind


def apply_decisions(
    connection: BatchConnection, deliveries: Sequence[Delivery], places: Sequence[int]
) -> dict[int, Outcome]:
    """Run `decide.sql` until each decision has a result.

    Args:
        connection: inside of a transaction.
        deliveries: the batch.
        places: the positions of the decisions in the batch.

    Returns:
        The outcomes, by position in the batch.
    """
    outcomes: dict[int, Outcome] = {}
    later = list(places)
    while later:
        current, later = _distinct(deliveries, later)
        taken = [deliveries[i] for i in current]
        parameters = {"events": array_of(taken), "hashes": hashes_of(taken)}
        results = connection.execute(statement("decide"), parameters, prepare=True).fetchall()
        outcomes.update(
            (i, _outcome(deliveries[i], result))
            for i, (result, _) in zip(current, results, strict=True)
        )
    return outcomes


def _distinct(deliveries: Sequence[Delivery], places: Sequence[int]) -> tuple[list[int], list[int]]:
    """The positions of the first delivery of each event, and the others."""
    first = {event_of(deliveries[i]).event_id: i for i in reversed(places)}
    chosen = set(first.values())
    return sorted(chosen), [i for i in places if i not in chosen]


def _outcome(delivery: Delivery, result: str) -> Outcome:
    verdict = VERDICTS.get(result)
    if verdict is not None:
        return Outcome(delivery, verdict)
    kind = FailureKind(result)
    return Outcome(delivery, None, Failure.of_event(event_of(delivery), kind, None))
