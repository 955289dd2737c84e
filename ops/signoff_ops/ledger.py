"""Keep the ledger in partitions by `occurred_at`, and detach old ones."""

from dataclasses import dataclass
from datetime import datetime

from signoff_db import ledger_partitions
from signoff_db.ledger_partitions import Partition
from signoff_ops.servers import Servers


@dataclass(frozen=True, slots=True)
class Detached:
    """What was detached, and what is left."""

    name: str
    """The partition, which is an ordinary table from now on."""
    partitions: tuple[Partition, ...]
    """Those that the ledger still has, the oldest first."""


def partitions(servers: Servers) -> tuple[Partition, ...]:
    """The ledger's partitions, the oldest first; none where it is one table.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return tuple(ledger_partitions.partitions(connection))


def partition_ledger(servers: Servers, until: datetime) -> tuple[Partition, ...]:
    """Make all that the ledger holds its first partition, up to an instant; returns the partitions.

    Workers wait meanwhile.

    Raises:
        LedgerPartitionError: it is in partitions already, or holds events after that instant.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        ledger_partitions.partition_ledger(connection, until)
        return tuple(ledger_partitions.partitions(connection))


def add_partition(servers: Servers, until: datetime) -> tuple[Partition, ...]:
    """Add the next partition, up to an instant; returns all partitions.

    Raises:
        LedgerPartitionError: the ledger is one table, or a partition reaches that far.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        ledger_partitions.add_partition(connection, until)
        return tuple(ledger_partitions.partitions(connection))


def detach_oldest(servers: Servers, *, confirmed: str | None = None) -> Detached:
    """Detach the oldest partition, whose fold becomes the opening balances.

    Args:
        servers: of the ledger.
        confirmed: the partition that was shown to whoever agreed; None for whichever is the oldest.

    Raises:
        LedgerPartitionError: the ledger is one table, the partition is still written to, or another
            one is the oldest by now.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        name = ledger_partitions.detach_oldest(connection, confirmed=confirmed)
        return Detached(name, tuple(ledger_partitions.partitions(connection)))
