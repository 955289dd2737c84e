"""The disk of the spool becomes full during a write."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from approvals import mapping
from processes import DEADLINE, environment

from signoff_producer import Producer, QueueFull

UNLISTED = "redis://127.0.0.1:1/0"
FILLING = """
import resource, sys
from approvals import mapping
from signoff_producer import Producer, QueueUnavailableError

producer = Producer(sys.argv[1], spool=sys.argv[2], publish_retries=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    list(producer.publish_many([mapping() for _ in range(3)]))
except QueueUnavailableError as error:
    print(error)
"""
"""A write beyond the limit is cut off, as on a full disk, and the next one fails."""


@pytest.mark.parametrize("room", [1, 500])
def test_a_write_that_a_full_disk_cuts_off_leaves_nothing(
    redis_url: str, client: redis.Redis, tmp_path: Path, room: int
) -> None:
    """The whole publish fails: its events are not published later, not even those that fit.

    Events that were in the spool before are complete, and are published.
    """
    spool = tmp_path / "spool.jsonl"
    with Producer(UNLISTED, spool=spool, publish_retries=0) as producer:
        assert producer.publish(mapping()).answer == "spooled"
    held = spool.read_bytes()

    command = [sys.executable, "-c", FILLING, UNLISTED, str(spool), str(len(held) + room)]
    env = environment(redis_url, "")
    ran = subprocess.run(
        command, env=env, check=True, capture_output=True, text=True, timeout=DEADLINE
    )

    assert "File too large" in ran.stdout
    assert spool.read_bytes() == held
    with Producer(redis_url, spool=spool) as producer:
        assert producer.flush_spool() == {"accepted": 1}
    assert client.llen("rq:queue:approvals") == 1


def test_a_full_disk_during_a_replay_does_not_change_the_spool(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remaining lines are appended; if only half of them fit, they are removed again."""
    spool = tmp_path / "spool.jsonl"
    with Producer(UNLISTED, spool=spool, publish_retries=0) as producer:
        list(producer.publish_many([mapping() for _ in range(3)]))
    held = spool.read_bytes()
    write = os.pwrite

    def fill(file: int, data: memoryview, at: int) -> int:
        write(file, data[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    with Producer(redis_url, spool=spool, max_queue_length=1) as producer:
        monkeypatch.setattr(os, "pwrite", fill)
        with pytest.raises(OSError, match="No space left"):
            producer.flush_spool()
        assert spool.read_bytes() == held
        monkeypatch.undo()
        with pytest.raises(QueueFull):
            producer.flush_spool()
    assert len(spool.read_bytes().splitlines()) == 2


def test_a_spooled_event_is_on_the_disk_when_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was synced, so that a power cut loses no answered event."""
    spool = tmp_path / "spool.jsonl"
    synced: dict[int, int] = {}

    def noted(file: int) -> None:
        status = os.fstat(file)
        synced[status.st_ino] = status.st_size
        sync(file)

    sync = os.fsync
    monkeypatch.setattr(os, "fsync", noted)
    with Producer(UNLISTED, spool=spool, publish_retries=0) as producer:
        assert producer.publish(mapping()).answer == "spooled"

    assert synced[spool.stat().st_ino] == spool.stat().st_size > 0
