"""The heartbeat goes on beside the work, whatever one beat meets."""

from threading import Event

import pytest
import redis
from processes import DEADLINE

from signoff_worker.heartbeat import Heartbeat


@pytest.mark.parametrize(
    "trouble", [redis.ConnectionError("away"), ValueError("garbled"), OSError()]
)
def test_a_beat_that_fails_is_not_the_last(trouble: Exception) -> None:
    """Redis away or anything else: without a beat a healthy worker would count as dead."""
    beaten_again = Event()
    troubles = [trouble, trouble]

    def beat() -> None:
        if troubles:
            raise troubles.pop()
        beaten_again.set()

    with Heartbeat(beat, 0.001):
        assert beaten_again.wait(DEADLINE), "the heartbeat has ended"


def test_the_heartbeat_ends_with_its_block() -> None:
    """What comes afterwards, such as the end of the lease, is not undone by a late beat."""
    with Heartbeat(lambda: None, DEADLINE) as heartbeat:
        pass

    assert not heartbeat._thread.is_alive()
