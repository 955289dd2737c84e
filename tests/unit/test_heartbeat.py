"""The heartbeat goes on beside the work, also after an error."""

from threading import Event

import pytest
import redis
from processes import DEADLINE

from signoff_worker.heartbeat import Heartbeat


@pytest.mark.parametrize(
    "trouble", [redis.ConnectionError("away"), ValueError("garbled"), OSError()]
)
def test_a_beat_that_fails_is_not_the_last(trouble: Exception) -> None:
    """After any error: without heartbeats a healthy worker would count as dead."""
    beaten_again = Event()
    troubles = [trouble, trouble]

    def beat() -> None:
        if troubles:
            raise troubles.pop()
        beaten_again.set()

    with Heartbeat(beat, 0.001):
        assert beaten_again.wait(DEADLINE), "the heartbeat has ended"


def test_the_heartbeat_ends_with_its_block() -> None:
    """A late beat does not undo what follows, such as the end of the lease."""
    with Heartbeat(lambda: None, DEADLINE) as heartbeat:
        pass

    assert not heartbeat._thread.is_alive()
