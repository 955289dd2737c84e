"""The checks of `signoff doctor`, one function for each subject."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

import redis
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.adoption import ENCODING, OLDEST_POSTGRES
from signoff_db.migrate import NEW_EPOCH, pending
from signoff_db.reading import overview
from signoff_db.sql import statement
from signoff_ops.queue_control import paused_text
from signoff_ops.variables import unknown_variables
from signoff_queue.pausing import pause_of
from signoff_queue.reader import QueueReader
from signoff_queue.workers import SILENT
from signoff_schemas import Settings, first_bytes
from signoff_schemas.wording import count

_OLDEST_REDIS: Final = (6, 2)
"""The first version with BLMOVE, with which workers wait for jobs."""
_SAMPLE: Final = 50
"""Jobs that are read at each end of the queue."""
_PICKLE: Final = b"\x80"
"""The first byte of every pickle since protocol 2; no JSON begins with it."""
_SKEW_WARN: Final = 5.0
_SKEW_FAIL: Final = 60.0


class Grade(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    grade: Grade
    name: str
    text: str
    """What was found; if it is not ok, also what to change."""


def check_variables() -> Iterator[Check]:
    """Check that every variable with the prefix is a setting."""
    for name, meant in unknown_variables():
        hint = f"; did you mean {meant}?" if meant else ""
        yield Check(Grade.WARN, f"Variable {name}", f"is no setting, nothing reads it{hint}")


def check_redis(client: redis.Redis) -> Iterator[Check]:
    """Check that Redis keeps all jobs, also after a restart."""
    yield from _redis_version(client.info("server"))
    yield _setting(client, "maxmemory-policy", "noeviction", "Redis may drop waiting events")
    yield _setting(client, "appendonly", "yes", "a restart of Redis loses waiting events")
    yield _append_fsync(client)
    yield _skew("Redis", _redis_clock(client))


def _redis_version(info: Mapping[str, object]) -> Iterator[Check]:
    """Check the version; Valkey also gives the version of Redis that it is compatible with."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info["redis_version"])
    yield Check(Grade.OK, "Redis reachable", f"{name} {version}")
    if tuple(map(int, str(info["redis_version"]).split(".")[:2])) < _OLDEST_REDIS:
        yield Check(Grade.FAIL, "Redis version", f"{version}; use Redis 6.2 or newer, or Valkey")


def _setting(client: redis.Redis, name: str, wanted: str, danger: str) -> Check:
    found = _configured(client, name)
    if found is None:
        return _unreadable(name, wanted)
    if found == wanted:
        return Check(Grade.OK, f"Redis {name}", found)
    return Check(
        Grade.FAIL, f"Redis {name}",
        f"is {found}, so {danger}; set `{name} {wanted}` in redis.conf, and now: "
        f"redis-cli CONFIG SET {name} {wanted}",
    )  # fmt: skip


def _append_fsync(client: redis.Redis) -> Check:
    found = _configured(client, "appendfsync")
    if found is None:
        return _unreadable("appendfsync", "everysec")
    if found != "no":
        return Check(Grade.OK, "Redis appendfsync", found)
    return Check(
        Grade.FAIL, "Redis appendfsync",
        "is no, so a power cut may lose many seconds of waiting events; set `appendfsync everysec` "
        "in redis.conf, and now: redis-cli CONFIG SET appendfsync everysec",
    )  # fmt: skip


def _configured(client: redis.Redis, name: str) -> str | None:
    """A setting of the server; None if it hides it, as hosted servers do, and roles without rights.

    Who may read settings reads passwords, too; so what INFO tells as well is taken from there.
    """
    match name:
        case "maxmemory-policy":
            return str(client.info("memory")["maxmemory_policy"])
        case "appendonly":
            return "yes" if client.info("persistence")["aof_enabled"] else "no"
    with suppress(redis.ResponseError):
        held = cast("dict[str, str]", client.config_get(name))
        return held.get(name)
    return None


def _unreadable(name: str, wanted: str) -> Check:
    return Check(Grade.WARN, f"Redis {name}", f"cannot be read here; make sure that it is {wanted}")


def _redis_clock(client: redis.Redis) -> float:
    sent = time.time()
    seconds, microseconds = client.time()
    return seconds + microseconds / 1_000_000 - (sent + time.time()) / 2


def check_queue(client: redis.Redis, settings: Settings) -> Iterator[Check]:
    """Check that workers run, and that no jobs were lost."""
    reader = QueueReader(client, settings.queue)
    yield from _workers(reader, settings)
    if paused := pause_of(client):
        yield Check(
            Grade.WARN, "Workers paused",
            f"they take nothing off the queue: paused {paused_text(paused)}; let them go on with "
            "`signoff queue resume --reason WHY`",
        )  # fmt: skip
    for text in reader.wrong_types():
        yield Check(Grade.FAIL, "Redis key", text)
    yield from _leftovers(reader)
    yield from _pickles(reader)


def _leftovers(reader: QueueReader) -> Iterator[Check]:
    """Check for jobs that workers could not apply, and that need a person."""
    counts = reader.counts()
    if counts.missing_jobs:
        yield Check(
            Grade.WARN, "Ids without a job",
            f"{count(counts.missing_jobs, 'job')} did not exist when a worker took them; "
            "`signoff audit` names those whose events are lost",
        )  # fmt: skip
    if counts.oversized:
        yield Check(
            Grade.WARN, "Oversized jobs",
            f"{count(counts.oversized, 'job')} too large to be read stay in Redis, and are dead "
            "letters; docs/operations.md (Oversized jobs) says how to read and delete them",
        )  # fmt: skip


def _pickles(reader: QueueReader) -> Iterator[Check]:
    """Check for jobs of RQ's default serializer: they are never read, and become dead letters."""
    sample = reader.sample(_SAMPLE)
    pickles = [job_id for job_id, data in sample.items() if first_bytes(data).startswith(_PICKLE)]
    if pickles:
        yield Check(
            Grade.FAIL, "Pickled jobs",
            f"{len(pickles)} of {count(len(sample), 'job')} looked at, such as {pickles[0]}, hold "
            "pickle, which is never read, and end as dead letters; whoever enqueues them should "
            "use signoff_producer, or rq.Queue(…, serializer=JSONSerializer)",
        )  # fmt: skip


def _workers(reader: QueueReader, settings: Settings) -> Iterator[Check]:
    """Check the live workers; a killed worker stays registered for minutes."""
    workers = reader.workers(silent_after=settings.redeliver_after)
    silent = sum(worker.state == SILENT for worker in workers)
    alive = len(workers) - silent
    if alive:
        yield Check(Grade.OK, "Workers", f"{count(alive, 'worker')} on queue {settings.queue}")
    else:
        yield _nobody_works(reader)
    if silent:
        yield Check(
            Grade.WARN, "Silent workers",
            f"{count(silent, 'worker')} gave no heartbeat for {settings.redeliver_after:g} s and "
            "died or hang; `signoff status` names them",
        )  # fmt: skip


def _nobody_works(reader: QueueReader) -> Check:
    """The check without workers: it is a failure only if events are waiting."""
    waiting = reader.counts().waiting
    stands = f" with {count(waiting, 'event')} waiting" if waiting else ""
    return Check(
        Grade.FAIL if waiting else Grade.WARN, "Workers",
        f"none on queue {reader.name}{stands}; start one with `signoff worker`",
    )  # fmt: skip


def check_database(
    connection: Connection[TupleRow], url: str, settings: Settings
) -> Iterator[Check]:
    """Check that Postgres keeps what is committed, and has the tables of this release."""
    yield _postgres_version(connection.info.server_version)
    yield _encoding(connection.info.parameter_status("server_encoding") or "")
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        yield _durability(connection, name)
    yield _skew("Postgres", _postgres_clock(connection))
    missing = pending(url)
    if missing:
        lacking = NEW_EPOCH if missing == [NEW_EPOCH] else count(len(missing), "migration")
        text = f"{lacking} missing; run `signoff migrate`"
        yield Check(Grade.FAIL, "Migrations", text)
        return
    yield Check(Grade.OK, "Migrations", "up to date")
    yield from _open_schemas(connection)
    yield _dead_letters(connection, settings.dead_letter_limit)


def _postgres_version(version: int) -> Check:
    text = f"Postgres {version // 10_000}.{version % 10_000}"
    if version < OLDEST_POSTGRES * 10_000:
        wanted = f"use Postgres {OLDEST_POSTGRES} or newer"
        return Check(Grade.FAIL, "Postgres reachable", f"{text}; {wanted}")
    return Check(Grade.OK, "Postgres reachable", text)


def _encoding(found: str) -> Check:
    name = "Postgres encoding"
    if found == ENCODING:
        return Check(Grade.OK, name, found)
    return Check(
        Grade.FAIL, name,
        f"is {found}, which cannot hold every text; make a database with CREATE DATABASE … "
        "ENCODING 'UTF8' TEMPLATE template0, and point Signoff there",
    )  # fmt: skip


def _durability(connection: Connection[TupleRow], name: str) -> Check:
    found = connection.info.parameter_status(name) or _shown(connection, name)
    if found != "off":
        return Check(Grade.OK, f"Postgres {name}", found)
    return Check(
        Grade.FAIL, f"Postgres {name}",
        f"is off, so a crash may lose events that were acknowledged; run: "
        f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()",
    )  # fmt: skip


def _shown(connection: Connection[TupleRow], name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def _postgres_clock(connection: Connection[TupleRow]) -> float:
    sent = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    return (row[0] if row else sent) - (sent + time.time()) / 2


def _skew(server: str, seconds: float) -> Check:
    name = f"Clock of {server}"
    if abs(seconds) <= _SKEW_WARN:
        return Check(Grade.OK, name, f"{abs(seconds):.3f} s from this host's")
    direction = "ahead of" if seconds > 0 else "behind"
    return Check(
        Grade.FAIL if abs(seconds) > _SKEW_FAIL else Grade.WARN, name,
        f"{abs(seconds):.0f} s {direction} this host's; events may be refused as lying in the "
        "future: run a time service (chrony, systemd-timesyncd) on every host",
    )  # fmt: skip


def _open_schemas(connection: Connection[TupleRow]) -> Iterator[Check]:
    """Schemas that sessions search and every role can put functions and operators into.

    One that fits better than Postgres's own would run with the rights of a worker or operator.
    """
    for (schema,) in connection.execute(statement("open_schemas", "signoff_ops")):
        yield Check(
            Grade.WARN, f"Schema {schema}",
            "every role may create objects in it, and workers and operators would call functions "
            f"that somebody put there; run: REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        )  # fmt: skip


def _dead_letters(connection: Connection[TupleRow], limit: int) -> Check:
    dead = sum(overview(connection).dead.values())
    if not dead:
        return Check(Grade.OK, "Dead letters", "none")
    if dead > limit:
        return Check(
            Grade.FAIL, "Dead letters",
            f"{dead:,} open, more than SIGNOFF_DEAD_LETTER_LIMIT ({limit:,}); see `signoff dlq "
            "groups` for their causes",
        )  # fmt: skip
    return Check(Grade.WARN, "Dead letters", f"{dead:,} open; see `signoff dlq groups`")
