"""Publish events from synchronous code."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, Unpack

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_producer.calls import Call, ClientsCall, OwnCall
from signoff_producer.chunks import Following, next_chunk
from signoff_producer.connections import Connections
from signoff_producer.consumed import Consumed
from signoff_producer.core import Core
from signoff_producer.options import Options, argument_of, check_options
from signoff_producer.outages import Server
from signoff_producer.publication import CHUNK, Request, many
from signoff_producer.receipts import Answer, Receipt
from signoff_producer.replicas import Replicas
from signoff_producer.running import run
from signoff_producer.spool import Taken
from signoff_producer.steps import Keep, Send, Settle, Sleep, Step, Take
from signoff_schemas import PublishSettings, SettingsError, Source, redis_client

Client = TypeVar("Client", redis.Redis, redis.asyncio.Redis)


class Producer:
    """Puts events on the queue, one round trip for each call; each event gets a receipt.

    Safe to share between threads, and to use in a forked process. Publishing an event again is
    always safe: because of its `event_id` it takes effect once.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        connection: "redis.Redis | None" = None,
        timeout: float | None = None,
        settings: PublishSettings | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Connects on first use. Options that are not given are read from the environment.

        The variables are named `SIGNOFF_` and the option's name. Only a producer's settings are
        read. No `.env` file is read: that of the working folder may be another project's.

        Args:
            redis_url: such as `redis://localhost:6379/0`.
            connection: a client of your own, instead of a URL; it must not decode responses. Its
                own timeouts and retries are used, not those of the settings.
            timeout: the most seconds of a publish in all, with connecting, retries and waiting
                (`SIGNOFF_PUBLISH_TIMEOUT`). By default only each try is limited, by
                `redis_timeout`.
            settings: used instead of the environment and `options`.
            **options: see `Options`.

        Raises:
            SettingsError: neither a URL nor a connection is given or set, one of them is wrong, or
                the spool cannot be written.
            TypeError: there is no such option.
        """
        check_options(options)
        settings = settings or PublishSettings.load_named(
            {"redis_url": redis_url, "publish_timeout": timeout, **options}, argument_of
        )
        self._redis: redis.Redis = reading_bytes(connection or _connected(settings))
        self._owned = connection is None
        self._core = Core(settings, Server.of(self._redis), owned=self._owned)
        replicas = Replicas(settings.wait_replicas, settings.wait_timeout)
        self._connections = Connections(self._redis.connection_pool) if self._owned else None
        self._call: Callable[[Send], Call] = (
            partial(OwnCall, self._connections, replicas)
            if self._connections
            else partial(ClientsCall, self._redis, replicas)
        )
        self._wait: Callable[[float], object] = time.sleep

    def publish(self, event: Source, *, timeout: float | None = None) -> Receipt:
        """Publish one event.

        Args:
            event: an `ApprovalEvent` or `StatusDecision`, any mapping of JSON-like values, or JSON
                as text or bytes.
            timeout: the most seconds of this publish in all, instead of the producer's.

        Returns:
            The receipt: accepted, duplicate, conflict, rejected, or spooled. If the event is
            invalid, no error is raised here, but by `receipt.raise_for_status()`; the receipt has
            the reason.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached, did not answer in time, or too few
                replicas have the event (`ReplicasBehindError`); publish it again.
        """
        request = Request.of(event)
        steps = self._core.publish([request], self._core.deadline(timeout))
        replies = run(steps, self._call, self._do)
        return self._core.publication.receipt(request, replies[0] if replies else 0)

    def publish_many(
        self, events: Iterable[Source], *, timeout: float | None = None
    ) -> Iterator[Receipt]:
        """Publish any number of events, in bounded memory; yields their receipts in order.

        It is a generator: iterate over the result; otherwise nothing is published. It sends 500
        events at a time, and reads the next ones while Redis works. If the source is slow, it sends
        fewer: it sends when an event arrives more than half a second after the first one of the
        chunk was requested. While the source blocks, nothing can be sent, so events may wait until
        the source yields the next one. If that is too late, use `publish`, or `AsyncProducer`,
        which sends while it waits for its source.

        Args:
            events: each as for `publish`.
            timeout: the most seconds of each round trip in all, instead of the producer's.

        Raises:
            TypeError: `events` is a single event.
            QueueFull: at the first event for which the queue had no room.
            QueueUnavailableError: Redis cannot be reached; publish again from the first event
                without a receipt, or from the start.
        """
        many(events)
        return self.publish_requests(map(Request.of, events), timeout=timeout)

    def publish_requests(
        self, requests: Iterable[Request], *, timeout: float | None = None
    ) -> Iterator[Receipt]:
        """Publish requests, which are validated already; relays use it."""
        return Consumed(self._receipts(iter(requests), timeout))

    def _receipts(self, coming: Iterator[Request], timeout: float | None) -> Iterator[Receipt]:
        """One round trip for each chunk; while Redis works on a full one, the next is read."""
        requests = next_chunk(coming)
        while requests:
            following = Following(coming)
            meanwhile = following.read if len(requests) == CHUNK and self._owned else None
            steps = self._core.publish(requests, self._core.deadline(timeout))
            try:
                replies = run(steps, self._call, self._do, meanwhile)
            except Exception as error:
                following.note_in(error)
                raise
            yield from self._core.publication.receipts(requests, replies)
            requests = following.chunk()

    def flush_spool(self) -> Counter[Answer]:
        """Publish all events of the spool, each to the queue it was meant for.

        Each successful publish also publishes a batch of the spool, if the spool's events are for
        this Redis. This method publishes events for another Redis too, to this producer's.

        Returns:
            The number of events by answer. Refused events are in a file beside the spool, whose
            name ends in `.aside`.

        Raises:
            QueueFull: the queue is at its `max_queue_length`; the other events stay in the file.
            QueueUnavailableError: Redis cannot be reached; likewise.
            OSError: the file cannot be read or written.
        """
        return run(self._core.flush_spool(), self._call, self._do)

    def _do(self, step: Step) -> Taken | None:
        """Run a step that is not a call of Redis."""
        match step:
            case Sleep(seconds):
                self._wait(seconds)
            case Keep(spool, requests, failure):
                spool.keep(requests, failure)
            case Take(spool, any_redis):
                return spool.take(any_redis=any_redis)
            case Settle(taken, receipts):
                taken.settle(receipts)
        return None

    def close(self) -> None:
        """Close the connections that this producer opened."""
        if self._connections is not None:
            self._connections.release_all()
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
    """A client without retries: the core does them."""
    return redis_client(
        settings.require("redis_url"),
        socket_timeout=answer_timeout(settings),
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
    )


def answer_timeout(settings: PublishSettings) -> float:
    """Seconds to wait for an answer, including the wait for replicas."""
    return settings.redis_timeout + (settings.wait_timeout if settings.wait_replicas else 0)


def reading_bytes(client: Client) -> Client:
    """The client, if it returns bytes: a zlib-compressed job is not text.

    Raises:
        SettingsError: it decodes responses; redis-py treats any text as true, also `False`.
    """
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise SettingsError(
            "the connection decodes responses (decode_responses); Signoff needs one that returns "
            "bytes"
        )
    return client
