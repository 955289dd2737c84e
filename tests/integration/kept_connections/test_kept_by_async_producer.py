"""The connections that an `AsyncProducer` keeps between its calls: of tasks, late, given up."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from approvals import mapping
from processes import eventually
from publishers import AsyncPublisher, publishing_async

from signoff_producer import AsyncProducer, QueueUnavailableError, Receipt
from signoff_producer.async_calls import OwnAsyncCalls


def kept_by(publisher: AsyncPublisher) -> list[Any]:
    """The connections that it keeps."""
    calls = publisher.producer._calls
    assert isinstance(calls, OwnAsyncCalls)
    return list(calls._kept)


@pytest.mark.parametrize("closers", [1, 2])
def test_closing_waits_for_batches_that_are_being_sent(
    redis_url: str, client: redis.Redis, connected: Callable[[], set[int]], closers: int
) -> None:
    """They get their receipts, no connection is left, and another event loop may publish."""
    producer = AsyncProducer(redis_url, publish_retries=0)

    async def publish_while_closing() -> list[str]:
        async def answers() -> list[str]:
            return [str(one.answer) async for one in producer.publish_many([mapping()])]

        client.client_pause(60_000, all=False)
        publishing = asyncio.create_task(answers())
        await asyncio.to_thread(
            eventually, lambda: client.info("clients")["blocked_clients"] == 1, what="it was sent"
        )
        closing = [asyncio.create_task(producer.close()) for _ in range(closers)]
        await asyncio.wait(closing, timeout=0)
        client.client_unpause()
        await asyncio.gather(*closing)
        return await publishing

    assert asyncio.run(publish_while_closing()) == ["accepted"]
    eventually(lambda: not connected(), what="all are closed")
    with asyncio.Runner() as loop:
        assert loop.run(producer.publish(mapping())).answer == "accepted"
        loop.run(producer.close())


@pytest.mark.usefixtures("client")
def test_calls_at_the_same_time_have_a_connection_each(
    redis_url: str, connected: Callable[[], set[int]]
) -> None:
    """Each gets the answers to its own events."""
    with publishing_async(redis_url) as publisher:

        async def answers(event: dict[str, Any]) -> list[str]:
            receipts = publisher.producer.publish_many([event, event])
            return [str(receipt.answer) async for receipt in receipts]

        async def all_answers() -> list[list[str]]:
            return await asyncio.gather(*(answers(mapping()) for _ in range(3)))

        assert publisher.loop.run(all_answers()) == [["accepted", "duplicate"]] * 3
        assert len(kept_by(publisher)) == len(connected()) == 3


def test_a_connection_with_unread_data_is_not_used(
    redis_url: str, client: redis.Redis, connected: Callable[[], set[int]]
) -> None:
    """An unread answer is not taken as the answer to the next event."""
    with publishing_async(redis_url, publish_retries=0) as publisher:
        publisher.publish(mapping())
        old = connected()
        (kept,) = kept_by(publisher)
        publisher.loop.run(kept.send_command("ECHO", "stale"))
        eventually(lambda: "cmdstat_echo" in client.info("commandstats"), what="it was answered")

        assert publisher.publish(mapping()).answer == "accepted"
        assert not old & connected()


@pytest.mark.usefixtures("client")
def test_a_connection_to_a_former_primary_is_not_used(
    redis_url: str, connected: Callable[[], set[int]]
) -> None:
    """Another connection has learned from the Sentinels that there is a new one."""
    with publishing_async(redis_url) as publisher:
        publisher.publish(mapping())
        old = connected()
        pool: Any = publisher.producer._redis.connection_pool
        pool.master_address = ("elsewhere", 6379)

        assert publisher.publish(mapping()).answer == "accepted"
        eventually(lambda: not old & connected(), what="the old one is closed")


def test_a_late_answer_is_not_that_to_the_next_event(redis_url: str, client: redis.Redis) -> None:
    """The connection of a publish that took too long is given up; a pool of one has it back."""
    one, another = mapping(), mapping()
    with publishing_async(f"{redis_url}?max_connections=1", publish_retries=0) as publisher:
        publisher.publish(one)
        client.client_pause(60_000, all=False)
        try:
            with pytest.raises(QueueUnavailableError, match=r"within the 0\.05 s"):
                publisher.publish(one, timeout=0.05)
        finally:
            client.client_unpause()

        answers = [publisher.publish(event).answer for event in (another, one)]
        assert answers == ["accepted", "duplicate"]


@pytest.mark.usefixtures("client")
def test_a_connection_of_the_callers_own_pool_is_returned(redis_url: str) -> None:
    """After each call, since the pool may have no other connection."""

    async def publish() -> tuple[Receipt, int]:
        async with redis.asyncio.Redis.from_url(redis_url, max_connections=1) as callers:
            receipt = await AsyncProducer(connection=callers).publish(mapping())
            return receipt, await callers.dbsize()

    receipt, size = asyncio.run(publish())
    assert (receipt.answer, size) == ("accepted", 3)
