"""The deliveries of webhooks: one message to one receiver, until it is delivered or dead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, kwargs_row

from signoff_db.pages import Page, key_of, page_of, row_id
from signoff_db.sql import statement
from signoff_db.webhooks import Target, WebhookKind

LEASE: Final = timedelta(minutes=1)
"""After this time a delivery that a sender has in hand may be taken by another one."""
_LIST: Final = "webhook deliveries"
_LONGEST_ERROR: Final = 1000


class DeliveryState(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, for every webhook that is to be told."""

    kind: WebhookKind
    cause_id: UUID | None
    """The applied event that caused it."""
    happened_at: datetime
    """When it was applied or decided: a webhook that began later is not told."""
    body: str


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One message to one webhook, without its body."""

    id: int
    message_id: UUID
    webhook: str
    kind: WebhookKind
    cause_id: UUID | None
    """The applied event, or the decision about a review, that caused it."""
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of_row(cls, *, kind: str, state: str, **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of the statement that lists deliveries."""
        return cls(kind=WebhookKind(kind), state=DeliveryState(state), **columns)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this sender has in hand, for the time of its lease."""

    id: int
    lease: UUID
    message_id: UUID
    webhook_id: int
    name: str
    """The webhook's."""
    kind: str
    body: str
    attempts: int
    """The number of this attempt."""
    url: str
    secret: bytes
    previous_secret: bytes | None

    @property
    def target(self) -> Target:
        """Where it goes."""
        return Target(self.webhook_id, self.url, self.secret, self.previous_secret)

    def __repr__(self) -> str:
        return f"Claimed(id={self.id}, message_id={self.message_id})"  # no secret, no text


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended."""

    delivery: Claimed
    state: DeliveryState
    delay: float | None
    """Seconds until the next attempt, if it is pending still."""
    status: int | None
    """The HTTP status of the answer."""
    error: str | None
    gone: bool = False
    """Whether the receiver wants no more."""


def write(connection: Connection[TupleRow], messages: Sequence[Message]) -> int:
    """Write a delivery of each message for each webhook that is to get it; returns how many."""
    if not messages:
        return 0
    columns = {
        "kinds": [str(message.kind) for message in messages],
        "cause_ids": [message.cause_id for message in messages],
        "happened_at": [message.happened_at for message in messages],
        "bodies": [message.body for message in messages],
    }
    return connection.execute(statement("webhook_deliver"), columns).rowcount


def claim(
    connection: Connection[TupleRow],
    in_flight: Mapping[int, int],
    *,
    room: int,
    lease: timedelta = LEASE,
) -> list[Claimed]:
    """Take what is due and put it under a lease.

    Args:
        connection: in autocommit mode.
        in_flight: how many deliveries of a webhook, by its id, this sender has in hand already.
        room: how many of one webhook it may have in hand.
        lease: how long no other sender takes them.
    """
    parameters = {
        "busy": list(in_flight),
        "in_flight": list(in_flight.values()),
        "room": room,
        "lease": lease,
    }
    with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        return cursor.execute(statement("webhook_claim"), parameters).fetchall()


def finish(connection: Connection[TupleRow], attempts: Sequence[Attempt]) -> None:
    """Note how attempts ended; a webhook whose receiver is gone is disabled."""
    columns = {
        "ids": [a.delivery.id for a in attempts],
        "leases": [a.delivery.lease for a in attempts],
        "states": [str(a.state) for a in attempts],
        "delays": [a.delay for a in attempts],
        "statuses": [a.status for a in attempts],
        "errors": [a.error and a.error[:_LONGEST_ERROR] for a in attempts],
    }
    gone = {attempt.delivery.webhook_id for attempt in attempts if attempt.gone}
    with connection.transaction():
        connection.execute(statement("webhook_finish"), columns)
        if gone:
            reason = "the receiver answered 410 Gone"
            connection.execute(statement("webhook_gone"), {"ids": list(gone), "reason": reason})


def forget(connection: Connection[TupleRow], keep: timedelta) -> None:
    """Delete what was delivered longer ago, and secrets that sign no more."""
    connection.execute(statement("webhook_expire_secrets"))
    while connection.execute(statement("webhook_forget"), {"keep": keep}).rowcount:
        pass


def deliveries(
    connection: Connection[TupleRow],
    *,
    state: DeliveryState | None = None,
    webhook: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[WebhookDelivery]:
    """A page of deliveries, the newest first.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    parameters = {
        "state": state and str(state),
        "webhook": webhook,
        "before_id": key_of(cursor, _LIST, row_id),
        "limit": limit + 1,
    }
    with connection.cursor(row_factory=kwargs_row(WebhookDelivery.of_row)) as rows:
        found = rows.execute(statement("webhook_deliveries"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda delivery: delivery.id)


def replay(
    connection: Connection[TupleRow],
    *,
    ids: Iterable[int] | None = None,
    webhook: str | None = None,
) -> list[int]:
    """Make dead deliveries pending again: those of these ids, or all of a webhook."""
    parameters = {"ids": None if ids is None else list(ids), "webhook": webhook}
    rows = connection.execute(statement("webhook_replay"), parameters).fetchall()
    return sorted(row[0] for row in rows)
