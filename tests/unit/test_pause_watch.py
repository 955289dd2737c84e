"""The banner of a pause: what is not known is not called known."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from processes import DEADLINE

from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_web import pause_watch
from signoff_web.pause_watch import PauseWatch

SERVERS = DirectServers(Settings.load())


class Redis:
    """Redis that does not answer until it is let."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answers = threading.Event()

    def pause_of(self, _servers: object) -> None:
        """Nothing is paused."""
        self.asked.set()
        assert self.answers.wait(DEADLINE)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    """What the watch asks."""
    found = Redis()
    monkeypatch.setattr(pause_watch, "pause_of", found.pause_of)
    return found


@contextmanager
def asking(watch: PauseWatch, redis: Redis) -> Iterator[None]:
    """While another page waits for Redis."""
    redis.asked.clear()
    redis.answers.clear()
    page = threading.Thread(target=watch.now)
    page.start()
    assert redis.asked.wait(DEADLINE)
    try:
        yield
    finally:
        redis.answers.set()
        page.join()


def test_while_redis_is_asked_what_was_found_long_ago_is_not_shown(
    redis: Redis,
) -> None:
    """Neither before the first answer, nor when the last one is old; a fresh one is shown."""
    watch = PauseWatch(SERVERS)
    with asking(watch, redis):
        assert watch.now().unknown is not None
    assert watch.now().unknown is None

    watch.changed()
    with asking(watch, redis):
        assert watch.now().unknown is None
    watch._until -= 3600
    with asking(watch, redis):
        assert watch.now().unknown is not None
