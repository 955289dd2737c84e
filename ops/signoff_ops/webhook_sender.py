"""Send the deliveries of webhooks: take what is due, post it, note how that ended.

A turn:

1. note how attempts ended that are over;
2. take what is due, for each webhook as much as it has room for, under a lease;
3. start a thread for each;
4. wait for an attempt to end, for news, or a moment.

No transaction is open while a message is sent. If the sender is killed, its leases run out and
another sender takes the messages again: the receiver may get one twice, with the same id. Each
webhook has room of its own, so a slow receiver delays no other.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_db.error_text import reason_of
from signoff_db.webhook_deliveries import (
    LEASE,
    Attempt,
    Claimed,
    DeliveryState,
    claim,
    finish,
    forget,
)
from signoff_ops.bounded_http import Answer, PostError
from signoff_schemas import SignoffError
from signoff_schemas.backoff import StoppedError, retry_outages
from signoff_schemas.wording import printable

log = logging.getLogger("signoff.webhooks")

DELAYS: Final = (5, 60, 300, 1800, 7200, 14_400, 28_800, 43_200, 72_000)
"""Seconds before each repetition: ten attempts in two days. After the last a delivery is dead."""
_JITTER: Final = 0.1
"""How much of a delay is added by chance, so that what failed together does not return together."""
_LONGEST_DELAY: Final = 86_400
_GONE: Final = 410
_BUSY: Final = frozenset({429, 503})
"""Answers whose Retry-After counts."""
_POLL: Final = 1.0
_FORGET_EVERY: Final = 3600.0
_SHOWN: Final = 200
"""Characters of a refusal's text that are kept."""

Send = Callable[[Claimed], Answer]
"""Posts a delivery once, or raises `PostError`."""


class Sender:
    """One sender; any number of them may run."""

    def __init__(
        self,
        database_url: str,
        send: Send,
        *,
        room: int = 4,
        keep: timedelta = timedelta(days=30),
        delays: Sequence[float] = DELAYS,
        lease: timedelta = LEASE,
    ) -> None:
        """Takes what makes it this sender.

        Args:
            database_url: of the deliveries.
            send: posts a delivery once.
            room: how many deliveries of one webhook it sends at the same time.
            keep: how long delivered ones are kept.
            delays: seconds before each repetition of an attempt.
            lease: how long no other sender takes what this one has; longer than `send` may take.
        """
        self._database_url = database_url
        self._send = send
        self._room = room
        self._keep = keep
        self._delays = delays
        self._lease = lease
        self._in_flight: Counter[int] = Counter()
        self._ended: list[Attempt] = []
        self._news: SimpleQueue[Attempt | None] = SimpleQueue()
        self._forget_at = 0.0
        self._connection: Connection[TupleRow] | None = None

    def wake(self) -> None:
        """Say that there are new deliveries, so that it does not wait for its next look."""
        self._news.put(None)

    def run(self, stop: threading.Event, *, stop_seconds: float = 10.0) -> None:
        """Send until stopped; then end what is under way, as far as the seconds allow."""
        try:
            while not stop.is_set():
                retry_outages(
                    self.turn,
                    outages=lambda _: True,
                    on_outage=self._note_outage,
                    on_recovery=lambda: log.info("the sender of webhooks goes on"),
                    wait=stop.wait,
                )
                self._listen(_POLL)
        except StoppedError:
            pass
        finally:
            self._end(stop_seconds)

    def turn(self) -> int:
        """Note what has ended and start what is due; returns how many attempts it started."""
        connection = self._connected()
        self._settle(connection)
        claimed = claim(connection, self._in_flight, room=self._room, lease=self._lease)
        for delivery in claimed:
            threading.Thread(target=self._attempt, args=[delivery], daemon=True).start()
            self._in_flight[delivery.webhook_id] += 1  # a thread that does not start takes no room
        self._forget(connection)
        return len(claimed)

    def _attempt(self, delivery: Claimed) -> None:
        """Send once; whatever happens, the delivery's place is free again afterwards."""
        try:
            attempt = self._judged(delivery)
        except Exception as error:
            log.exception("delivery %d of webhook %s failed", delivery.id, delivery.name)
            attempt = self._failed(delivery, None, type(error).__name__)
        self._news.put(attempt)

    def _judged(self, delivery: Claimed) -> Attempt:
        try:
            answer = self._send(delivery)
        except PostError as error:
            return self._failed(delivery, None, str(error))
        if answer.ok:
            return Attempt(delivery, DeliveryState.DELIVERED, None, answer.status, None)
        if answer.status == _GONE:
            return Attempt(
                delivery, DeliveryState.DEAD, None, _GONE, "answered 410 Gone", gone=True
            )
        said = printable(answer.body.decode("utf-8", "replace").strip()[:_SHOWN])
        text = f"answered {answer.status}{f': {said}' if said else ''}"
        return self._failed(delivery, answer, text)

    def _failed(self, delivery: Claimed, answer: Answer | None, error: str) -> Attempt:
        status = answer.status if answer else None
        if delivery.attempts > len(self._delays):
            return Attempt(delivery, DeliveryState.DEAD, None, status, error)
        delay = self._delays[delivery.attempts - 1] * (1 + _JITTER * random.random())
        if answer is not None and answer.status in _BUSY:
            delay = max(delay, _asked_for(answer))
        return Attempt(delivery, DeliveryState.PENDING, delay, status, error)

    def _settle(self, connection: Connection[TupleRow]) -> None:
        """Note how attempts ended; if that fails they are kept, and noted the next time."""
        while not self._news.empty():
            self._take(self._news.get())
        if self._ended:
            finish(connection, self._ended)
            for attempt in self._ended:
                _tell(attempt)
            self._ended = []

    def _listen(self, seconds: float) -> None:
        """Wait for an attempt to end, or for new deliveries."""
        try:
            self._take(self._news.get(timeout=seconds))
        except Empty:
            return

    def _take(self, news: Attempt | None) -> None:
        if news is not None:
            self._in_flight[news.delivery.webhook_id] -= 1
            self._ended.append(news)

    def _end(self, seconds: float) -> None:
        """Wait for the attempts under way, and note them; what is left is taken by its lease."""
        until = time.monotonic() + seconds
        while self._in_flight.total() and time.monotonic() < until:
            self._listen(until - time.monotonic())
        try:
            self._settle(self._connected())
        except (SignoffError, psycopg.Error) as error:
            log.warning("it is not noted how the last attempts ended: %s", _reason(error))
        self._close()

    def _forget(self, connection: Connection[TupleRow]) -> None:
        if time.monotonic() >= self._forget_at:
            forget(connection, self._keep)
            self._forget_at = time.monotonic() + _FORGET_EVERY

    def _connected(self) -> Connection[TupleRow]:
        if self._connection is None:
            self._connection = connect(self._database_url, application="signoff webhooks")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note_outage(self, error: Exception, delay: float) -> None:
        expected = isinstance(error, SignoffError | psycopg.OperationalError)
        log.error(
            "webhooks wait, and are tried again in %.1f s: %s",
            delay, _reason(error), exc_info=None if expected else error,
        )  # fmt: skip
        self._close()


def _asked_for(answer: Answer) -> float:
    """The seconds of a Retry-After, as far as they make sense."""
    text = (answer.retry_after or "").strip()
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
    return min(seconds, _LONGEST_DELAY)


def _tell(attempt: Attempt) -> None:
    """Log what failed."""
    delivery = attempt.delivery
    if attempt.gone:
        log.error("webhook %s is disabled: its receiver answered 410 Gone", delivery.name)
    elif attempt.state is DeliveryState.DEAD:
        log.error(
            "delivery %d of webhook %s is dead after %d attempts: it %s",
            delivery.id, delivery.name, delivery.attempts, attempt.error,
        )  # fmt: skip
    elif attempt.delay is not None:
        log.warning(
            "delivery %d of webhook %s failed (attempt %d), next in %.0f s: it %s",
            delivery.id, delivery.name, delivery.attempts, attempt.delay, attempt.error,
        )  # fmt: skip


def _reason(error: Exception) -> str:
    text = reason_of(error) if isinstance(error, psycopg.Error) else str(error)
    return printable(text, limit=500)
