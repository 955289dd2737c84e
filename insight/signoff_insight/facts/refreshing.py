"""Compute the facts of some customers from the ledger.

The facts of a customer follow from all events of this customer that the ledger holds, whatever the
facts were before. So it does not matter in which order events arrive, or how often a customer is
computed: the facts that are kept from the feed, and those of a rebuild, come from the same
statement.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed import FeedEvent
from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE

BY_INDEX: Final = (
    # The rows of some customers are looked up one by one, however large the planner believes that
    # the tables are; a plan is not compiled for them.
    "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('work_mem', '64MB', true)"
)


def refresh(
    connection: Connection[TupleRow], customers: Sequence[str], timezone: str
) -> datetime | None:
    """Compute the facts of these customers anew; returns when the latest of their events occurred.

    Args:
        connection: inside of a transaction, which the caller commits.
        customers: their user_ids.
        timezone: the name of the time zone whose days count, as `Europe/Berlin`.
    """
    if not customers:
        return None
    connection.execute(BY_INDEX)
    parameters = {"customers": list(customers), "timezone": timezone}
    connection.execute(statement("facts/add_customers", PACKAGE), parameters)
    # A generic plan, which Postgres may take for a prepared statement, is many times slower.
    found = connection.execute(statement("facts/refresh", PACKAGE), parameters, prepare=False)
    (latest,) = found.fetchone() or (None,)
    connection.execute(statement("facts/delete_eventless", PACKAGE), parameters)
    return cast("datetime | None", latest)


def note_reach(connection: Connection[TupleRow], *latest: datetime | None) -> None:
    """Note that the facts hold events that occurred then; in the transaction of `refresh`."""
    known = [one for one in latest if one is not None]
    if known:
        connection.execute(statement("facts/note_reach", PACKAGE), {"until": max(known)})


def customers_of(connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> list[str]:
    """The customers of some applied events."""
    parameters = {"events": [event.event_id for event in events]}
    rows = connection.execute(statement("facts/customers_of_events", PACKAGE), parameters)
    return [user_id for (user_id,) in rows]
