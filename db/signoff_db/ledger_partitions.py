"""A ledger in partitions by `occurred_at`, of which old ones can be detached.

The functions in migration `0008.ledger_partitions.sql` do it; each is one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.feed_lag import behind_detached
from signoff_db.sql import statement
from signoff_schemas import SignoffError
from signoff_schemas.wording import in_utc


class LedgerPartitionError(SignoffError):
    """The ledger cannot be partitioned like this; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: events that occurred before `until`, from the end of the previous one on."""

    partition: str
    until: datetime


def partitions(connection: Connection[TupleRow]) -> list[Partition]:
    """The ledger's partitions, the oldest first; none if the ledger is one table."""
    with connection.cursor(row_factory=class_row(Partition)) as cursor:
        return cursor.execute(statement("list_partitions")).fetchall()


def partition_ledger(connection: Connection[TupleRow], until: datetime) -> None:
    """Make the present ledger its first partition, which ends before an instant.

    Raises:
        LedgerPartitionError: it is in partitions already, or holds events after that instant.
    """
    if partitions(connection):
        raise LedgerPartitionError(
            "the ledger is in partitions already; `signoff ledger add` makes the next one"
        )
    with _explained(until):
        connection.execute("SELECT signoff_partition_ledger(%s)", [until])


def add_partition(connection: Connection[TupleRow], until: datetime) -> str:
    """Add the next partition, up to an instant; returns its name.

    Raises:
        LedgerPartitionError: the ledger is one table, or a partition reaches that far.
    """
    last = _partitions(connection)[-1]
    if until <= last.until:
        raise LedgerPartitionError(
            f"the last partition, {last.partition}, ends at {in_utc(last.until)} already; "
            "give a later instant"
        )
    with _explained(until):
        return _name(connection, "SELECT signoff_add_ledger_partition(%s)::text", [until])


def detach_oldest(connection: Connection[TupleRow], *, confirmed: str | None = None) -> str:
    """Detach the oldest partition; its fold becomes the opening balances.

    Args:
        connection: in autocommit mode.
        confirmed: the partition that the operator confirmed; None for any.

    Returns:
        The name of the detached partition, which is an ordinary table now.

    Raises:
        LedgerPartitionError: the ledger is one table, the partition is still written to, another
            partition is the oldest now, or readers of the feed have not read all of it.
    """
    _partitions(connection)
    with _still_written(connection), connection.transaction():
        name = _name(connection, "SELECT signoff_detach_oldest_partition()::text", [])
        if confirmed not in {None, name}:
            raise LedgerPartitionError(
                f"{confirmed} is not the oldest partition any more, {name} is; somebody else "
                "detached it meanwhile, and nothing was changed"
            )
        if behind := behind_detached(connection):
            raise LedgerPartitionError(
                f"{name} may hold events that readers of the feed have not read yet "
                f"({', '.join(behind)}), and nothing was changed; try again in some minutes. "
                "`signoff status` shows how far they are; delete the row of a reader that is gone "
                "from feed_readers"
            )
    return name


def _partitions(connection: Connection[TupleRow]) -> list[Partition]:
    found = partitions(connection)
    if not found:
        raise LedgerPartitionError(
            "the ledger is one table; `signoff ledger partition` makes it the first partition"
        )
    return found


def _name(
    connection: Connection[TupleRow], query: LiteralString, parameters: list[datetime]
) -> str:
    row = connection.execute(query, parameters).fetchone()
    return str(row[0]) if row else ""


@contextmanager
def _explained(until: datetime) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.CheckViolation as error:
        raise LedgerPartitionError(
            f"the ledger holds events that occurred at {in_utc(until)} or later; "
            "give a later instant"
        ) from error


@contextmanager
def _still_written(connection: Connection[TupleRow]) -> Iterator[None]:
    """What the function that detaches refuses, with the end of the partition in UTC."""
    try:
        yield
    except psycopg.errors.RaiseException as error:
        oldest = _partitions(connection)[0]
        raise LedgerPartitionError(
            f"the oldest partition, {oldest.partition}, ends at {in_utc(oldest.until)} and is "
            "still written to; add a partition that ends later, and wait until this one has ended"
        ) from error
