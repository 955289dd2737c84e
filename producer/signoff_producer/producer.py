"""Publish approval events from code that waits."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, Unpack

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_producer.calls import Call, ClientsCall, OwnCall
from signoff_producer.chunks import next_chunk
from signoff_producer.connections import Connections
from signoff_producer.consumed import Consumed
from signoff_producer.core import Core
from signoff_producer.exchange import Exchange
from signoff_producer.options import Options, check_options
from signoff_producer.outages import Server
from signoff_producer.publication import CHUNK, Request, ScriptReply, Source, many
from signoff_producer.receipts import Answer, Receipt
from signoff_producer.replicas import Replicas
from signoff_producer.spool import Taken
from signoff_producer.steps import Keep, Send, Settle, Sleep, Step, Take
from signoff_schemas import PublishSettings, SettingsError, redis_client

Client = TypeVar("Client", redis.Redis, redis.asyncio.Redis)


class Producer:
    """Puts approval events on the queue, one round trip a call, each event with a definite answer.

    Safe to share between threads, and to use in a forked process. Publishing an event again is
    safe, whatever became of the first attempt: `event_id` makes it take effect once.
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
        """Connects on first use. What is not given comes from variables of the environment.

        They are named `SIGNOFF_` and an option's name. Other settings than a producer's are not
        looked at, nor is any `.env` file: that of the working folder may be another project's.

        Args:
            redis_url: such as `redis://localhost:6379/0`.
            connection: a client of your own, instead of a URL; it must not decode responses. Its
                own timeouts and retries hold, not those of the settings.
            timeout: seconds that a publish may take in all: connecting, repetitions and waiting
                included. Default: none but `redis_timeout` for each try
                (`SIGNOFF_PUBLISH_TIMEOUT`).
            settings: read before, instead of from the environment and from `options`.
            **options: see `Options`.

        Raises:
            SettingsError: neither a URL nor a connection is given or set, one of them is wrong, or
                the spool cannot be written.
            TypeError: there is no such option.
        """
        check_options(options)
        settings = settings or PublishSettings.load(
            redis_url=redis_url, publish_timeout=timeout, **options
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
            event: an `ApprovalEvent`, any mapping of JSON-like values, or JSON as text or bytes.
            timeout: seconds that this publish may take in all, instead of the producer's.

        Returns:
            The receipt: accepted, duplicate, conflict, rejected, or spooled. If the event is
            invalid, the receipt says why, and nothing is raised; `receipt.raise_for_status()`
            raises it.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached, did not answer in time, or too few
                replicas have the event (`ReplicasBehindError`); publish it again.
        """
        request = Request.of(event)
        with self._exchange([request], timeout) as exchange:
            replies = exchange.result()
        return self._core.publication.receipt(request, replies[0] if replies else 0)

    def publish_many(
        self, events: Iterable[Source], *, timeout: float | None = None
    ) -> Iterator[Receipt]:
        """Publish any number of events, in bounded memory; yields their receipts in order.

        Like a generator it works as it is consumed: iterate over it, or nothing is published. It
        sends 500 events at a time, and reads the next ones while Redis works on these. Of a slow
        source it sends fewer: what it has when an event arrives more than half a second after the
        reading for this round trip began. While the source itself blocks nothing can be
        sent, so that what it yielded just before goes with its next event. Where that is too late,
        use `publish`, or `AsyncProducer`, which sends while it waits for its source.

        Args:
            events: each as `publish` takes it.
            timeout: seconds that each round trip may take in all, instead of the producer's.

        Raises:
            TypeError: `events` is a single event.
            QueueFull: at the first event that found no room.
            QueueUnavailableError: Redis cannot be reached; publish again from the first event
                without a receipt, or from the start.
        """
        many(events)
        return self.publish_requests(map(Request.of, events), timeout=timeout)

    def publish_requests(
        self, requests: Iterable[Request], *, timeout: float | None = None
    ) -> Iterator[Receipt]:
        """The same for requests, which are validated already; a relay uses it."""
        return Consumed(self._receipts(iter(requests), timeout))

    def _receipts(self, coming: Iterator[Request], timeout: float | None) -> Iterator[Receipt]:
        """A round trip at a time; while Redis works on a full one, the next events are read."""
        requests = next_chunk(coming)
        while requests:
            following = None
            with self._exchange(requests, timeout) as exchange:
                if len(requests) == CHUNK and self._owned:  # it is on its way
                    try:
                        following = next_chunk(coming)
                    except BaseException:  # the source's own: the receipts of these come first
                        yield from self._core.publication.receipts(requests, exchange.result())
                        raise
                replies = exchange.result()
            yield from self._core.publication.receipts(requests, replies)
            requests = next_chunk(coming) if following is None else following

    def _exchange(
        self, requests: list[Request], timeout: float | None
    ) -> Exchange[Sequence[ScriptReply]]:
        """What sends those that were not rejected; its result are the replies."""
        steps = self._core.publish(requests, self._core.deadline(timeout))
        return Exchange(steps, self._call, self._do)

    def flush_spool(self) -> Counter[Answer]:
        """Publish all that the spool holds, each event to the queue it was meant for.

        A publish that Redis takes does the same with a batch of what was meant for this Redis.
        This publishes also what was meant for another one, to this producer's.

        Returns:
            How many events got which answer. What was refused is in a file beside the spool, whose
            name ends in `.aside`.

        Raises:
            QueueFull: the queue is at its `max_queue_length`; what is left stays in the file.
            QueueUnavailableError: Redis cannot be reached; likewise.
            OSError: the file cannot be read or written.
        """
        with Exchange(self._core.flush_spool(), self._call, self._do) as exchange:
            return exchange.result()

    def _do(self, step: Step) -> Taken | None:
        """Do a step that is no call of Redis."""
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
    """Seconds for an answer, and for the replicas that are waited for before it comes."""
    return settings.redis_timeout + (settings.wait_timeout if settings.wait_replicas else 0)


def reading_bytes(client: Client) -> Client:
    """The client, if it hands out bytes: a zlib-compressed job is no text.

    Raises:
        SettingsError: it decodes responses; redis-py takes any text, also `False`, for true.
    """
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise SettingsError(
            "the connection decodes responses (decode_responses); Signoff needs one that returns "
            "bytes"
        )
    return client
