"""Set a customer's status: publish a status decision."""

from signoff_db import reading
from signoff_ops.producing import producer_of
from signoff_ops.servers import Servers
from signoff_producer import Receipt
from signoff_schemas import SignoffError, StatusDecision


class UnknownCustomerError(SignoffError):
    """Postgres knows no customer of this user_id."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"Postgres knows no customer {user_id!r}, so nothing was published; a decision about "
            "a new customer must say so (--new)"
        )
        self.user_id = user_id


def publish_decision(
    servers: Servers, decision: StatusDecision, *, new: bool = False, dry_run: bool = False
) -> Receipt | None:
    """Publish a decision about a customer that Postgres knows: a typing mistake must create none.

    Args:
        servers: Postgres, and the queue's Redis.
        decision: what to publish.
        new: the customer need not be known; then Postgres is not asked.
        dry_run: check all of it, but publish nothing; returns None.

    Raises:
        UnknownCustomerError: Postgres does not know the customer.
        DatabaseUnavailableError: Postgres cannot be asked; nothing was published.
        QueueUnavailableError: Redis is unavailable; publishing the same decision again is safe.
        QueueFull: the queue is as long as it may be.
    """
    if not new:
        with servers.database() as connection:
            if reading.customer(connection, decision.user_id) is None:
                raise UnknownCustomerError(decision.user_id)
    if dry_run:
        return None
    with producer_of(servers.settings) as producer:
        return producer.publish(decision)
