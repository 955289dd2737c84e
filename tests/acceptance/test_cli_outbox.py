"""The outbox in the command line: create, sql, refused, prune, reconcile, status and event."""

import hashlib
import json
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
import redis
from approvals import approval
from command_line import Signoff
from processes import KEYS, exit_code

from signoff_producer import ApprovalEvent, Producer, outbox
from signoff_relay.lane import Lane


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    """The queue's Redis."""
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def upstream(empty_database_url: str) -> str:
    """The database of an upstream, which is not Signoff's."""
    return empty_database_url


@pytest.fixture
def shop(signoff: Signoff, upstream: str) -> Signoff:
    """The command line with an upstream whose outbox is in its own database."""
    shop = signoff.having(SIGNOFF_OUTBOX_URL=upstream)
    shop("outbox", "create")
    return shop


def relayed(upstream: str, client: redis.Redis, *events: ApprovalEvent) -> list[str]:
    """Commit the events to the outbox and move them; returns their ids."""
    add(upstream, *events)
    lane = Lane(upstream, Producer(connection=client), most=1000)
    while lane.move():
        pass
    lane.drop()
    return [str(event.event_id) for event in events]


def add(upstream: str, *events: ApprovalEvent | dict[str, Any]) -> None:
    """Commit the events to the outbox."""
    with psycopg.connect(upstream) as connection:
        for event in events:
            outbox.add(connection, event)


def held(upstream: str) -> set[UUID]:
    """The ids of the events that the outbox holds."""
    with psycopg.connect(upstream) as connection:
        return {row[0] for row in connection.execute("SELECT event_id FROM signoff_outbox")}


def test_create_may_be_repeated(shop: Signoff, upstream: str) -> None:
    """The table is created once, and its rows are kept."""
    add(upstream, approval())
    assert "has the table signoff_outbox" in shop("outbox", "create").stdout
    assert len(held(upstream)) == 1


def test_sql_is_what_create_runs(signoff: Signoff) -> None:
    """An upstream gets the same table by its own migrations; no server is needed."""
    alone = signoff.having(SIGNOFF_DATABASE_URL="", SIGNOFF_REDIS_URL="")
    assert alone("outbox", "sql").stdout == outbox.SCHEMA


@pytest.mark.parametrize("command", [["relay"], ["reconcile"], ["outbox", "refused"]])
def test_a_missing_outbox_is_an_error_that_says_what_to_do(
    signoff: Signoff, command: list[str]
) -> None:
    """It names the database, and the command that creates it."""
    printed = signoff(*command, expect=2).stderr
    assert "no table signoff_outbox" in printed
    assert "signoff outbox create" in printed


@pytest.mark.parametrize("command", [["relay"], ["reconcile"], ["outbox", "refused"]])
def test_an_outbox_of_an_earlier_release_is_named(
    shop: Signoff, upstream: str, command: list[str]
) -> None:
    """The error says what the table lacks, and how to bring it up to date."""
    with psycopg.connect(upstream, autocommit=True) as connection:
        connection.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    printed = shop(*command, expect=2).stderr
    assert "lacks the column validated_hash" in printed
    assert "signoff outbox create" in printed

    shop("outbox", "create")
    shop(*command, *(["--burst"] if command == ["relay"] else []))


def test_a_refused_event_is_fixed_in_sql(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """The operator's event is validated, although `add` had validated the original."""
    event = approval()
    shop.publish({**event.model_dump(mode="json", exclude_defaults=True), "quality_score": 1})
    relayed(upstream, client, event)
    shop.work()
    assert score(upstream, 9)
    assert shop.json("reconcile", expect=1)["refused"] == 1
    (refused,) = shop.json("outbox", "refused", expect=1)
    assert "quality_score must be at most 5" in refused["refused"]

    assert score(upstream, 1)
    assert shop.json("reconcile")["settled"] == 1


def score(upstream: str, given: int) -> bool:
    """Change the score of the only event in the outbox; whether there was one."""
    change = (
        "UPDATE signoff_outbox SET event = jsonb_set(event::jsonb, '{quality_score}', %s)::text"
    )
    with psycopg.connect(upstream) as connection:
        return connection.execute(change, [str(given)]).rowcount == 1


def test_lost_events_are_published_again(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """Applied events are not published; those that were waiting are on the queue again."""
    relayed(upstream, client, approval())
    shop.work()
    lost = relayed(upstream, client, approval(), approval())
    client.flushall()

    dry = shop.json("reconcile", "--dry-run", expect=1)
    assert (dry["looked_at"], dry["settled"], dry["lost"], dry["published"]) == (3, 1, 2, 0)
    assert client.llen(KEYS.waiting) == 0

    assert "Published again: 2" in shop("reconcile").stdout
    jobs = cast("list[bytes]", client.lrange(KEYS.waiting, 0, -1))
    assert sorted(job.decode() for job in jobs) == sorted(lost)
    shop.work()
    again = shop.json("reconcile")
    assert (again["settled"], again["lost"]) == (3, 0)


def test_an_event_on_its_way_is_not_lost(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """Waiting in the outbox, queued, in flight, scheduled or dead: it is not published again."""
    queued, flying, put_off = relayed(upstream, client, approval(), approval(), approval())
    for job in (flying, put_off):
        client.lrem(KEYS.waiting, 0, job)
    client.zadd(KEYS.started, {f"{flying}:signoff-0123456789abcdef": "inf"})
    client.zadd(KEYS.scheduled, {put_off: 1_800_000_000})
    add(upstream, approval())

    found = shop.json("reconcile")

    assert (found["looked_at"], found["queued"], found["lost"]) == (3, 3, 0)
    assert client.lrange(KEYS.waiting, 0, -1) == [queued.encode()]


def test_a_dead_letter_is_not_lost(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """Operators decide about it, so it is not published again."""
    relayed(upstream, client, approval(user_id=None))
    shop.work()
    client.flushall()
    found = shop.json("reconcile")
    assert (found["settled"], found["lost"]) == (1, 0)


def test_a_discarded_and_pruned_event_is_not_lost(
    shop: Signoff, upstream: str, client: redis.Redis, database_url: str
) -> None:
    """It stays discarded when its letter is pruned."""
    relayed(upstream, client, approval(user_id=None))
    shop.work()
    shop("dlq", "discard", "--all", "--reason", "not ours", "--yes")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE dead_letters SET resolved_at = now() - interval '1 year'")
    shop("prune", "--older-than", "30d", "--yes")

    found = shop.json("reconcile")

    assert (found["settled"], found["lost"], client.llen(KEYS.waiting)) == (1, 0, 0)


def test_an_unlisted_job_is_listed_again(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """Its hash exists, so publishing finds a duplicate; its id is put on the queue."""
    (unlisted,) = relayed(upstream, client, approval())
    client.delete(KEYS.waiting)

    assert shop.json("reconcile")["published"] == 1

    assert client.lrange(KEYS.waiting, 0, -1) == [unlisted.encode()]
    shop.work()
    assert shop.json("status")["applied"] == 1


def test_an_id_that_the_ledger_holds_with_other_content_is_not_settled(
    shop: Signoff, upstream: str, client: redis.Redis
) -> None:
    """An upstream reused an id, and Redis lost the second event: it becomes a dead letter."""
    first = approval()
    shop.publish(first.model_dump(mode="json", exclude_defaults=True))
    shop.work()
    relayed(upstream, client, first.model_copy(update={"quality_score": 1}))
    client.flushall()

    assert shop.json("reconcile")["published"] == 1

    shop.work()
    assert shop.json("status")["dead"] == {"event_conflict": 1}
    assert shop.json("reconcile")["settled"] == 1


def test_a_refused_event_is_tried_again(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """When the other event of a conflict has been applied, both are accounted for."""
    first = approval()
    shop.publish(first.model_dump(mode="json", exclude_defaults=True))
    relayed(upstream, client, first.model_copy(update={"quality_score": 1}))

    (refused,) = shop.json("outbox", "refused", expect=1)
    assert (refused["event_id"], "other content" in refused["refused"]) == (
        str(first.event_id),
        True,
    )
    assert shop.json("status")["outbox"]["refused"] == 1
    assert shop.json("reconcile")["queued"] == 1

    shop.work()
    assert shop.json("reconcile")["published"] == 1
    assert shop.json("outbox", "refused") == []
    shop.work()
    assert shop.json("status")["dead"] == {"event_conflict": 1}


def test_a_full_queue_stops_reconcile(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """Events that found room are published; exit 1 and a sentence say that it stopped early."""
    relayed(upstream, client, *(approval(n) for n in range(3)))
    client.flushall()
    small = shop.having(SIGNOFF_MAX_QUEUE_LENGTH="2")

    printed = small("reconcile", expect=1)

    assert "stopped before the end" in printed.stderr
    assert client.llen(KEYS.waiting) == 2
    shop.work()
    assert small.json("reconcile")["published"] == 1


def test_only_events_that_are_accounted_for_are_pruned(
    shop: Signoff, upstream: str, client: redis.Redis
) -> None:
    """Applied or discarded events are deleted; dead, lost, refused and waiting ones never are."""
    applied, discarded, dead = approval(), approval(user_id=None), approval(user_id=None)
    relayed(upstream, client, applied, discarded, dead)
    shop.work()
    letters = {row["event_id"]: row["id"] for row in shop.json("dlq", "list")}
    shop("dlq", "discard", letters[str(discarded.event_id)], "--reason", "a test", "--yes")
    lost, taken, waiting = approval(), approval(), approval()
    relayed(upstream, client, lost)
    client.flushall()
    shop.publish(
        taken.model_copy(update={"quality_score": 1}).model_dump(mode="json", exclude_defaults=True)
    )
    relayed(upstream, client, taken)
    add(upstream, waiting)

    young = shop.json("outbox", "prune", "--older-than", "1h")
    assert (young["pruned"], young["kept"]) == (0, 0)
    old = shop.json("outbox", "prune", "--older-than", "0s")
    assert (old["pruned"], old["kept"]) == (2, 2)
    kept = {event.event_id for event in (dead, lost, taken, waiting)}
    assert held(upstream) == kept


def test_an_export_comes_before_pruning(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """One line for each pruned event, as it was added, with a checksum."""
    applied, lost = approval(), approval()
    relayed(upstream, client, applied)
    shop.work()
    relayed(upstream, client, lost)
    file = shop.folder / "events.jsonl"

    said = shop.json("outbox", "prune", "--older-than", "0s", "--export", file)

    (line,) = map(json.loads, file.read_text().splitlines())
    assert ApprovalEvent.parse(line["event"]) == applied
    assert line["event_id"] == str(applied.event_id)
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (said["pruned"], said["kept"], said["export"]) == (1, 1, str(file))
    assert (shop.folder / "events.jsonl.sha256").read_text() == f"{said['sha256']}  events.jsonl\n"
    assert held(upstream) == {lost.event_id}


def test_without_a_new_file_nothing_is_pruned(
    shop: Signoff, upstream: str, client: redis.Redis
) -> None:
    """An existing file may be an earlier export, and is not changed."""
    relayed(upstream, client, approval())
    shop.work()
    (shop.folder / "events.jsonl").write_text("precious")

    printed = shop(
        "outbox", "prune", "--older-than", "0s", "--export", shop.folder / "events.jsonl", expect=2
    ).stderr

    assert "events.jsonl cannot be written: File exists; nothing was deleted" in printed
    assert (shop.folder / "events.jsonl").read_text() == "precious"
    assert len(held(upstream)) == 1


def test_if_nothing_is_pruned_no_file_is_written(shop: Signoff) -> None:
    """So a nightly job leaves no empty files."""
    said = shop.json("outbox", "prune", "--older-than", "0s", "--export", shop.folder / "file")
    assert said == {"pruned": 0, "kept": 0, "export": None, "sha256": None}
    assert not (shop.folder / "file").exists()


def test_a_relay_prunes_with_prune_after(shop: Signoff, upstream: str, client: redis.Redis) -> None:
    """A relay can do the same."""
    relayed(upstream, client, approval())
    shop.work()
    with shop.process("relay", "--burst", "--prune-after", "0s") as relay:
        assert exit_code(relay) == 0
    assert held(upstream) == set()


@pytest.mark.parametrize("age", ["7", "soon", "-1d", ""])
def test_an_invalid_age_is_named(shop: Signoff, age: str) -> None:
    """It is quoted, with examples of valid ages."""
    printed = shop("outbox", "prune", f"--older-than={age}", expect=2).stderr
    assert f"--older-than holds {age!r}; expected an age such as 90s" in printed


def test_status_and_history_show_the_outbox(
    shop: Signoff, signoff: Signoff, upstream: str, client: redis.Redis
) -> None:
    """The number of waiting events; whether an event was relayed; nothing without an outbox."""
    event = approval()
    add(upstream, event)
    overview = shop.json("status")["outbox"]
    assert (overview["waiting"], overview["refused"]) == (1, 0)
    assert "Waiting in the outbox" in shop("status").stdout
    assert history_of(shop, event) == ["outboxed", "unrelayed"]

    relayed(upstream, client)
    assert history_of(shop, event) == ["outboxed", "relayed", "queued"]
    shop.work()
    assert history_of(shop, event) == ["outboxed", "relayed", "applied"]

    assert signoff.json("status")["outbox"] is None


def test_the_history_says_why_an_event_is_still_refused(
    shop: Signoff, upstream: str, client: redis.Redis
) -> None:
    """In one sentence."""
    event = approval()
    add(upstream, event)
    score(upstream, 9)
    relayed(upstream, client)

    told = shop.json("event", event.event_id)["history"][-1]["text"]
    assert "kept in the outbox (still refused: quality_score must be at most 5; found 9)" in told


def history_of(shop: Signoff, event: ApprovalEvent) -> list[str]:
    """What an event's history consists of."""
    return [entry["what"] for entry in shop.json("event", event.event_id)["history"]]


def test_refused_events_are_moved_to_the_dead_letters(
    shop: Signoff, upstream: str, client: redis.Redis
) -> None:
    """By id or all of them, for a reason; then they are dead letters like any other."""
    first, second = (
        json.loads(approval().canonical_json()) | {"quality_score": 9} for _ in range(2)
    )
    with psycopg.connect(upstream) as connection:
        for event in (first, second):
            insert = "INSERT INTO signoff_outbox (event) VALUES (%s)"
            connection.execute(insert, [json.dumps(event)])
    relayed(upstream, client)
    give_up = ("outbox", "dead-letter", "--reason", "nobody corrects them")
    shop(*give_up, expect=2)
    assert "Moved 1 event to the dead letters." in shop(*give_up, first["event_id"]).stdout
    done = shop.json(*give_up, "--all", "--actor", "ann")
    assert done == {"moved": 1, "valid": 0, "too_large": 0}
    assert "none of these events is refused" in shop(*give_up, "--all", expect=2).stderr
    assert "refuses no event" in shop("outbox", "refused").stdout
    assert len(shop.json("dlq", "list")) == 2
