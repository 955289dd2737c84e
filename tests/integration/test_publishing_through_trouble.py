"""Publishing while Redis, or the way to it, is in trouble: a real server, a bad connection."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from approvals import mapping
from publishers import Publisher, publishing
from troubled import Trouble, Way, troubled

from signoff_producer import CircuitOpenError, QueueUnavailableError
from signoff_producer.breaker import Breaker
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


def test_a_redis_that_keeps_failing_is_left_alone(make: Make, way: Way) -> None:
    """Two failures open the circuit: nothing goes out until the cool-down is over, then one try."""
    now = 100.0
    publisher = make(publish_retries=0)
    publisher.producer._core.breaker = Breaker(2, 10, clock=lambda: now)
    way.ahead.extend([Trouble.CUT] * 3)
    event = mapping()

    for error in (QueueUnavailableError, QueueUnavailableError, CircuitOpenError):
        with pytest.raises(error):
            publisher.publish(event)
    assert way.seen == 2
    with pytest.raises(CircuitOpenError, match=r"not tried for another 10\.0 s"):
        publisher.publish_many([event])

    now += 10
    for error in (QueueUnavailableError, CircuitOpenError):
        with pytest.raises(error):
            publisher.publish(event)
    assert way.seen == 3

    now += 10
    assert [publisher.publish(event).answer for _ in range(2)] == ["accepted", "duplicate"]
    assert way.seen == 5


def test_a_success_in_between_keeps_the_circuit_closed(make: Make, way: Way) -> None:
    """Failures count in a row; without the setting they do not count at all."""
    publisher = make(publish_retries=0, breaker_failures=2)

    for _ in range(3):
        way.ahead.append(Trouble.CUT)
        with pytest.raises(QueueUnavailableError) as caught:
            publisher.publish(mapping())
        assert not isinstance(caught.value, CircuitOpenError)
        publisher.publish(mapping())


def test_the_circuit_is_off_by_default(make: Make, way: Way) -> None:
    """Every publish tries Redis."""
    publisher = make(publish_retries=0)
    way.ahead.extend([Trouble.CUT] * 20)

    for _ in range(20):
        with pytest.raises(QueueUnavailableError):
            publisher.publish(mapping())

    assert way.seen == 20


def test_one_thread_tries_after_the_cool_down() -> None:
    """Of many that come at once, the others learn that Redis is being tried."""
    now = 100.0
    breaker = Breaker(1, 10, clock=lambda: now)
    breaker.failed(QueueUnavailableError())
    now += 10
    start = threading.Barrier(8)

    def admitted(_: int) -> bool:
        start.wait()
        try:
            breaker.admit()
        except CircuitOpenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(admitted, range(8))) == 1

    breaker.succeeded()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(admitted, range(8)))


def test_an_open_circuit_travels_between_processes() -> None:
    """A process pool hands it on."""
    copy = pickle.loads(pickle.dumps(CircuitOpenError(5, 2.5)))  # noqa: S301 -- our own bytes

    assert (copy.failures, copy.retry_after) == (5, 2.5)


def test_delays_double_up_to_a_limit_and_are_spread() -> None:
    """Each is a random part of what it may be at the most."""
    most = list(Retries(5, first=0.1, longest=0.5, chance=lambda: 1).delays())

    assert most == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert list(Retries(2, first=0.1, chance=lambda: 0.5).delays()) == [0.05, 0.1]
