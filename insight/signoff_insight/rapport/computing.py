"""Compute the contexts of some customers in the ledger's database, and write them to the second.

A context follows from all that the ledger's database holds of the customer, whatever it was before.
So it does not matter in which order events arrive, or how often a customer is computed: what is
kept from the feed, and what a rebuild makes, come from the same statement.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.rapport.state import PACKAGE

BY_INDEX: Final = (
    # The rows of some customers are looked up one by one, however large the planner believes that
    # the tables are; a plan is not compiled for them.
    "SELECT set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),"
    " set_config('work_mem', '64MB', false)"
)
"""Settings of a connection that computes contexts."""
_MOST_CHARACTERS: Final = 8 * 2**20
"""So much is written by one statement; contexts may be large."""

Computed = tuple[str, str | None]
"""A customer and its context as JSON; None where the customer is not known any more."""


def computed(
    ledger: Connection[TupleRow], customers: Sequence[str], events: Sequence[UUID] = ()
) -> Iterator[Sequence[Computed]]:
    """The contexts of these customers, and of those of the events, some at a time.

    Args:
        ledger: a connection with the settings `BY_INDEX`; it is busy until the last was taken.
        customers: their user_ids.
        events: applied events.
    """
    parameters = {"customers": list(customers), "events": list(events)}
    part: list[Computed] = []
    characters = 0
    with ledger.cursor() as cursor:
        for user_id, context in cursor.stream(statement("rapport/contexts", PACKAGE), parameters):
            part.append((user_id, context))
            characters += len(context or "")
            if characters > _MOST_CHARACTERS:
                yield part
                part, characters = [], 0
    yield part


def write(rapport: Connection[TupleRow], contexts: Sequence[Computed]) -> None:
    """Write contexts, in the caller's transaction; those that are right already stay."""
    if not contexts:
        return
    customers, texts = zip(*contexts, strict=True)
    parameters = {"customers": list(customers), "contexts": list(texts)}
    rapport.execute(statement("rapport/write", PACKAGE), parameters)
