"""The checks of `signoff doctor` for webhooks: what waits is sent, and what is dead is known."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.webhooks import MOST_COUNTED, Webhook, webhooks
from signoff_ops.checks import Check, Grade
from signoff_queue.reader import age
from signoff_schemas.wording import ago, count

_LATE: Final = timedelta(minutes=2)
"""If a message is due for longer, no sender works: senders look every second, and a lease of one
that died takes a minute."""


def check_webhooks(connection: Connection[TupleRow]) -> Iterator[Check]:
    """A line for each webhook."""
    for webhook in webhooks(connection):
        yield webhook_check(webhook)


def webhook_check(webhook: Webhook) -> Check:
    """Whether its messages are sent."""
    name = f"Webhook {webhook.name}"
    waits = f"{_number(webhook.waiting)} waiting" if webhook.waiting else "nothing waits"
    if webhook.disabled_at:
        return Check(
            Grade.WARN, name,
            f"disabled, {waits}: {webhook.disabled_reason}; `signoff webhook enable "
            f"{webhook.name}`, or `remove`",
        )  # fmt: skip
    due = age(webhook.oldest_due_at)
    if due is not None and due > _LATE:
        return Check(
            Grade.FAIL, name,
            f"{waits}, one of them due for {ago(due)}; start `signoff webhook run`, or see in its "
            "log what it waits for",
        )  # fmt: skip
    if webhook.dead:
        return Check(
            Grade.WARN, name,
            f"{waits}, {_number(webhook.dead)} dead: `signoff webhook deliveries --state dead "
            f"--webhook {webhook.name}` says why, `signoff webhook replay` sends them again",
        )  # fmt: skip
    return Check(Grade.OK, name, waits)


def _number(messages: int) -> str:
    more = " or more" if messages >= MOST_COUNTED else ""
    return f"{count(messages, 'message')}{more}"
