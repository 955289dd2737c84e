"""A publisher process: publishes on request, and keeps a journal of what it holds receipts for.

Run as `python -m faults.publisher SEED NUMBER JOURNAL WAY SPOOL`. The way is the `queue`, by a
producer with nothing but its defaults; `spool`, by one that leaves Redis alone while it is away and
keeps events in the file SPOOL meanwhile; or an `outbox`. Each line of standard input is a number of
events; once all of them have receipts, or are committed to the outbox, a line is written back. What
it publishes follows from seed and number, and the journal says how far it came: killed and started
again, it goes on there, and publishes again what it had no receipt for.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from faults.events import Published, of_publisher
from faults.outbox import add
from signoff_producer import Answer, Producer, QueueUnavailableError
from signoff_schemas import Settings

Way = Literal["queue", "spool", "outbox"]


def impatient(redis_url: str) -> Producer:
    """A producer with a client of the caller, whose commands time out after two seconds."""
    timeouts = {"socket_timeout": 2, "socket_connect_timeout": 2}
    connection = Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0), **timeouts)
    return Producer(connection=connection)


def publish(through: Producer, some: list[Published]) -> list[Published]:
    """Publish until every event has its receipt; returns them with the time of their receipt.

    Raises:
        AssertionError: an event was refused.
    """
    events = [one.event for one in some if one.event]
    while True:
        with suppress(QueueUnavailableError):
            receipts = list(through.publish_many(events))
            refused = [receipt for receipt in receipts if not receipt.ok]
            if refused:
                raise AssertionError(refused)
            at = time.time()
            return [
                replace(one, at=at, spooled=receipt.answer is Answer.SPOOLED)
                for one, receipt in zip(some, receipts, strict=True)
            ]
        time.sleep(0.05)


def main(seed: int, number: int, journal: Path, way: Way, spool: Path) -> None:
    """Publish whenever a line comes in."""
    send = _sender(way, spool, Settings.load())
    done = _whole_lines(journal)
    with journal.open("a", encoding="utf-8") as lines:
        for request in sys.stdin:
            chunk = [of_publisher(seed, number, done + i) for i in range(int(request))]
            for one in send(chunk):
                lines.write(f"{one.line}\n")
            lines.flush()
            done += len(chunk)
            sys.stdout.write("published\n")
            sys.stdout.flush()


def _sender(
    way: Way, spool: Path, settings: Settings
) -> Callable[[list[Published]], list[Published]]:
    redis_url = settings.require("redis_url")
    match way:
        case "outbox":
            return partial(add, settings.outbox)
        case "spool":
            spooling = Producer(redis_url, spool=spool, breaker_failures=3, breaker_cooldown=0.5)
            return partial(publish, spooling)
    return partial(publish, Producer(redis_url))


def _whole_lines(journal: Path) -> int:
    """How many lines the journal has; a line that was only partly written is removed."""
    held = journal.read_bytes() if journal.exists() else b""
    journal.write_bytes(held[: held.rfind(b"\n") + 1])
    return held.count(b"\n")


if __name__ == "__main__":
    main(
        int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), cast("Way", sys.argv[4]),
        Path(sys.argv[5]),
    )  # fmt: skip
