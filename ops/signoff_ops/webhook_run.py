"""Run webhooks: read the feed, write deliveries, send them, until stopped."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.migrate import require_current
from signoff_db.webhook_deliveries import Claimed
from signoff_db.webhook_reader import WebhookReader
from signoff_ops.bounded_http import Answer
from signoff_ops.webhook_message import send
from signoff_ops.webhook_sender import Sender
from signoff_schemas import Settings

_OF_STOP: Final = 0.8
"""How much of the time to stop is for attempts under way; the rest is for noting them."""


def run_webhooks(settings: Settings, stop: threading.Event) -> None:
    """Read the feed and send until `stop` is set.

    Raises:
        SettingsError: no database is set.
        MigrationError: the database lacks tables. One that cannot be reached is waited for.
    """
    url = settings.require("database_url")
    with suppress(DatabaseUnavailableError):
        require_current(url)
    sender = Sender(
        url,
        _sending(settings.webhook_allow_private),
        room=settings.webhook_concurrency,
        keep=timedelta(days=settings.webhook_keep_days),
    )
    reader = threading.Thread(
        target=WebhookReader(url, wrote=sender.wake).run, args=[stop], daemon=True
    )
    reader.start()
    sender.run(stop, stop_seconds=settings.stop_timeout * _OF_STOP)
    reader.join(settings.stop_timeout * (1 - _OF_STOP))


def _sending(allow_private: str) -> Callable[[Claimed], Answer]:
    def send_once(delivery: Claimed) -> Answer:
        return send(
            delivery.target, delivery.message_id, delivery.body, allow_private=allow_private
        )

    return send_once
