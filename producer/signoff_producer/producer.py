"""Publish approval events from code that waits."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_producer.breaker import Breaker, RejectedCall
from signoff_producer.call import Call
from signoff_producer.connections import Connections
from signoff_producer.consumed import Consumed
from signoff_producer.options import Options
from signoff_producer.outages import passes, unavailable
from signoff_producer.packing import KeyedScript
from signoff_producer.publication import (
    SCRIPT,
    Publication,
    Request,
    ScriptReply,
    Source,
    many,
    next_chunk,
)
from signoff_producer.receipts import (
    Answer,
    CircuitOpenError,
    QueueFull,
    QueueUnavailableError,
    Receipt,
)
from signoff_producer.replicas import Replicas
from signoff_producer.retries import ONCE_AT_ONCE, Retries
from signoff_producer.spool import Spool, Taken
from signoff_schemas import PublishSettings, SettingsError, redis_client

_logger: Final = logging.getLogger(__name__)
Client = TypeVar("Client", redis.Redis, redis.asyncio.Redis)


class Producer:
    """Puts approval events on the queue, one round trip a call, each event with a definite answer.

    Safe to share between threads. Publishing an event again is safe, whatever became of the first
    attempt: `event_id` makes it take effect once.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        connection: "redis.Redis | None" = None,
        settings: PublishSettings | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Connects on first use. What is not given comes from variables of the environment.

        They are named `SIGNOFF_` and an option's name. Other settings than a producer's are not
        looked at, nor is any `.env` file: that of the working folder may be another project's.

        Args:
            redis_url: such as `redis://localhost:6379/0`.
            connection: a client of your own, instead of a URL; it must not decode responses. Its
                own timeouts and retries hold, not those of the settings.
            settings: read before, instead of from the environment and from `options`.
            **options: see `Options`.

        Raises:
            SettingsError: neither a URL nor a connection is given or set, one of them is wrong, or
                the spool cannot be written.
        """
        settings = settings or PublishSettings.load(redis_url=redis_url, **options)
        self._publication = Publication.of(settings)
        self._replicas = Replicas(settings.wait_replicas, settings.wait_timeout)
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_cooldown)
        self._spool = Spool.of(settings)
        self._owned = connection is None
        self._redis: redis.Redis = reading_bytes(connection or _connected(settings))
        self._connections = Connections(self._redis.connection_pool, keep=self._owned)
        self._retries = Retries(settings.publish_retries) if self._owned else ONCE_AT_ONCE
        self._wait: Callable[[float], object] = time.sleep
        self._script = KeyedScript(self._redis.register_script(SCRIPT), self._publication.keys)

    def publish(self, event: Source) -> Receipt:
        """Publish one event.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached, or too few replicas have the event
                (`ReplicasBehindError`); publish it again.
        """
        request = Request.of(event)
        call = self._call([request])
        answer = self._answers([request], call)[0] if call is not None else 0
        return self._publication.receipt(request, answer)

    def publish_many(self, events: Iterable[Source]) -> Iterator[Receipt]:
        """Publish any number of events, in bounded memory; yields their receipts in order.

        Like a generator it works as it is consumed: iterate over it, or nothing is published. It
        reads the next events while Redis works on the ones before.

        Raises:
            TypeError: `events` is a single event.
            QueueFull: at the first event that found no room.
            QueueUnavailableError: Redis cannot be reached; publish again from the first event
                without a receipt, or from the start.
        """
        many(events)
        return self.publish_requests(map(Request.of, events))

    def publish_requests(self, requests: Iterable[Request]) -> Iterator[Receipt]:
        """Likewise, for a relay, which knows of events that need not be validated again."""
        return Consumed(self._receipts(iter(requests)))

    def _receipts(self, coming: Iterator[Request]) -> Iterator[Receipt]:
        """A round trip at a time; while Redis works on one, the events of the next are read."""
        requests = next_chunk(coming)
        while requests:
            call = self._call(requests)
            try:
                following = next_chunk(coming)
            except BaseException:  # the caller's own: it comes after word of what was sent
                yield from self._answered(requests, call)
                raise
            yield from self._answered(requests, call)
            requests = following

    def _call(self, requests: list[Request]) -> Call | RejectedCall | None:
        """Send what was not rejected, if anything."""
        if all(request.error for request in requests):
            return None
        try:
            self._breaker.admit()
        except CircuitOpenError as error:
            return RejectedCall(error)
        arguments = self._publication.arguments(requests)
        return Call(self._connections, self._script, self._replicas, arguments)

    def _answered(
        self, requests: list[Request], call: Call | RejectedCall | None
    ) -> Iterator[Receipt]:
        answers = self._answers(requests, call) if call is not None else ()
        return self._publication.receipts(requests, answers)

    def _answers(self, requests: list[Request], call: Call | RejectedCall) -> Sequence[ScriptReply]:
        try:
            answers = self._told(call)
        except QueueUnavailableError as error:
            self._breaker.failed(error)
            if self._spool is None:
                raise
            return self._spool.keep(requests, error)
        except BaseException:  # a signal's handler may raise at any place
            call.close()
            raise
        self._breaker.succeeded()
        if self._spool is not None and self._spool.holds():
            self._replay_a_batch(self._spool)
        return answers

    def _told(self, call: Call | RejectedCall) -> Sequence[ScriptReply]:
        try:
            return call.answer()
        except redis.RedisError as error:
            with unavailable(self._redis):
                return self._repeated(call, error)

    def _repeated(
        self, call: Call | RejectedCall, failure: redis.RedisError
    ) -> Sequence[ScriptReply]:
        """The answers after all: while Redis is away a call is repeated, safely by `event_id`."""
        for delay in self._retries.delays():
            if not passes(failure):
                break
            self._wait(delay)
            try:
                return call.again()
            except redis.RedisError as error:
                failure = error
        raise failure

    def flush_spool(self) -> Counter[Answer]:
        """Publish all that the spool holds, and count the answers.

        A publish that Redis takes does the same with a batch of it.

        Raises:
            QueueFull: the queue is at its `max_queue_length`; what is left stays in the file.
            QueueUnavailableError: Redis cannot be reached; likewise.
            OSError: the file cannot be read or written.
        """
        answers: Counter[Answer] = Counter()
        while self._spool is not None and (taken := self._spool.take(wait=True)):
            answers.update(self._replayed(taken))
        return answers

    def _replay_a_batch(self, spool: Spool) -> None:
        """Publish some of what the spool holds; the publish that led here has succeeded."""
        try:
            if taken := spool.take():
                self._replayed(taken)
        except (QueueFull, QueueUnavailableError, OSError) as error:
            _logger.warning("The spool %s stays as it is: %s", spool.path, error)

    def _replayed(self, taken: Taken) -> list[Answer]:
        """Publish them, once: the file is locked meanwhile, and there is always a next time."""
        with closing(taken):
            call = self._call(taken.requests)
            answers: Sequence[ScriptReply] = ()
            if call is not None:
                with closing(call), unavailable(self._redis):
                    answers = call.answer()
            receipts = list(self._publication.receipts(taken.requests, answers))
            taken.settle(receipts)
        return [receipt.answer for receipt in receipts]

    def close(self) -> None:
        """Close the connections that this producer opened."""
        self._connections.release_all()
        if self._owned:
            self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _connected(settings: PublishSettings) -> redis.Redis:
    """A client that repeats nothing by itself: `Producer` does, and knows when that helps."""
    return redis_client(
        settings.require("redis_url"),
        socket_timeout=answer_timeout(settings),
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
    )


def answer_timeout(settings: PublishSettings) -> float:
    """Seconds for an answer, and for the replicas that are waited for before it comes."""
    return settings.redis_timeout + (settings.wait_timeout if settings.wait_replicas else 0)


def reading_bytes(client: Client) -> Client:
    """The client, if it hands out bytes: a zlib-compressed job is no text."""
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise SettingsError(
            "the connection has decode_responses=True; Signoff needs one that returns bytes"
        )
    return client
