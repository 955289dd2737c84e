"""How many events each sender may publish in a minute."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from signoff_schemas import SignoffError
from signoff_web.problems import ProblemError
from signoff_web.rates import Rates


class Shared:
    """The counts that all processes share."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, int], int] = {}
        self.away = False

    async def add_up(self, counts: Mapping[str, int], window: int) -> Mapping[str, int]:
        """As `signoff_ops.rates` does in Redis."""
        if self.away:
            raise SignoffError("away")
        for sender, count in counts.items():
            self.totals[sender, window] = self.totals.get((sender, window), 0) + count
        return {sender: self.totals[sender, window] for sender in counts}


def rates(shared: Shared, *, limit: int = 10, now: list[float] | None = None) -> Rates:
    """The rates of a process; `now` holds the time."""
    moment = now or [120.0]
    return Rates(limit, shared.add_up, clock=lambda: moment[0])


def refused(some: Rates, sender: str) -> Any:
    """The refusal of one more event."""
    with pytest.raises(ProblemError) as error:
        some.take(sender, 1)
    return error.value


def test_a_sender_is_told_what_is_left() -> None:
    """Each answer has the fields of the draft on rate limits."""
    allowance = rates(Shared(), now=[130.0]).take("key:a", 3)

    assert allowance.headers == {
        "ratelimit-policy": '"events";q=10;w=60',
        "ratelimit": '"events";r=7;t=50',
    }


def test_a_sender_who_has_none_left_is_refused_until_the_next_minute() -> None:
    """The refusal says when; other senders are not concerned."""
    now = [130.0]
    some = rates(Shared(), now=now)
    some.take("key:a", 10)

    problem = refused(some, "key:a")
    assert (problem.status, problem.headers["Retry-After"]) == (429, "50")
    assert some.take("key:b", 1).left == 9
    now[0] = 180.0
    assert some.take("key:a", 1).left == 9


def test_processes_count_together() -> None:
    """What one process let through is missing in the other, once they were added up."""
    shared = Shared()
    one, other = rates(shared), rates(shared)

    async def settle() -> None:
        for each in (one, other, one):
            await each.settle()

    one.take("key:a", 4)
    other.take("key:a", 3)
    asyncio.run(settle())
    assert other.take("key:a", 3).left == 0
    assert refused(other, "key:a").status == 429
    asyncio.run(settle())
    one.take("key:a", 1)
    asyncio.run(settle())

    assert refused(one, "key:a").status == 429


def test_a_process_counts_alone_while_the_others_cannot_be_reached() -> None:
    """The limit still holds, and what was counted meanwhile is added later."""
    shared = Shared()
    shared.away = True
    some = rates(shared)
    some.take("key:a", 10)
    with pytest.raises(SignoffError):
        asyncio.run(some.settle())

    assert refused(some, "key:a").status == 429
    shared.away = False
    asyncio.run(some.settle())
    assert shared.totals == {("key:a", 2): 10}
