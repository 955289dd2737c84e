"""`signoff doctor`: each danger is found, and the setting to change is named."""

import pickle
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from approvals import approval, mapping
from command_line import Signoff
from processes import KEYS

from signoff_ops.checks import Grade, _postgres_version, _redis_version, _skew
from signoff_producer import outbox
from signoff_schemas.keys import JOB_PREFIX


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """The queue's Redis, whose settings are as before after the test."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        names = ("maxmemory-policy", "appendonly", "appendfsync")
        before: dict[str, str] = client.config_get(*names)
        yield client
        for name, value in before.items():
            client.config_set(name, value)


def findings(signoff: Signoff) -> dict[str, dict[str, Any]]:
    """The checks by name; the test's servers do not sync, so that some always fail."""
    return {check["name"]: check for check in signoff.json("doctor", expect=1)}


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("maxmemory-policy", "allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
        ("appendonly", "no", "CONFIG SET appendonly yes"),
        ("appendfsync", "no", "CONFIG SET appendfsync everysec"),
    ],
)
def test_a_redis_that_may_lose_events_fails(
    signoff: Signoff, client: redis.Redis, setting: str, value: str, advice: str
) -> None:
    """It may evict, keep nothing over a restart, or sync when it pleases: the command is given."""
    client.config_set(setting, value)

    check = findings(signoff)[f"Redis {setting}"]

    assert (check["grade"], value in check["text"]) == ("fail", True)
    assert advice in check["text"]


@pytest.mark.parametrize(
    ("info", "grades"),
    [
        ({"redis_version": "6.0.20"}, ["ok", "fail"]),
        ({"redis_version": "6.2.0"}, ["ok"]),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, ["ok"]),
        ({"redis_version": "10.0.1"}, ["ok"]),
    ],
    ids=str,
)
def test_a_redis_without_the_needed_commands_is_too_old(
    info: dict[str, str], grades: list[str]
) -> None:
    """The first with BLMOVE is 6.2; a newer one is named."""
    checks = list(_redis_version(info))

    assert [check.grade for check in checks] == grades
    assert all("use Redis 6.2 or newer" in check.text for check in checks[1:])


@pytest.mark.parametrize(
    ("version", "grade"), [(140_022, "fail"), (150_000, "ok"), (180_004, "ok")]
)
def test_an_old_postgres_is_too_old(version: int, grade: str) -> None:
    """Its line fails, and says from which one on it would not."""
    check = _postgres_version(version)

    assert check.grade == grade
    assert ("use Postgres 15 or newer" in check.text) == (grade == "fail")


def test_events_that_wait_without_workers_fail(signoff: Signoff) -> None:
    """An empty queue without workers is a warning only."""
    assert findings(signoff)["Workers"]["grade"] == "warn"
    signoff.publish(mapping())

    check = findings(signoff)["Workers"]

    assert check["grade"] == "fail"
    assert "with 1 event waiting; start one with `signoff worker`" in check["text"]


@pytest.mark.parametrize(("limit", "grade"), [("0", "fail"), ("1", "warn")])
def test_dead_letters_above_the_limit_fail(signoff: Signoff, limit: str, grade: str) -> None:
    """Any is worth a look; more than the limit are an incident, and the limit's name is given."""
    signoff.publish(mapping(user_id=None))
    signoff.work()

    check = findings(signoff.having(SIGNOFF_DEAD_LETTER_LIMIT=limit))["Dead letters"]

    assert check["grade"] == grade
    assert ("SIGNOFF_DEAD_LETTER_LIMIT" in check["text"]) == (grade == "fail")


def test_pickled_jobs_are_found(signoff: Signoff, client: redis.Redis) -> None:
    """RQ's default serializer is what an upstream without our library would use by mistake."""
    assert "Pickled jobs" not in findings(signoff)
    signoff.publish(mapping())
    for number in range(2):
        job = f"old-{number}"
        client.hset(JOB_PREFIX + job, "data", pickle.dumps(("f", None, [], {})))
        client.rpush(KEYS.waiting, job)

    check = findings(signoff)["Pickled jobs"]

    assert check["grade"] == "fail"
    assert check["text"].startswith("2 of 3 jobs looked at, such as old-0, hold pickle")


def test_an_outbox_is_looked_at_where_one_is_set(signoff: Signoff, empty_database_url: str) -> None:
    """One that nothing waits in is fine; one that is away, not there or out of date fails."""
    assert "Outbox" not in findings(signoff)
    shop = signoff.having(SIGNOFF_OUTBOX_URL=empty_database_url)

    missing = findings(shop)["Outbox"]
    shop("outbox", "create")
    there = findings(shop)["Outbox"]
    away = findings(signoff.having(SIGNOFF_OUTBOX_URL="postgresql://127.0.0.1:1/shop"))["Outbox"]
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    outdated = findings(shop)["Outbox"]

    assert missing["grade"] == "fail"
    assert "make it with `signoff outbox create`" in missing["text"]
    assert (there["grade"], there["text"]) == ("ok", "nothing waits in it")
    assert away["grade"] == "fail"
    assert "(SIGNOFF_OUTBOX_URL)" in away["text"]
    assert outdated["grade"] == "fail"
    assert "lacks the column validated_hash; run `signoff outbox create`" in outdated["text"]


def test_a_second_database_is_looked_at_where_one_is_set(
    signoff: Signoff, empty_database_url: str
) -> None:
    """Whether it is there, has its tables, and holds what was applied."""
    assert not [name for name in findings(signoff) if name.startswith("Second database")]
    beside = signoff.having(SIGNOFF_RAPPORT_URL=empty_database_url)

    def found(of: Signoff) -> dict[str, tuple[str, str]]:
        return {
            name.removeprefix("Second database "): (check["grade"], check["text"])
            for name, check in findings(of).items()
            if name.startswith("Second database")
        }

    away = found(signoff.having(SIGNOFF_RAPPORT_URL="postgresql://127.0.0.1:1/second"))
    bare = found(beside)
    beside("rapport", "create")
    made = found(beside)
    beside("rapport", "run", "--once")
    kept = found(beside)
    with psycopg.connect(empty_database_url) as second:
        second.execute("UPDATE rapport.rapport_state SET read_until = now() - interval '1 hour'")
    late = found(beside)
    with psycopg.connect(empty_database_url) as second:
        second.execute("UPDATE rapport.feed_readers SET failure = 'no room'")
    failing = found(beside)

    assert list(away) == ["reachable"]
    assert away["reachable"][0] == "fail"
    assert away["reachable"][1].endswith("(SIGNOFF_RAPPORT_URL)")
    assert bare["reachable"][0] == "ok"
    assert bare["tables"] == ("fail", "missing; run `signoff rapport create`")
    assert made["contexts"][0] == "warn"
    assert made["contexts"][1].startswith("were never computed; start `signoff rapport run`")
    assert kept["contexts"] == ("ok", "hold all that was applied")
    assert late["contexts"][0] == "fail"
    assert late["contexts"][1].startswith("hold what was applied until 60 min ago, and perhaps not")
    assert failing["contexts"] == ("fail", "are not kept, their reader fails: no room")


@pytest.mark.parametrize(
    ("waited", "grade", "text"),
    [
        ("1 second", "ok", "1 event in it, the oldest for "),
        ("5 minutes", "fail", "1 event in it, the oldest for 5 min; start a relay with"),
    ],
)
def test_an_outbox_that_no_relay_empties_fails(
    signoff: Signoff, empty_database_url: str, waited: str, grade: str, text: str
) -> None:
    """A relay takes a second or two; after a minute there is none, or it waits for something."""
    shop = signoff.having(SIGNOFF_OUTBOX_URL=empty_database_url)
    shop("outbox", "create")
    with psycopg.connect(empty_database_url) as connection:
        outbox.add(connection, approval())
        connection.execute("UPDATE signoff_outbox SET added_at = now() - %s::interval", [waited])

    check = findings(shop)["Outbox"]

    assert (check["grade"], check["text"].startswith(text)) == (grade, True)


def test_events_of_the_outbox_that_the_queue_refuses_are_told(
    signoff: Signoff, empty_database_url: str
) -> None:
    """They wait for a person, whom the line leads on."""
    shop = signoff.having(SIGNOFF_OUTBOX_URL=empty_database_url)
    shop("outbox", "create")
    assert "Refused events" not in findings(shop)
    with psycopg.connect(empty_database_url) as connection:
        outbox.add(connection, approval())
        connection.execute("UPDATE signoff_outbox SET refused = 'no'")

    check = findings(shop)["Refused events"]

    assert check["grade"] == "warn"
    assert "1 event of the outbox; `signoff outbox refused` says why" in check["text"]


def test_a_schema_into_which_everybody_can_write_is_named(
    signoff: Signoff, empty_database_url: str
) -> None:
    """Sessions search that of an adopted table: a function that is put there may be called."""
    adopting = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text)")
        adopting("migrate")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert "Schema public" not in findings(adopting)
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")

        check = findings(adopting)["Schema public"]
        assert check["grade"] == "warn"
        advice = check["text"].rpartition("run: ")[2]
        assert advice == "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        connection.execute(advice.encode())
        assert "Schema public" not in findings(adopting)


def test_a_schema_that_sessions_do_not_search_is_no_matter(
    signoff: Signoff, database_url: str
) -> None:
    """A new installation stands in its own schema: who may write to public changes nothing."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert "Schema public" not in findings(signoff)


def test_variables_that_nothing_reads_are_named(signoff: Signoff) -> None:
    """Those of the environment and of .env, with what was probably meant; real ones are not."""
    (signoff.folder / ".env").write_text("SIGNOFF_RETRYDELAY=3\nSIGNOFF_QUEUE=approvals\nOTHER=1\n")

    found = findings(signoff.having(SIGNOFF_BATCHSIZE="5", SIGNOFF_XYZZY="1"))

    variables = {name: found[name]["text"] for name in found if name.startswith("Variable ")}
    assert variables == {
        "Variable SIGNOFF_BATCHSIZE": "is no setting, nothing reads it; did you mean "
        "SIGNOFF_BATCH_SIZE?",
        "Variable SIGNOFF_RETRYDELAY": "is no setting, nothing reads it; did you mean "
        "SIGNOFF_RETRY_DELAY?",
        "Variable SIGNOFF_XYZZY": "is no setting, nothing reads it",
    }


@pytest.mark.parametrize(
    ("seconds", "grade", "direction"),
    [(-0.2, Grade.OK, ""), (-7, Grade.WARN, "7 s behind"), (90, Grade.FAIL, "90 s ahead of")],
)
def test_clocks_that_differ_are_graded(seconds: float, grade: Grade, direction: str) -> None:
    """A second is nothing, a minute makes events look as if they lay in the future."""
    check = _skew("Redis", seconds)

    assert check.grade is grade
    assert direction in check.text
