"""Find the events of a batch that Postgres rejects, in one call, instead of halving the batch.

All ledger rows are inserted and rolled back (migration `0005.rejected_rows.sql`). An event that
another table refuses, such as `interactions` by a rule, is not found here; then the batch is halved
until only that event is left.
"""

from collections.abc import Sequence
from uuid import UUID

from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, array_of
from signoff_db.failure import Failure
from signoff_db.sql import statement
from signoff_db.transactions import FindRejectedRows, Item, find_none, is_outage


def find_rejected_rows(
    connection: BatchConnection, deliveries: Sequence[Delivery]
) -> list[Delivery] | None:
    """The deliveries, with a failure for each whose ledger row Postgres refuses; None if none is.

    Args:
        connection: in autocommit mode, outside of a transaction. It notes whether any row was
            refused: then some events of the next batch probably are refused too.
        deliveries: what is to be applied.
    """
    refused = _refused(connection, [d for d in deliveries if d.failure is None])
    connection.refuses_events = bool(refused)
    if not refused:
        return None
    return [
        d._replace(failure=failure)
        if d.failure is None and d.event and (failure := refused.get(d.event.event_id))
        else d
        for d in deliveries
    ]


def find_rejected_beforehand(
    connection: BatchConnection, items: Sequence[Item], find_rejected: FindRejectedRows[Item]
) -> tuple[Sequence[Item], FindRejectedRows[Item]]:
    """The items to try, and the function that finds rejected items if they are refused.

    If the last batch held rejected rows, rejected items are marked before the first try. If the
    batch is refused then, another table refuses it, and checking ledger rows again finds nothing.
    """
    if not connection.refuses_events:
        return items, find_rejected
    return find_rejected(items) or items, find_none


def _refused(connection: BatchConnection, readable: Sequence[Delivery]) -> dict[UUID, Failure]:
    try:
        rows = connection.execute(
            statement("find_rejected_rows"), {"events": array_of(readable)}, prepare=True
        ).fetchall()
    except Exception:  # noqa: BLE001 -- what is wrong shows when the batch is tried without this
        return {}
    return {
        event_id: Failure.by_postgres(*refusal)
        for event_id, *refusal in rows
        if not is_outage(refusal[0])
    }
