"""Outgoing webhooks: what a front end can do with them; who did it is noted."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import webhook_deliveries, webhooks
from signoff_db.operator_actions import Action, note
from signoff_db.pages import Page
from signoff_db.webhook_deliveries import DeliveryState, WebhookDelivery
from signoff_db.webhook_reader import body_of
from signoff_db.webhooks import Webhook, WebhookError, WebhookKind
from signoff_ops.bounded_http import PostError
from signoff_ops.servers import Servers
from signoff_ops.webhook_message import secret_text, send
from signoff_ops.webhook_url import check_url, shown_url

_MOST_NOTED: Final = 1000
"""The most ids of replayed deliveries that are noted."""
TEST: Final = "webhook.test"
"""The type of the message that `send_test` sends."""

__all__ = [
    "DeliveryState",
    "NewSecret",
    "Tested",
    "Webhook",
    "WebhookDelivery",
    "WebhookError",
    "WebhookKind",
    "add",
    "deliveries",
    "disable",
    "enable",
    "listed",
    "remove",
    "replay",
    "rotate",
    "send_test",
    "shown_url",
]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret, which is given this one time."""

    secret: str = field(repr=False)
    """`whsec_<base64>`."""
    previous_until: datetime | None = None
    """Until when the secret before signs too."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of a test message."""

    message_id: str
    ok: bool
    status: int | None
    """The HTTP status of the answer; None if there was none."""
    seconds: float
    answer: str
    """The beginning of the answer's text, or why there was none."""


def add(
    servers: Servers, name: str, url: str, kinds: Iterable[WebhookKind], actor: str
) -> NewSecret:
    """Add a webhook, which begins at this moment.

    Raises:
        WebhookUrlError: the URL, or the address it leads to, is not allowed.
        WebhookError: the name is taken, or there are too many.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    check_url(url, servers.settings.webhook_allow_private)
    wanted = sorted(set(kinds))
    with servers.database() as connection, connection.transaction():
        secret = webhooks.add(connection, name, url, wanted)
        told = {"name": name, "url": shown_url(url), "kinds": wanted}
        _note(connection, actor, Action.ADD_WEBHOOK, told)
    return NewSecret(secret_text(secret))


def listed(servers: Servers) -> list[Webhook]:
    """All webhooks, by name."""
    with servers.database() as connection:
        return webhooks.webhooks(connection)


def send_test(servers: Servers, name: str) -> Tested:
    """Send a message of type `webhook.test` now, once; nothing is stored.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection:
        target = webhooks.target(connection, name)
    message_id, started = uuid4(), time.monotonic()
    body = body_of(TEST, datetime.now(UTC), {"webhook": name})
    try:
        allow = servers.settings.webhook_allow_private
        answer = send(target, message_id, body, allow_private=allow)
    except PostError as error:
        seconds = time.monotonic() - started
        return Tested(str(message_id), False, None, seconds, f"the receiver {error}")
    text = answer.body.decode("utf-8", "replace")
    return Tested(str(message_id), answer.ok, answer.status, time.monotonic() - started, text)


def deliveries(
    servers: Servers,
    *,
    state: DeliveryState | None = None,
    webhook: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[WebhookDelivery]:
    """A page of deliveries, the newest first.

    Raises:
        WebhookError: there is no webhook of that name.
        CursorError: the cursor is not one of this list.
    """
    with servers.database() as connection:
        if webhook is not None:
            webhooks.target(connection, webhook)
        return webhook_deliveries.deliveries(
            connection, state=state, webhook=webhook, limit=limit, cursor=cursor
        )


def replay(
    servers: Servers,
    actor: str,
    *,
    ids: Sequence[int] | None = None,
    webhook: str | None = None,
) -> list[int]:
    """Send dead deliveries again: those of these ids, or all of a webhook; returns which.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection, connection.transaction():
        if webhook is not None:
            webhooks.target(connection, webhook)
        replayed = webhook_deliveries.replay(connection, ids=ids, webhook=webhook)
        if replayed:
            told = {"name": webhook, "deliveries": replayed[:_MOST_NOTED], "number": len(replayed)}
            _note(connection, actor, Action.REPLAY_WEBHOOK, told)
    return replayed


def disable(servers: Servers, name: str, reason: str, actor: str) -> None:
    """Send nothing to a webhook, and write nothing for it, until it is enabled.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection, connection.transaction():
        webhooks.switch(connection, name, disabled_for=reason)
        _note(connection, actor, Action.DISABLE_WEBHOOK, {"name": name}, reason)


def enable(servers: Servers, name: str, actor: str) -> None:
    """Send to a webhook again: what waits, and what happens from this moment on.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection, connection.transaction():
        webhooks.switch(connection, name, disabled_for=None)
        _note(connection, actor, Action.ENABLE_WEBHOOK, {"name": name})


def remove(servers: Servers, name: str, actor: str) -> None:
    """Remove a webhook with all of its deliveries.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection, connection.transaction():
        webhooks.remove(connection, name)
        _note(connection, actor, Action.REMOVE_WEBHOOK, {"name": name})


def rotate(servers: Servers, name: str, actor: str) -> NewSecret:
    """Give a webhook a new secret; for a day the one before signs too.

    Raises:
        WebhookError: there is no webhook of that name.
    """
    with servers.database() as connection, connection.transaction():
        secret, until = webhooks.rotate(connection, name)
        _note(connection, actor, Action.ROTATE_WEBHOOK, {"name": name})
    return NewSecret(secret_text(secret), until)


def _note(
    connection: Connection[TupleRow],
    actor: str,
    action: Action,
    told: Mapping[str, object],
    reason: str | None = None,
) -> None:
    note(connection, actor, action, [], reason, before=None, after=told)
