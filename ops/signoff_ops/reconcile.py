"""Find events of the outbox that Redis lost, and publish them again."""

from dataclasses import dataclass

from signoff_ops.producing import producer_of
from signoff_ops.servers import Servers
from signoff_producer import QueueFull, QueueUnavailableError
from signoff_queue.reader import QueueReader
from signoff_relay.connections import current
from signoff_relay.reconciling import Reconciled, Reconciler

Trouble = QueueFull | QueueUnavailableError


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of a reconciliation."""

    done: Reconciled
    trouble: Trouble | None
    """Why it stopped before the end; another run does the rest."""

    @property
    def complete(self) -> bool:
        """Whether no event is lost any more."""
        return self.trouble is None and self.done.lost <= self.done.published


def reconcile(servers: Servers, *, dry_run: bool = False) -> Reconciliation:
    """Compare the outbox with Redis and Postgres; unless it is a dry run, publish lost events.

    An event is lost if a relay published it, and it is neither queued, nor in the ledger, nor a
    dead letter of the same content. Safe at any time, also while relays and workers run.

    Raises:
        RedisUnavailableError, DatabaseUnavailableError: a server is unavailable.
        SettingsError: there is no outbox, or one that an earlier release made.
    """
    settings = servers.settings
    with (
        servers.redis() as client,
        servers.database() as database,
        servers.outbox() as table,
        producer_of(settings) as producer,
    ):
        outbox = current(table, settings.outbox)
        reconciler = Reconciler(outbox, QueueReader(client, settings.queue), database)
        try:
            reconciler.run(None if dry_run else producer)
        except (QueueFull, QueueUnavailableError) as error:
            return Reconciliation(reconciler.done, error)
    return Reconciliation(reconciler.done, None)
