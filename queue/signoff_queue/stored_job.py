"""What Redis holds of one job, bounded: anybody who can write to Redis can put anything there."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

import redis

from signoff_schemas.envelope import MAX_JOB_BYTES, decode_job, inflate
from signoff_schemas.invalid import InvalidEvent
from signoff_schemas.keys import JOB_PREFIX

_LONGEST_NUMBER: Final = 6


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job that Redis holds."""

    content: bytes | None
    """The event's JSON, or the job's data where that is no event; None if it is too large."""
    retries: int
    """How often it was tried in vain, for a reason that may pass."""
    deaths: int
    """How many workers died while they held it."""


def stored_job(client: redis.Redis, job_id: str) -> StoredJob | None:
    """The job; None if Redis has no data of it."""
    key = JOB_PREFIX + job_id
    with suppress(redis.ResponseError):
        size = client.hstrlen(key, "data")
        if size:
            content = _content(client, key) if size <= MAX_JOB_BYTES else None
            retries = _number(client, key, "number_of_retries")
            return StoredJob(content, retries, _number(client, key, "signoff_deaths"))
    return None


def _content(client: redis.Redis, key: str) -> bytes | None:
    data = cast("bytes | None", client.hget(key, "data"))
    if data is None or len(data) > MAX_JOB_BYTES:
        return None
    try:
        return decode_job(data)[1]
    except InvalidEvent:
        return inflate(data)


def _number(client: redis.Redis, key: str, name: str) -> int:
    """A small number of the job's hash; 0 where it holds none."""
    if client.hstrlen(key, name) > _LONGEST_NUMBER:
        return 0
    text = cast("bytes | None", client.hget(key, name)) or b""
    return int(text) if text.isdigit() else 0
