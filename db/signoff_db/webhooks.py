"""The receivers of outgoing webhooks: add, list, switch off and on, rotate the secret, remove."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, kwargs_row

from signoff_db.feed import end
from signoff_db.sql import statement
from signoff_schemas import SignoffError

READER: Final = "webhooks"
"""The name of the reader of the feed that writes deliveries."""
MOST_WEBHOOKS: Final = 50
"""The most receivers. Each has threads of its own in a sender."""
MOST_COUNTED: Final = 10_000
"""So many waiting or dead deliveries of a webhook are counted."""
_SECRET_BYTES: Final = 32
_OVERLAP: Final = timedelta(days=1)
"""How long the secret before a rotation signs too."""


class WebhookKind(StrEnum):
    """What a webhook may be told."""

    REVIEW_APPROVED = "review.approved"
    REVIEW_REJECTED = "review.rejected"
    STATUS_CHANGED = "status.changed"


class WebhookError(SignoffError):
    """There is no webhook of that name, or one is there already, or there are too many."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver and the state of what is sent to it; without its secret."""

    id: int
    name: str
    url: str
    kinds: tuple[WebhookKind, ...]
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    previous_secret_until: datetime | None
    """Until when the secret before the last rotation signs too."""
    waiting: int
    """Deliveries that are to be sent; `MOST_COUNTED` are that many or more."""
    oldest_waiting_at: datetime | None
    """When the oldest of them was written."""
    oldest_due_at: datetime | None
    """Since when one of them is due and no sender has taken it."""
    dead: int
    """Deliveries whose attempts all failed; `MOST_COUNTED` are that many or more."""

    @classmethod
    def of_row(cls, *, kinds: Iterable[str], **columns: object) -> Self:
        """One row of the statement that lists webhooks."""
        return cls(kinds=tuple(map(WebhookKind, kinds)), **columns)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go, and the keys that sign them."""

    id: int
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(repr=False)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that sign now, the newest first."""
        return (self.secret, self.previous_secret) if self.previous_secret else (self.secret,)


def new_secret() -> bytes:
    """A new key for signatures."""
    return secrets.token_bytes(_SECRET_BYTES)


def add(
    connection: Connection[TupleRow], name: str, url: str, kinds: Iterable[WebhookKind]
) -> bytes:
    """Add a webhook, which begins at this moment; returns its secret.

    Raises:
        WebhookError: the name is taken, or there are too many webhooks.
        FeedRestoredError, DatabaseUnavailableError: the feed cannot be read.
    """
    secret, wanted = new_secret(), sorted(set(kinds))
    with connection.transaction():
        _hold_reader(connection)
        present = _all_kinds(connection)
        if len(present) >= MOST_WEBHOOKS:
            raise WebhookError(f"there are {MOST_WEBHOOKS} webhooks, the most there may be")
        values = {"name": name, "url": url, "secret": secret, "kinds": wanted}
        if connection.execute(statement("webhook_add"), values).fetchone() is None:
            raise WebhookError(f"there is a webhook named {name} already")
        changed = WebhookKind.STATUS_CHANGED
        if changed in wanted and not any(changed in kinds for kinds in present):
            connection.execute(statement("webhook_begin_statuses"))
    return secret


def webhooks(connection: Connection[TupleRow]) -> list[Webhook]:
    """All webhooks, by name."""
    with connection.cursor(row_factory=kwargs_row(Webhook.of_row)) as cursor:
        return cursor.execute(statement("webhook_list"), {"most": MOST_COUNTED}).fetchall()


def target(connection: Connection[TupleRow], name: str) -> Target:
    """Where one webhook's messages go.

    Raises:
        WebhookError: there is none of that name.
    """
    with connection.cursor(row_factory=class_row(Target)) as cursor:
        found = cursor.execute(statement("webhook_target"), {"name": name}).fetchone()
    if found is None:
        raise _none(name)
    return found


def switch(connection: Connection[TupleRow], name: str, *, disabled_for: str | None) -> None:
    """Disable a webhook for a reason, or enable it with None: then it begins at this moment.

    While it is disabled nothing is written for it. What waits is sent once it is enabled.

    Raises:
        WebhookError: there is none of that name.
    """
    with connection.transaction():
        _hold_reader(connection)
        values = {"name": name, "reason": disabled_for}
        if connection.execute(statement("webhook_switch"), values).fetchone() is None:
            raise _none(name)


def rotate(connection: Connection[TupleRow], name: str) -> tuple[bytes, datetime]:
    """Give a webhook a new secret; returns it, and until when the one before signs too.

    Raises:
        WebhookError: there is none of that name.
    """
    secret = new_secret()
    values = {"name": name, "secret": secret, "overlap": _OVERLAP}
    row = connection.execute(statement("webhook_rotate"), values).fetchone()
    if row is None:
        raise _none(name)
    return secret, row[0]


def remove(connection: Connection[TupleRow], name: str) -> None:
    """Remove a webhook with all of its deliveries.

    Without webhooks there is no reader of the feed either, which would count as late.

    Raises:
        WebhookError: there is none of that name.
    """
    with connection.transaction():
        _hold_reader(connection)
        if not connection.execute("DELETE FROM webhooks WHERE name = %s", [name]).rowcount:
            raise _none(name)
        left = _all_kinds(connection)
        if not any(WebhookKind.STATUS_CHANGED in kinds for kinds in left):
            connection.execute("DELETE FROM webhook_statuses")
        if not left:
            connection.execute("DELETE FROM feed_readers WHERE name = %s", [READER])


def _hold_reader(connection: Connection[TupleRow]) -> None:
    """Let the reader finish its turn, and keep it from the next one; it begins now if it is new."""
    begin = {"name": READER, "position": end(connection), "is_copy": False}
    connection.execute(statement("register_feed_reader"), begin)
    connection.execute("SELECT FROM feed_readers WHERE name = %s FOR UPDATE", [READER])


def _all_kinds(connection: Connection[TupleRow]) -> list[list[str]]:
    """The kinds that each webhook is told."""
    return [row[0] for row in connection.execute("SELECT kinds FROM webhooks").fetchall()]


def _none(name: str) -> WebhookError:
    return WebhookError(f"there is no webhook named {name}; `signoff webhook list` shows all")
