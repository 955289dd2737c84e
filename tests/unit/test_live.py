"""The sampler: the servers are read once for all who look, and only while somebody looks."""

import asyncio
import threading
from dataclasses import replace

from signoff_ops.servers import DirectServers, Servers
from signoff_ops.status import QueueStatus, Status
from signoff_queue.reader import Counts
from signoff_schemas import Settings
from signoff_web.live import FIRST_INTERVAL, INTERVAL, LONGEST_INTERVAL, Sampler

SERVERS = DirectServers(Settings.load())


class Clock:
    """A clock that a test moves; reading the servers takes the time that it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0
        self.takes = 0.0
        self.lock = threading.Lock()

    def __call__(self) -> float:
        """The time."""
        return self.now

    def read(self, _servers: object) -> Status:
        """Read nothing."""
        with self.lock:
            self.reads += 1
        self.now += self.takes
        return Status(None, None, None, None, None, None, None, {"redis": "away"})

    def sampler(self) -> Sampler:
        """A sampler with this clock."""
        return Sampler(SERVERS, read=self.read, clock=self)


def test_many_who_ask_at_once_get_the_same_figures() -> None:
    """One read for a hundred tabs; the next one when the figures are old."""
    clock = Clock()

    async def ask() -> None:
        sampler = clock.sampler()
        first = await asyncio.gather(*(sampler.latest() for _ in range(100)))
        assert (clock.reads, {one.number for one in first}) == (1, {1})
        clock.now += INTERVAL / 2
        assert (await sampler.latest()).number == 1
        clock.now += INTERVAL
        assert (await sampler.latest()).number == clock.reads == 2

    asyncio.run(ask())


def test_a_reader_that_leaves_does_not_end_the_look_of_others() -> None:
    """The look goes on for those who wait."""
    clock = Clock()

    async def ask() -> None:
        sampler = clock.sampler()
        leaving = asyncio.create_task(sampler.latest())
        staying = asyncio.create_task(sampler.latest())
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying).number == 1
        assert clock.reads == 1

    asyncio.run(ask())


def test_slow_servers_are_read_less_often() -> None:
    """Reading takes at most a fifth of the time, up to a longest pause."""
    clock = Clock()

    async def ask() -> None:
        sampler = clock.sampler()
        clock.takes = 1.0
        await sampler.latest()
        assert sampler.due_in == 4.0
        clock.now += 5
        clock.takes = 30.0
        await sampler.latest()
        assert sampler.due_in == 0.0
        assert LONGEST_INTERVAL < 30

    asyncio.run(ask())


def test_the_second_look_comes_soon_so_that_the_rate_is_known() -> None:
    """One look tells no rate."""
    clock = Clock()
    queue = QueueStatus("approvals", Counts(0, 0, 0, 0, 0, 0), None, None, (), None)

    def read(servers: Servers) -> Status:
        return replace(clock.read(servers), queue=queue)

    async def ask() -> None:
        sampler = Sampler(SERVERS, read=read, clock=clock)
        assert (await sampler.latest()).rate is None
        assert sampler.due_in == FIRST_INTERVAL < INTERVAL
        clock.now += FIRST_INTERVAL
        assert (await sampler.latest()).rate is not None
        assert sampler.due_in == INTERVAL

    asyncio.run(ask())


def test_the_series_has_a_gap_where_nobody_looked() -> None:
    """What is not known is no value."""
    clock = Clock()

    async def ask() -> None:
        sampler = clock.sampler()
        await sampler.latest()
        assert [point[1:] for point in sampler.series] == [(None, None)]

    asyncio.run(ask())
