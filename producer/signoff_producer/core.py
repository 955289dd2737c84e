"""The logic of publishing, without input and output: `Producer` and `AsyncProducer` run its steps.

    admit → encode → send → reply → receipt
                 ↘ while Redis is unavailable: repeat, then spool

Each method is a generator of steps. The producer runs each step, and sends its answer or throws its
error into the generator.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from redis import RedisError

from signoff_producer.breaker import Breaker
from signoff_producer.deadline import NO_DEADLINE, Deadline
from signoff_producer.outages import Server, passes
from signoff_producer.publication import SPOOLED, Publication, Request, ScriptReply
from signoff_producer.receipts import Answer, QueueFull, QueueUnavailableError, Receipt
from signoff_producer.retries import Retries
from signoff_producer.spool import Spool, Taken
from signoff_producer.steps import Keep, Send, Settle, Sleep, Steps, Take
from signoff_schemas import PublishSettings

_logger: Final = logging.getLogger(__name__)
_UNTIL_FREE: Final = 0.05
"""Seconds until a spool that another publisher replays is checked again."""


class Core:
    """The state of a producer, and its decisions."""

    def __init__(self, settings: PublishSettings, server: Server, *, owned: bool) -> None:
        """If `owned` is false, the client is the caller's, which does its own retries."""
        self.publication = Publication.of(settings)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_cooldown)
        self.spool = Spool.of(settings, server.label)
        self._server = server
        self._timeout = settings.publish_timeout
        self._retries = Retries(settings.publish_retries if owned else 0)

    def deadline(self, timeout: float | None = None) -> Deadline:
        """The deadline of a publish that may take `timeout` seconds, by default the setting.

        Raises:
            ValueError: `timeout` is not greater than 0.
        """
        seconds = self._timeout if timeout is None else timeout
        return NO_DEADLINE if seconds is None else Deadline.after(seconds)

    def publish(
        self, requests: Sequence[Request], deadline: Deadline
    ) -> Steps[Sequence[ScriptReply]]:
        """Publish the requests that were not rejected; returns the reply to each.

        Raises:
            QueueUnavailableError: neither Redis nor a spool took them.
        """
        sendable = [request for request in requests if request.error is None]
        if not sendable:
            return ()
        try:
            self.breaker.admit()
            send = self._send(self.publication, sendable, deadline)
            try:
                replies: Sequence[ScriptReply] = yield send
            except RedisError as error:
                replies = yield from self._send_again(send, error)
        except QueueUnavailableError as error:
            self.breaker.failed(error)
            if self.spool is None:
                raise
            yield Keep(self.spool, sendable, error)
            return [SPOOLED] * len(sendable)
        self.breaker.succeeded()
        if self.spool is not None and self.spool.holds():
            yield from self._replay_a_batch(self.spool, deadline)
        return replies

    def _send_again(self, send: Send, error: RedisError) -> Steps[Sequence[ScriptReply]]:
        """Send again while Redis is unavailable; `event_id` makes that safe."""
        again = send.again()
        for delay in self._retries.delays():
            if not passes(error) or not send.deadline.allows(delay):
                break
            yield Sleep(delay)
            try:
                replies: Sequence[ScriptReply] = yield again
            except RedisError as another:
                error = another
            else:
                return replies
        raise self._server.unavailable(error, send.deadline.seconds) from error

    @staticmethod
    def _send(publication: Publication, requests: Sequence[Request], deadline: Deadline) -> Send:
        return Send(publication.keys, publication.constants(), publication.jobs(requests), deadline)

    def flush_spool(self) -> Steps[Counter[Answer]]:
        """Publish all events of the spool, also those for another Redis; counts the answers.

        Raises:
            QueueFull, QueueUnavailableError, OSError: the other events stay in the file.
        """
        answers: Counter[Answer] = Counter()
        while self.spool is not None and self.spool.holds():
            taken: Taken | None = yield Take(self.spool, any_redis=True)
            if taken is None:
                yield Sleep(_UNTIL_FREE)
                continue
            receipts = yield from self._replay(taken, self.deadline())
            answers.update(receipt.answer for receipt in receipts)
        return answers

    def _replay_a_batch(self, spool: Spool, deadline: Deadline) -> Steps[None]:
        """Publish a batch of the spool, after a publish that succeeded."""
        try:
            taken: Taken | None = yield Take(spool, any_redis=False)
            if taken is not None:
                yield from self._replay(taken, deadline)
        except (QueueFull, QueueUnavailableError, OSError) as error:
            _logger.warning("The spool %s keeps its events: %s", spool.path, error)

    def _replay(self, taken: Taken, deadline: Deadline) -> Steps[list[Receipt]]:
        """Publish them once, each to its own queue; the file is locked meanwhile.

        Raises:
            QueueFull, QueueUnavailableError: only events without an answer stay in the file.
        """
        receipts: list[Receipt | None] = [None] * len(taken.requests)
        trouble: QueueFull | QueueUnavailableError | None = None
        with closing(taken):
            for queue, numbers in taken.by_queue(self.publication.queue):
                publication = self.publication.on(queue)
                requests = [taken.requests[number] for number in numbers]
                sendable = [request for request in requests if request.error is None]
                replies: Sequence[ScriptReply] = ()
                try:
                    if sendable:
                        replies = yield self._send(publication, sendable, deadline)
                        self.breaker.succeeded()
                except (RedisError, QueueUnavailableError) as error:
                    trouble = self._failed(error, deadline)
                    break
                outcomes = _outcomes(publication, requests, replies)
                for number, outcome in zip(numbers, outcomes, strict=True):
                    if isinstance(outcome, QueueFull):
                        trouble = outcome
                    else:
                        receipts[number] = outcome
            yield Settle(taken, receipts)
        if trouble:
            raise trouble
        return [receipt for receipt in receipts if receipt]

    def _failed(
        self, error: RedisError | QueueUnavailableError, deadline: Deadline
    ) -> QueueUnavailableError:
        unavailable = (
            error
            if isinstance(error, QueueUnavailableError)
            else self._server.unavailable(error, deadline.seconds)
        )
        self.breaker.failed(unavailable)
        return unavailable


def _outcomes(
    publication: Publication, requests: Sequence[Request], replies: Sequence[ScriptReply]
) -> Iterator[Receipt | QueueFull]:
    """The receipt of each event, or `QueueFull`; a full queue does not stop the others."""
    coming = iter(replies)
    for request in requests:
        reply = 0 if request.error else next(coming)
        try:
            yield publication.receipt(request, reply)
        except QueueFull as error:
            yield error
