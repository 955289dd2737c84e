"""Hostile content for Redis, from a seed: bytes in every field of a job, and every odd entry."""

import json
import pickle
import random
import zlib
from typing import Any, Final

import redis
from approvals import decision, mapping
from pydantic_core import to_json

from signoff_schemas import FUNCTION, KINDS, MAX_JOB_BYTES, Kind, encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

_FIELDS: Final = [
    *("data", "origin", "status", "enqueued_at", "created_at", "started_at", "ended_at", "timeout"),
    *("result_ttl", "failure_ttl", "ttl", "signoff_deaths", "number_of_retries", "retries_left"),
    *("retry_intervals", "worker_name", "meta", "description", "result", "exc_info", "webhooks"),
    *("dependency_id", "dependency_ids", "success_callback_name", "failure_callback_name"),
    *("stopped_callback_name", "group_id", "serializer", "allow_dependency_failures"),
]
"""What RQ and Signoff know in a job's hash."""
_COUNTERS: Final = ("signoff_deaths", "number_of_retries")
_WORDS: Final = (
    *(
        b"",
        b"0",
        b"-1",
        b"1",
        b"2",
        b"999",
        b"1000000",
        b"9" * 30,
        b"1e400",
        b"nan",
        b"inf",
        b"0x7f",
    ),
    *(
        b"true",
        b"null",
        b"[]",
        b"{}",
        b"\x00",
        b"\x1b[2J",
        b"\n",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc2\x85",
    ),
    *(
        "\u202e".encode(),
        "\U0001f600".encode(),
        b"yesterday",
        b"9999-12-31T23:59:59Z",
        b"os.system",
    ),
)
_PIECES: Final = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"\\u0000",
        b"\\ud800",
        b"1e999",
        b"-0",
        b"NaN",
        b"Infinity",
    ),
    *(b"\xff", b"\x00", b'"event_id":', b'"user_id":', b'"ltv_amount":', b"99999999999999999999"),
)


class Hostile:
    """One generator of hostile content."""

    def __init__(self, client: redis.Redis, queue: str, seed: str) -> None:
        self._redis = client
        self._keys = QueueKeys(queue)
        self._queue = queue
        self._chance = random.Random(seed)
        self._made = 0

    def put_something(self) -> None:
        """Put one more hostile thing into Redis."""
        places = (
            *[self._on_the_queue] * 12,
            self._same_twice,
            self._failed,
            self._started,
            self._scheduled,
            self._elsewhere,
            self._a_worker,
            self._a_command,
        )
        self._chance.choice(places)()

    # Places

    def _on_the_queue(self) -> None:
        self._redis.rpush(self._keys.waiting, self._job())

    def _same_twice(self) -> None:
        job_id = self._job()
        self._redis.rpush(self._keys.waiting, *[job_id] * self._chance.randint(2, 40))

    def _failed(self) -> None:
        job_id = self._job()
        self._redis.zadd(self._keys.failed, {job_id: self._past()})
        if self._chance.random() < 0.5:
            fields = {"exc_string": self._bytes(), "return_value": self._bytes(), "type": b"2"}
            self._redis.xadd(b"rq:results:" + job_id, dict[Any, Any](fields))

    def _started(self) -> None:
        tail = self._chance.choice([b":execution", b"", b":", b":signoff-00ff", b":signoff-"])
        self._redis.zadd(self._keys.started, {self._job() + tail: self._past()})

    def _scheduled(self) -> None:
        self._redis.zadd(self._keys.scheduled, {self._job(): self._past()})

    def _elsewhere(self) -> None:
        job_id = self._job()
        self._redis.rpush(self._keys.waiting, job_id)
        for key in (self._keys.finished, self._keys.ready, self._keys.canceled):
            self._redis.zadd(key, {job_id: self._past()})
        self._redis.zadd(self._keys.leases, {self._short(): self._past()})
        self._redis.rpush(self._keys.intermediate, b"gone-" + self._short())

    def _a_worker(self) -> None:
        key = b"rq:worker:fuzz-%d" % self._chance.randrange(20)
        self._redis.sadd("rq:workers:" + self._queue, key, b"rq:worker:" + self._short())
        fields = (
            "last_heartbeat",
            "pid",
            "state",
            "hostname",
            "successful_job_count",
            "signoff_health",
        )
        self._redis.hset(key, self._chance.choice(fields), self._bytes())

    def _a_command(self) -> None:
        for channel in self._redis.pubsub_channels("rq:pubsub:*"):
            commands = [b'{"command": "kill-horse"}', b'{"command": "stop-job", "job_id": 5}']
            self._redis.publish(channel, self._chance.choice([*commands, self._bytes()]))

    # Jobs

    def _job(self) -> bytes:
        """A job that is on no list yet; its id."""
        self._made += 1
        job_id = b"%d-" % self._made + self._chance.choice(
            [b"", self._short(), b":" + self._short()]
        )
        if self._chance.random() < 0.02:
            job_id += b"i" * self._chance.choice([473, 600, 100_000])
        if self._chance.random() < 0.03:
            self._redis.set(JOB_PREFIX.encode() + job_id, self._short())
        elif self._chance.random() < 0.97:
            self._redis.hset(JOB_PREFIX.encode() + job_id, mapping=dict[Any, Any](self._fields()))
        return job_id

    def _fields(self) -> dict[str, bytes]:
        fields = {"data": self._data()}
        for name in self._chance.sample(_FIELDS, self._chance.randint(0, 4)):
            fields[name] = self._bytes()
        for name in _COUNTERS:
            if self._chance.random() < 0.2:
                fields[name] = self._chance.choice(_WORDS)
        if self._chance.random() < 0.03:
            del fields["data"]
        return fields or {"status": b""}

    def _data(self) -> bytes:
        data = self._chance.choice(
            (self._bytes, self._mutated_job, self._mutated_job, self._odd_event, self._odd_event)
        )()
        match self._chance.randrange(12):
            case 0 | 1:
                return zlib.compress(data)
            case 2:
                return zlib.compress(data)[: self._chance.randrange(1, 40)]
            case _:
                return data

    def _mutated_job(self) -> bytes:
        """A good event's job after some accidents."""
        data = bytearray(encode_job(to_json(self._event()), self._kind()))
        for _ in range(self._chance.randint(1, 4)):
            place = self._chance.randrange(len(data) + 1)
            end = place + self._chance.choice([0, 0, 1, 4, 40])
            data[place:end] = self._chance.choice(
                [b"", self._short(), self._chance.choice(_PIECES)]
            )
        return bytes(data)

    def _odd_event(self) -> bytes:
        """An event of which some fields hold what they must not."""
        event = self._event()
        names = [
            *event,
            "customer_status",
            "ltv_amount",
            "cta_data",
            "edit_tags",
            "reviewer_notes",
            "event_type",
            "rests_on",
            "evidence",
            "x",
        ]
        for name in self._chance.sample(names, self._chance.randint(1, 3)):
            event[name] = self._value(3)
        function = (
            self._kind().function
            if self._chance.random() < 0.9
            else self._chance.choice(["os.system", "", "a.b"])
        )
        arguments = [event] if self._chance.random() < 0.95 else [event, event]
        return json.dumps([function, None, arguments, {}], default=str).encode()

    def _event(self) -> dict[str, Any]:
        """A good event of either kind."""
        if self._chance.random() < 0.5:
            return mapping(user_id="hostile")
        return decision(user_id="hostile").model_dump(mode="json")

    def _kind(self) -> Kind:
        """The kind that a job's function names, whatever its event says."""
        return self._chance.choice(list(KINDS.values()))

    def _value(self, depth: int) -> Any:
        values: list[Any] = [
            None,
            True,
            0,
            -1,
            10**30,
            1e308,
            float("nan"),
            "",
            "x" * 1100,
            "\x00",
            "\ud800",
        ]
        values += [
            "\u202e",
            "250.00",
            "1e2",
            " 5 ",
            0.1 + 0.2,
            "2026-02-30T00:00:00Z",
            "9999-12-31T23:59:59+00:00",
        ]
        if depth:
            values += [[self._value(depth - 1)] * 3, {"a\x00": self._value(depth - 1)}, {}]
        return self._chance.choice(values)

    # Bytes

    def _bytes(self) -> bytes:
        large = (
            lambda: b"[" * self._chance.choice([5000, MAX_JOB_BYTES]),
            lambda: b"{}," * 50_000,
            lambda: self._chance.randbytes(self._chance.choice([MAX_JOB_BYTES, 1_000_000])),
            lambda: zlib.compress(b"{}," * 2_000_000, 1),
            lambda: pickle.dumps((FUNCTION, None, [{}], {})),
        )
        if self._chance.random() < 0.15:
            return self._chance.choice(large)()
        return self._short() * self._chance.choice([1, 1, 1, 30])

    def _short(self) -> bytes:
        if self._chance.random() < 0.5:
            return self._chance.choice(_WORDS)
        return self._chance.randbytes(self._chance.randint(0, 24))

    def _past(self) -> float:
        return self._chance.choice([float("-inf"), -1.0, 0.0, 1.5, 1e9])
