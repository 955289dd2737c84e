"""`signoff queue`: pause, show, resume."""

import pytest
import redis
from command_line import Signoff
from rq.suspension import is_suspended


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    """The queue's Redis."""
    return redis.Redis.from_url(redis_url)


def test_a_pause_is_told_by_every_command(signoff: Signoff, client: redis.Redis) -> None:
    """By whom and why; the doctor names the command that ends it."""
    assert "Not paused" in signoff("queue", "show").stdout
    said = signoff("queue", "pause", "--reason", "a bad\nrelease", "--actor", "ann", "--for", "1h")
    assert "Paused by ann since " in said.stdout
    assert is_suspended(client)

    for command, code in [(("queue", "show"), 1), (("status",), 0), (("doctor",), 1)]:
        told = signoff(*command, expect=code).stdout
        assert r"by ann since" in told
        assert r"a bad\nrelease" in told
    assert signoff.json("status")["pause"]["by"] == "ann"
    assert signoff.json("queue", "show", expect=1)["pause"]["reason"] == "a bad\nrelease"

    again = signoff("queue", "pause", "--reason", "too", expect=2)
    assert "paused already: by ann" in again.stderr
    assert "by ann" in signoff("queue", "resume", "--reason", "mended").stdout
    assert not is_suspended(client)
    assert "is not paused" in signoff("queue", "resume", "--reason", "x", expect=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause"],
        ["pause", "--reason", " "],
        ["pause", "--reason", "x", "--for", "soon"],
        ["pause", "--reason", "x", "--for", "5w"],
        ["resume"],
    ],
)
def test_a_wrong_pause_is_refused(
    signoff: Signoff, client: redis.Redis, arguments: list[str]
) -> None:
    """Without a reason, or for no sensible time; nothing is paused."""
    signoff("queue", *arguments, expect=2)
    assert not is_suspended(client)
