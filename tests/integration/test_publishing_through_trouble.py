"""Publishing while Redis, or the way to it, is in trouble: a real server, a bad connection."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from approvals import mapping
from publishers import Publisher, publishing
from troubled import Trouble, Way, troubled

from signoff_producer import QueueUnavailableError
from signoff_producer.retries import Retries

WAITING = "rq:queue:approvals"
LOADING = b"-LOADING Valkey is loading the dataset in memory\r\n"
READONLY = b"-READONLY You can't write against a read only replica.\r\n"
READONLY_6 = b"-ERR Error running script: @user_script:43: -READONLY You can't write\r\n"
MASTERDOWN = b"-MASTERDOWN Link with MASTER is down\r\n"
Make = Callable[..., Publisher]


@pytest.fixture
def way(redis_url: str) -> Iterator[Way]:
    """The way to an empty Valkey, good until told otherwise."""
    with troubled(redis_url) as way:
        yield way


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, way: Way) -> Iterator[Make]:
    """Make a publisher of either kind that has published before."""
    with ExitStack() as stack:

        def publisher(**options: Any) -> Publisher:
            made = stack.enter_context(publishing(request.param, way.url, **options))
            made.publish(mapping())
            way.seen = 0
            return made

        yield publisher


@pytest.mark.parametrize("trouble", [Trouble.CUT, LOADING, READONLY, READONLY_6, MASTERDOWN])
def test_what_passes_by_itself_is_waited_out(
    make: Make, way: Way, client: redis.Redis, trouble: Trouble | bytes
) -> None:
    """The event arrives by a repetition; its publisher learns nothing of it."""
    publisher = make()
    way.ahead.extend([trouble, trouble])

    assert publisher.publish(mapping()).answer == "accepted"
    assert len(publisher.waits) == 2
    assert client.llen(WAITING) == 2


def test_a_lost_answer_is_asked_for_again(make: Make, way: Way, client: redis.Redis) -> None:
    """Whether Redis had the event was unknown; it did, so that it is a duplicate, which is well."""
    publisher = make()
    way.ahead.append(Trouble.ANSWER_LOST)

    receipt = publisher.publish(mapping())

    assert (receipt.answer, receipt.ok) == ("duplicate", True)
    assert client.llen(WAITING) == 2


def test_an_answer_that_does_not_come_is_given_up(
    make: Make, way: Way, client: redis.Redis
) -> None:
    """After SIGNOFF_REDIS_TIMEOUT; its late arrival is not taken for the answer to the next."""
    publisher = make(redis_timeout=0.3)
    way.ahead.append(Trouble.SILENCE)

    answers = [publisher.publish(mapping()).answer for _ in range(2)]

    assert answers == ["duplicate", "accepted"]
    assert client.llen(WAITING) == 3


def test_many_events_are_repeated_too(make: Make, way: Way, client: redis.Redis) -> None:
    """A round trip of many is safe to repeat for the same reason."""
    publisher = make()
    way.ahead.extend([Trouble.CUT, Trouble.ANSWER_LOST])

    receipts = publisher.publish_many([mapping() for _ in range(3)])

    assert [receipt.answer for receipt in receipts] == ["duplicate"] * 3
    assert client.llen(WAITING) == 4


@pytest.mark.parametrize("retries", [0, 2])
def test_an_outage_that_lasts_is_an_error(make: Make, way: Way, retries: int) -> None:
    """After so many repetitions it is said; publishing again then works as ever."""
    publisher = make(publish_retries=retries)
    event = mapping()
    way.ahead.extend([Trouble.CUT] * (retries + 1))

    with pytest.raises(QueueUnavailableError, match="Publish them again"):
        publisher.publish(event)

    assert (way.seen, len(publisher.waits)) == (retries + 1, retries)
    assert publisher.publish(event).answer == "accepted"


@pytest.mark.parametrize(
    "refusal",
    [
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"-NOPERM User app has no permissions to run the 'evalsha' command\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    ],
)
def test_what_a_person_must_mend_is_not_repeated(make: Make, way: Way, refusal: bytes) -> None:
    """It would only be refused again."""
    publisher = make()
    way.ahead.append(refusal)

    with pytest.raises(QueueUnavailableError):
        publisher.publish(mapping())

    assert (way.seen, publisher.waits) == (1, [])


def test_delays_double_up_to_a_limit_and_are_spread() -> None:
    """Each is a random part of what it may be at the most."""
    most = list(Retries(5, first=0.1, longest=0.5, chance=lambda: 1).delays())

    assert most == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert list(Retries(2, first=0.1, chance=lambda: 0.5).delays()) == [0.05, 0.1]
