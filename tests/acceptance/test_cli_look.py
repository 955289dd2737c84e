"""The commands that only read: status, event, interaction, customer, funnel, audit."""

import re
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from approvals import approval, mapping
from command_line import Signoff
from processes import KEYS
from rq import Worker
from rq.suspension import suspend

from signoff_schemas.keys import JOB_PREFIX


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    """The queue's Redis."""
    return redis.Redis.from_url(redis_url)


def whats(signoff: Signoff, event_id: object, *, expect: int = 0) -> list[str]:
    """The kinds of the entries in an event's history."""
    return [entry["what"] for entry in signoff.json("event", event_id, expect=expect)["history"]]


def test_status_counts_everything(signoff: Signoff) -> None:
    """Waiting and applied events, dead letters by kind, and how long the oldest has waited."""
    without_user = mapping(user_id=None)
    signoff.publish(mapping(), without_user)
    signoff.work()
    signoff.publish(mapping())

    status = signoff.json("status")

    assert (status["waiting"], status["in_flight"], status["applied"]) == (1, 0, 1)
    assert status["dead"] == {"unknown_interaction": 1}
    assert 0 <= status["oldest_waiting_seconds"] < 60
    assert status["workers"] == []
    assert "No worker listens" in signoff("status").stdout


def test_an_events_history_names_its_place(signoff: Signoff, client: redis.Redis) -> None:
    """Queued, in flight, scheduled, or on no list."""
    event = mapping()
    job = str(event["event_id"])
    signoff.publish(event)
    assert whats(signoff, job.upper()) == ["queued"]

    client.lrem(KEYS.waiting, 0, job)
    assert whats(signoff, job) == ["unlisted"]

    client.zadd(KEYS.started, {f"{job}:signoff-0123456789abcdef": "inf"})
    assert whats(signoff, job) == ["in_flight"]

    client.zrem(KEYS.started, f"{job}:signoff-0123456789abcdef")
    client.zadd(KEYS.scheduled, {job: 1_800_000_000})
    (entry,) = signoff.json("event", job)["history"]
    assert (entry["what"], entry["at"]) == ("scheduled", "2027-01-15T08:00:00Z")


@pytest.mark.parametrize("odd", ["infinity", "-infinity"])
def test_an_upstreams_times_stop_no_command(signoff: Signoff, database_url: str, odd: str) -> None:
    """Postgres holds times that Python does not; an upstream may write them into its tables."""
    event, interaction = approval(), uuid4()
    signoff("outbox", "create")
    with psycopg.connect(database_url, autocommit=True) as upstream:
        upstream.execute(
            "INSERT INTO interactions (id, user_id, created_at) VALUES (%s, 'ann', %s)",
            [interaction, odd],
        )
        upstream.execute(
            "INSERT INTO public.signoff_outbox (event, added_at) VALUES (%s, %s)",
            [event.canonical_json().decode(), odd],
        )
    assert signoff.json("interaction", interaction)["user_id"] == "ann"
    assert signoff.json("status")["outbox"]["waiting"] == 1
    assert "committed to the outbox" in signoff("event", event.event_id).stdout
    assert "1 event in it" in signoff("doctor", expect=None).stdout
    signoff("relay", "--burst")
    assert signoff.json("reconcile")["queued"] == 1


def test_the_history_shows_an_oversized_job_in_redis(signoff: Signoff, client: redis.Redis) -> None:
    """Its place is a part of its history."""
    client.hset(JOB_PREFIX + "huge", "data", b"x" * 300_000)
    client.rpush(KEYS.waiting, "huge", "i" * 600)
    client.hset(JOB_PREFIX + "i" * 600, "data", b"x")
    signoff.work()

    assert sorted(whats(signoff, "huge")) == ["dead", "oversized"]
    assert signoff.json("status")["oversized"] == 2
    assert len(signoff.json("dlq", "list")) == 2


def test_an_events_history_is_complete(signoff: Signoff) -> None:
    """Dead, edited with a reason, applied: each with its time, in order."""
    event = mapping(user_id=None)
    signoff.publish(event)
    signoff.work()
    letter = signoff.json("dlq", "list")[0]["id"]
    signoff("dlq", "edit", letter, "--set", "user_id=u", "--reason", "asked sales", "--yes")

    assert set(whats(signoff, event["event_id"])) == {"dead", "applied", "edit", "resolved"}
    assert "by ann, because: asked sales" in signoff("event", event["event_id"]).stdout
    audited = signoff("audit").stdout
    assert re.search(r"Open dead letters +0 *\nResolved dead letters +1 *\n", audited)


@pytest.mark.parametrize("command", ["event", "interaction", "customer"])
def test_unknown_ids_are_named(signoff: Signoff, command: str) -> None:
    """With exit code 1 and a sentence."""
    unknown = str(uuid4())

    printed = signoff(command, unknown, expect=1)

    assert unknown in printed.stdout + printed.stderr


def test_a_ledger_shows_the_steps_of_the_fold(signoff: Signoff) -> None:
    """Events are shown in order of occurrence, each with the balance after it."""
    interaction = uuid4()
    first = mapping(0, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="100")
    second = mapping(5, interaction_id=interaction, ltv_amount="25")
    signoff.publish(second, first)
    signoff.work()

    shown = signoff.json("customer", "user-1")

    assert [entry["event_id"] for entry in shown["ledger"]] == [
        str(first["event_id"]),
        str(second["event_id"]),
    ]
    assert [entry["ltv_usd"] for entry in shown["ledger"]] == ["100.00", "125.00"]
    assert [(t["from_status"], t["to_status"], t["on_path"]) for t in shown["transitions"]] == [
        ("PROSPECT", "CUSTOMER", False)
    ]
    assert shown["ltv_usd"] == "125.00"


def test_a_long_history_is_shown_in_pages(signoff: Signoff) -> None:
    """The latest events first, and how to see those before them; also with --json."""
    interaction = uuid4()
    events = [mapping(n, interaction_id=interaction) for n in range(3)]
    signoff.publish(*events, mapping(9))
    signoff.work()

    for command in (["interaction", interaction], ["customer", "user-1"]):
        shown = signoff.json(*command, "--limit", 2)
        printed = signoff(*command, "--limit", 2).stdout
        rest = signoff.json(*command, "--after", shown["next"])
        listed = [entry["event_id"] for entry in [*rest["ledger"], *shown["ledger"]]]
        assert listed[:3] == [str(event["event_id"]) for event in events]
        assert "There are earlier events: raise --limit" in printed
        assert f"--after {shown['next']}" in printed
        assert rest["next"] is None
        assert "There are" not in signoff(*command).stdout


def test_a_customers_interactions_are_listed_in_pages(signoff: Signoff) -> None:
    """The history shows their number, up to the size of a page."""
    signoff.publish(*(mapping(n) for n in range(3)))
    signoff.work()

    first = signoff.json("customer", "user-1", "--interactions", "--limit", 2)
    last = signoff.json("customer", "user-1", "--interactions", "--after", first["next"])

    assert (len(first["interactions"]), len(last["interactions"]), last["next"]) == (2, 1, None)
    assert signoff.json("customer", "user-1")["interactions"] == [
        *first["interactions"],
        *last["interactions"],
    ]
    assert (
        "2; there are more, see --interactions"
        in signoff("customer", "user-1", "--limit", 2).stdout
    )
    printed = signoff("customer", "user-1", "--interactions", "--limit", 2).stdout
    assert printed.splitlines()[:2] == first["interactions"]
    assert f"--after {first['next']}" in printed
    assert signoff.json("customer", "nobody", "--interactions", expect=1)["known"] is False


def test_times_are_shown_in_the_readers_zone(signoff: Signoff) -> None:
    """Tables use TZ; JSON uses UTC."""
    event = mapping()
    signoff.publish(event)
    signoff.work()

    printed = signoff.having(TZ="Asia/Tokyo")("interaction", event["interaction_id"])

    assert "2026-01-31 19:00:00 JST" in printed.stdout


def test_the_funnel_always_has_five_steps(signoff: Signoff) -> None:
    """Statuses without customers are shown too."""
    signoff.publish(mapping(customer_status="CHURNED", ltv_amount="9.90"))
    signoff.work()

    steps = signoff.json("funnel")

    assert [step["customer_status"] for step in steps] == [
        "PROSPECT",
        "LEAD_QUALIFIED",
        "CUSTOMER",
        "CHURNED",
        "LEAD_EXHAUSTED",
    ]
    assert (steps[3]["customers"], steps[3]["ltv_usd"]) == (1, "9.90")


def test_an_audit_without_differences_finds_nothing(signoff: Signoff) -> None:
    """Applied, dead and waiting events are accounted for."""
    signoff.publish(mapping(), mapping(user_id=None))
    signoff.work()
    signoff.publish(mapping())

    report = signoff.json("audit")

    assert report["clean"] is True
    assert report["queue"]["counts"]["waiting"] == 1
    assert "every event is accounted for" in signoff("audit").stdout


def test_an_audit_finds_a_changed_balance(signoff: Signoff, database_url: str) -> None:
    """A value that somebody else wrote into a table is shown beside the ledger's value."""
    event = mapping(ltv_amount="10")
    signoff.publish(event)
    signoff.work()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE interactions SET ltv_usd = 11")

    report = signoff.json("audit", expect=1)

    found = {
        (d["what"], d["field"], d["expected"], d["found"])
        for d in report["database"]["differences"]
    }
    assert ("interaction", "ltv_usd", "10.00", "11.00") in found


def test_an_audit_finds_lost_jobs(signoff: Signoff, client: redis.Redis) -> None:
    """A job on no list, and a listed id whose job does not exist, are both named."""
    unlisted, missing = mapping(), mapping()
    signoff.publish(unlisted, missing)
    client.lrem(KEYS.waiting, 0, str(unlisted["event_id"]))
    client.delete(f"{JOB_PREFIX}{missing['event_id']}")

    queue = signoff.json("audit", expect=1)["queue"]

    assert queue["unlisted_jobs"] == [str(unlisted["event_id"])]
    assert queue["missing"] == [str(missing["event_id"])]


OTHER = "00000000-0000-4000-8000-000000000009"
UNREACHABLE = {
    "redis": {"SIGNOFF_REDIS_URL": "redis://:secret@127.0.0.1:1/0"},
    "postgres": {"SIGNOFF_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"},
    "outbox": {"SIGNOFF_OUTBOX_URL": "postgresql://u:secret@127.0.0.1:1/d"},
    "rapport": {"SIGNOFF_RAPPORT_URL": "postgresql://u:secret@127.0.0.1:1/d"},
}


@pytest.mark.parametrize(
    ("server", "known", "shown"),
    [
        ("redis", {"applied"}, "Applied"),
        ("postgres", {"waiting", "workers"}, "Waiting"),
        ("outbox", {"waiting", "applied"}, "Dead letters"),
        ("rapport", {"waiting", "applied", "feed_readers"}, "Dead letters"),
    ],
)
def test_status_shows_the_others_if_a_server_is_unavailable(
    signoff: Signoff, server: str, known: set[str], shown: str
) -> None:
    """The exit code is 2 nevertheless."""
    signoff.publish(mapping())
    hampered = signoff.having(**UNREACHABLE[server])

    printed = hampered.json("status", expect=2)
    read = hampered("status", expect=2)

    assert list(printed["away"]) == [server]
    assert "127.0.0.1:1" in printed["away"][server]
    assert printed.keys() >= known
    assert shown in read.stdout
    assert "127.0.0.1:1" in read.stderr
    assert "secret" not in str(printed) + read.stderr
    assert signoff.json("status")["away"] == {}


def test_status_tells_how_far_contexts_reach(signoff: Signoff, empty_database_url: str) -> None:
    """If a second database is set; one without tables is shown like a server that is away."""
    assert "contexts" not in signoff.json("status")
    beside = signoff.having(SIGNOFF_RAPPORT_URL=empty_database_url)
    assert "signoff rapport create" in beside.json("status", expect=2)["away"]["rapport"]
    beside("rapport", "create")
    assert beside.json("status")["contexts"]["read_until"] is None
    beside("rapport", "run", "--once")
    found = beside.json("status")
    assert (found["contexts"]["is_behind"], found["contexts"]["rebuilt"]) == (False, None)
    assert [reader["name"] for reader in found["feed_readers"]] == ["rapport"]
    assert "Contexts of customers hold all that was applied." in beside("status").stdout


def test_the_health_of_a_reader_of_the_feed(signoff: Signoff, database_url: str) -> None:
    """Live if it noted its position lately; ready if it reads what is applied."""

    def found(*options: str, expect: int) -> dict[str, Any]:
        printed: dict[str, Any] = signoff.json(
            "health", "--reader", "insight", *options, expect=expect
        )
        return printed

    def changed(statement: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"UPDATE signoff.feed_readers SET {statement}".encode())

    unknown = found(expect=1)
    assert (unknown["healthy"], unknown["reader"]["live"]) == (False, False)
    assert "there are: none" in unknown["reader"]["waits_for"]
    signoff("insight", "run", "--once")
    assert found(expect=0)["healthy"] is True
    assert "reader insight: ready" in signoff("health", "--reader", "insight").stdout
    changed(
        "failure = 'no room', failing_since = now() - interval '1 hour',"
        " updated_at = now() - interval '1 hour'"
    )
    failing = found(expect=1)
    assert failing["reader"]["live"] is True
    assert failing["reader"]["waits_for"] == "fails since 60 min: no room"
    assert found("--live", expect=0)["healthy"] is True
    changed("failure = NULL, failing_since = NULL, updated_at = now() - interval '1 hour'")
    silent = found("--live", expect=1)
    assert "no instance runs" in silent["reader"]["waits_for"]
    away = signoff.having(**UNREACHABLE["postgres"]).json("health", "--reader", "insight", expect=2)
    assert (away["healthy"], list(away["away"])) == (None, ["postgres"])


@pytest.mark.parametrize("command", [("status",), ("event", OTHER)], ids=str)
def test_status_shows_the_others_if_the_schema_is_behind(
    signoff: Signoff, empty_database_url: str, command: tuple[str, ...]
) -> None:
    """It is shown like an unavailable server; so is a server whose URL is not set."""
    behind = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url)

    printed = behind.json(*command, expect=2)
    less = behind.having(**UNREACHABLE["redis"]).json(*command, expect=2)

    unset = signoff.having(SIGNOFF_DATABASE_URL="").json(*command, expect=2)

    assert list(printed["away"]) == list(unset["away"]) == ["postgres"]
    assert "is not set" in unset["away"]["postgres"]
    assert "signoff migrate" in printed["away"]["postgres"]
    assert list(less["away"]) == ["redis", "postgres"]
    assert "signoff migrate" in behind(*command, expect=2).stderr


@pytest.mark.parametrize("server", ["redis", "postgres", "outbox"])
def test_an_events_history_is_shown_while_a_server_is_unavailable(
    signoff: Signoff, server: str
) -> None:
    """The history from the other servers is shown; it is not said that the event is unknown."""
    event = mapping()
    signoff.publish(event)
    hampered = signoff.having(**UNREACHABLE[server])

    printed = hampered.json("event", event["event_id"], expect=2)
    unknown = hampered.json("event", uuid4(), expect=2)

    assert list(printed["away"]) == [server]
    assert [entry["what"] for entry in printed["history"]] == ["queued"] * (server != "redis")
    assert (unknown["known"], unknown["history"]) == (None, [])
    assert "is unknown" not in hampered("event", uuid4(), expect=2).stderr


def test_health_is_unknown_without_redis(signoff: Signoff) -> None:
    """Without Redis the workers are unknown; it is not said that there are none."""
    hampered = signoff.having(**UNREACHABLE["redis"])

    printed = hampered.json("health", expect=2)

    assert (printed["healthy"], printed["workers"], list(printed["away"])) == (
        None,
        None,
        ["redis"],
    )
    assert hampered("health", expect=2).stdout == ""


@pytest.mark.parametrize("command", ["interaction", "customer", "event"])
def test_json_is_printed_for_unknown_ids_too(signoff: Signoff, command: str) -> None:
    """With --json there is always JSON on standard output."""
    assert signoff.json(command, uuid4(), expect=1)["known"] is False


def test_a_worker_without_heartbeats_is_silent(signoff: Signoff, client: redis.Redis) -> None:
    """RQ lists a killed worker for minutes; status shows it as silent; doctor does not count it."""
    worker = Worker(["approvals"], connection=client, name="killed")
    worker.register_birth()  # type: ignore[no-untyped-call]
    assert [one["state"] for one in signoff.json("status")["workers"]] != ["silent"]
    client.hset(worker.key, "last_heartbeat", "2026-01-31T10:00:00.000000Z")

    (shown,) = signoff.json("status")["workers"]
    checks = {check["name"]: check for check in signoff.json("doctor", expect=1)}

    assert (shown["name"], shown["state"]) == ("killed", "silent")
    assert shown["heartbeat_age"] > 3
    assert "silent" in signoff("status").stdout
    assert checks["Workers"]["grade"] == "warn"
    assert "1 worker gave no heartbeat for 60 s" in checks["Silent workers"]["text"]


def test_the_doctor_sees_that_workers_are_suspended(signoff: Signoff, client: redis.Redis) -> None:
    """It names the command that resumes them."""
    suspend(client)

    assert "signoff queue resume" in signoff("doctor", expect=1).stdout
