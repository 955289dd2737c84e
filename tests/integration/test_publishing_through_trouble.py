"""Publishing while Redis or the connection to it fails, with a real server."""

import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from approvals import mapping
from faulty_proxy import FaultyProxy, NetworkFault, faulty_proxy
from processes import DEADLINE
from publishers import Publisher, publishing

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
def proxy(redis_url: str) -> Iterator[FaultyProxy]:
    """A proxy to an empty Valkey; it works until a test makes it fail."""
    with faulty_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, proxy: FaultyProxy) -> Iterator[Make]:
    """Make a publisher of either kind that has published before."""
    with ExitStack() as stack:

        def publisher(**options: Any) -> Publisher:
            made = stack.enter_context(publishing(request.param, proxy.url, **options))
            made.publish(mapping())
            proxy.publishes = 0
            return made

        yield publisher


@pytest.mark.parametrize("fault", [NetworkFault.CUT, LOADING, READONLY, READONLY_6, MASTERDOWN])
def test_an_outage_that_passes_is_waited_for(
    make: Make, proxy: FaultyProxy, client: redis.Redis, fault: NetworkFault | bytes
) -> None:
    """A retry succeeds, and the publisher gets no error."""
    publisher = make()
    proxy.faults.extend([fault, fault])

    assert publisher.publish(mapping()).answer == "accepted"
    assert len(publisher.waits) == 2
    assert client.llen(WAITING) == 2


def test_a_publish_with_a_lost_answer_is_repeated(
    make: Make, proxy: FaultyProxy, client: redis.Redis
) -> None:
    """Redis has the event already, so the answer is `duplicate`."""
    publisher = make()
    proxy.faults.append(NetworkFault.ANSWER_LOST)

    receipt = publisher.publish(mapping())

    assert (receipt.answer, receipt.ok) == ("duplicate", True)
    assert client.llen(WAITING) == 2


def test_the_wait_for_an_answer_is_bounded(
    make: Make, proxy: FaultyProxy, client: redis.Redis
) -> None:
    """By SIGNOFF_REDIS_TIMEOUT; a late answer is not taken as the answer to the next publish."""
    publisher = make(redis_timeout=1)
    proxy.faults.append(NetworkFault.SILENCE)

    answers = [publisher.publish(mapping()).answer for _ in range(2)]

    assert answers == ["duplicate", "accepted"]
    assert client.llen(WAITING) == 3


def test_many_events_are_repeated_too(make: Make, proxy: FaultyProxy, client: redis.Redis) -> None:
    """A round trip of many events is safe to repeat too."""
    publisher = make()
    proxy.faults.extend([NetworkFault.CUT, NetworkFault.ANSWER_LOST])

    receipts = publisher.publish_many([mapping() for _ in range(3)])

    assert [receipt.answer for receipt in receipts] == ["duplicate"] * 3
    assert client.llen(WAITING) == 4


@pytest.mark.parametrize("retries", [0, 2])
def test_an_outage_that_lasts_is_an_error(make: Make, proxy: FaultyProxy, retries: int) -> None:
    """After all retries the error is raised; a later publish works."""
    publisher = make(publish_retries=retries)
    event = mapping()
    proxy.faults.extend([NetworkFault.CUT] * (retries + 1))

    with pytest.raises(QueueUnavailableError, match="Publish them again"):
        publisher.publish(event)

    assert (proxy.publishes, len(publisher.waits)) == (retries + 1, retries)
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
def test_a_refusal_that_a_person_must_fix_is_not_retried(
    make: Make, proxy: FaultyProxy, refusal: bytes
) -> None:
    """It would be refused again."""
    publisher = make()
    proxy.faults.append(refusal)

    with pytest.raises(QueueUnavailableError):
        publisher.publish(mapping())

    assert (proxy.publishes, publisher.waits) == (1, [])


def test_a_redis_that_keeps_failing_is_not_tried_for_a_while(
    make: Make, proxy: FaultyProxy
) -> None:
    """Two failures open the circuit: nothing is sent until the cooldown is over, then one try."""
    now = 100.0
    publisher = make(publish_retries=0)
    publisher.producer._core.breaker = Breaker(2, 10, clock=lambda: now)
    proxy.faults.extend([NetworkFault.CUT] * 3)
    event = mapping()

    for error in (QueueUnavailableError, QueueUnavailableError, CircuitOpenError):
        with pytest.raises(error):
            publisher.publish(event)
    assert proxy.publishes == 2
    with pytest.raises(CircuitOpenError, match=r"not tried for another 10\.0 s"):
        publisher.publish_many([event])

    now += 10
    for error in (QueueUnavailableError, CircuitOpenError):
        with pytest.raises(error):
            publisher.publish(event)
    assert proxy.publishes == 3

    now += 10
    assert [publisher.publish(event).answer for _ in range(2)] == ["accepted", "duplicate"]
    assert proxy.publishes == 5


def test_refused_publishes_do_not_prolong_the_cooldown(make: Make, proxy: FaultyProxy) -> None:
    """When it is over, Redis is tried, also after many refused publishes."""
    now = 100.0
    publisher = make(publish_retries=0)
    publisher.producer._core.breaker = Breaker(1, 10, clock=lambda: now)
    proxy.faults.append(NetworkFault.CUT)
    with pytest.raises(QueueUnavailableError):
        publisher.publish(mapping())

    for _ in range(3):
        now += 3
        with pytest.raises(CircuitOpenError):
            publisher.publish(mapping())

    now += 1
    assert publisher.publish(mapping()).answer == "accepted"


def test_a_success_in_between_keeps_the_circuit_closed(make: Make, proxy: FaultyProxy) -> None:
    """Only failures in a row count."""
    publisher = make(publish_retries=0, breaker_failures=2)

    for _ in range(3):
        proxy.faults.append(NetworkFault.CUT)
        with pytest.raises(QueueUnavailableError) as caught:
            publisher.publish(mapping())
        assert not isinstance(caught.value, CircuitOpenError)
        publisher.publish(mapping())


def test_the_circuit_is_off_by_default(make: Make, proxy: FaultyProxy) -> None:
    """Every publish tries Redis."""
    publisher = make(publish_retries=0)
    proxy.faults.extend([NetworkFault.CUT] * 20)

    for _ in range(20):
        with pytest.raises(QueueUnavailableError):
            publisher.publish(mapping())

    assert proxy.publishes == 20


def test_a_deadline_covers_answers_and_delays(make: Make, proxy: FaultyProxy) -> None:
    """A missing answer, and the delays between retries."""
    publisher = make(redis_timeout=300, publish_retries=100)
    proxy.faults.append(NetworkFault.SILENCE)
    start = time.monotonic()

    with pytest.raises(QueueUnavailableError, match=r"0\.5 s that (a|this) publish may take"):
        publisher.publish(mapping(), timeout=0.5)

    assert time.monotonic() - start < DEADLINE
    assert publisher.publish(mapping()).answer == "accepted"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_deadline_covers_connecting(kind: str) -> None:
    """The host accepts connections, and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        start = time.monotonic()
        with (
            publishing(kind, url, redis_timeout=300, timeout=0.5) as publisher,
            pytest.raises(QueueUnavailableError, match=r"0\.5 s that a publish may take"),
        ):
            publisher.publish(mapping())

    assert time.monotonic() - start < DEADLINE


def test_a_deadline_does_not_change_the_timeout_of_later_publishes(
    redis_url: str, client: redis.Redis
) -> None:
    """The connection's timeout is restored."""
    with publishing("sync", redis_url, redis_timeout=300) as publisher:
        publisher.publish(mapping(), timeout=200)
        publisher.publish(mapping(), timeout=400)
        connections = publisher.producer._connections
        (kept,) = connections._kept
        assert kept._sock.gettimeout() == kept.socket_timeout == 300

    assert client.llen(WAITING) == 2


def test_an_event_that_misses_its_deadline_is_spooled(
    make: Make, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """If the producer has a spool, the receipt says so."""
    spool = tmp_path / "spool.jsonl"
    publisher = make(timeout=0.5, redis_timeout=300, spool=spool)
    proxy.faults.append(NetworkFault.SILENCE)

    assert publisher.publish(mapping()).answer == "spooled"
    assert spool.stat().st_size > 0


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_deadline_must_be_in_the_future(make: Make, seconds: float) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match="greater than 0"):
        make().publish(mapping(), timeout=seconds)


def test_one_thread_tries_after_the_cooldown() -> None:
    """The other threads get CircuitOpenError."""
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


def test_circuit_open_error_can_be_pickled() -> None:
    """As process pools do."""
    copy = pickle.loads(pickle.dumps(CircuitOpenError(5, 2.5)))  # noqa: S301 -- our own bytes

    assert (copy.failures, copy.retry_after) == (5, 2.5)


def test_delays_double_up_to_a_limit_with_jitter() -> None:
    """Each is a random part of its largest value."""
    most = list(Retries(5, first=0.1, longest=0.5, chance=lambda: 1).delays())

    assert most == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert list(Retries(2, first=0.1, chance=lambda: 0.5).delays()) == [0.05, 0.1]
