"""Status decisions where an installation is unlike a new one: partitions, adopted tables, 0.1."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, customer, decision, delivery, outcomes
from letters import letters_in
from mixed import mixed_events
from reference import fold, read

from signoff_db import feed
from signoff_db import migrate as migrations
from signoff_db.apply import apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.ledger_partitions import add_partition, detach_oldest, partition_ledger
from signoff_db.migrate import migrate
from signoff_db.undo import undo
from signoff_schemas import AnyEvent

START = datetime(2025, 1, 1, tzinfo=UTC)
OLD = Path(__file__).parents[1] / "support" / "installation_0_1.sql"
OLD_PARTITIONS = OLD.with_name("partitioned_ledger_0_1.sql").read_text("utf-8")


def day(number: float) -> datetime:
    """So many days after the start."""
    return START + timedelta(days=number)


def is_void(connection: BatchConnection, event: AnyEvent) -> bool:
    """Whether the decision is void now."""
    row = connection.execute(
        "SELECT void FROM status_decisions WHERE event_id = %s", [event.event_id]
    ).fetchone()
    assert row is not None
    return bool(row[0])


def assert_exact(connection: BatchConnection, events: list[AnyEvent]) -> None:
    """The tables are the fold of all events there ever were, and the audit says so too."""
    assert read(connection) == fold(events)
    assert audit(connection).differences == ()


# Partitions


@pytest.fixture
def partitioned(connection: BatchConnection) -> BatchConnection:
    """An empty ledger in three partitions of ten days."""
    partition_ledger(connection, day(10))
    for end in (20, 30):
        add_partition(connection, day(end))
    return connection


@pytest.mark.parametrize("seed", range(6))
def test_old_partitions_go_and_decisions_stay_the_fold_of_all_events(
    partitioned: BatchConnection, seed: int
) -> None:
    """Before, between and after detaching, also where a decision's ground was detached."""
    chance = random.Random(seed)
    events = mixed_events(chance, 40, day(0), day(30))
    apply_events(partitioned, *events)
    assert_exact(partitioned, events)
    for horizon in (10, 20):
        detach_oldest(partitioned)
        assert_exact(partitioned, events)
        left = [event for event in events if event.occurred_at >= day(horizon)]
        later = mixed_events(chance, 20, day(horizon), day(30), grounds=left)
        apply_events(partitioned, *later)
        events += later
        assert_exact(partitioned, events)


@pytest.mark.parametrize("given", [{"customer_status": "CUSTOMER"}, {"ltv_amount": "5"}])
def test_a_decision_stays_void_when_what_voids_it_is_detached(
    partitioned: BatchConnection, given: dict[str, str]
) -> None:
    """Both its ground and the event between are in the partition; audit stays green."""
    ground = approval(occurred_at=day(1), customer_status="PROSPECT")
    rule = decision(occurred_at=day(15), rests_on=ground.event_id)
    between = approval(occurred_at=day(5), interaction_id=ground.interaction_id, **given)
    apply_events(partitioned, ground, rule, between)
    assert is_void(partitioned, rule)
    detach_oldest(partitioned)
    apply_events(partitioned, approval(occurred_at=day(14), user_id="user-1"))
    assert is_void(partitioned, rule)
    assert audit(partitioned).differences == ()


def test_a_decision_whose_ground_was_detached_is_voided_by_a_late_event(
    partitioned: BatchConnection,
) -> None:
    """It counts until an event between arrives; what is left of the ledger decides that."""
    ground = approval(occurred_at=day(1), customer_status="PROSPECT")
    rule = decision(occurred_at=day(15), rests_on=ground.event_id)
    apply_events(partitioned, ground, rule)
    detach_oldest(partitioned)
    assert customer(partitioned, "user-1") == ("CHURNED", "0.00")
    late = approval(occurred_at=day(12), customer_status="CUSTOMER")
    apply_events(partitioned, late)
    assert is_void(partitioned, rule)
    assert_exact(partitioned, [ground, rule, late])


def test_a_decision_that_rests_on_a_detached_decision_keeps_its_state(
    partitioned: BatchConnection,
) -> None:
    """Also where the decision that it rests on is void."""
    ground = approval(occurred_at=day(1), customer_status="PROSPECT")
    void = decision(occurred_at=day(3), rests_on=uuid4())
    later = decision(occurred_at=day(15), rests_on=void.event_id, customer_status="CUSTOMER")
    apply_events(partitioned, ground, void, later)
    detach_oldest(partitioned)
    detach_oldest(partitioned)
    apply_events(partitioned, approval(occurred_at=day(25)))
    assert [is_void(partitioned, one) for one in (void, later)] == [True, False]
    assert customer(partitioned, "user-1") == ("CUSTOMER", "0.00")
    assert audit(partitioned).differences == ()


def test_a_later_decision_rests_on_the_last_event_that_was_detached(
    partitioned: BatchConnection,
) -> None:
    """A rule about silent customers does; also on the last one that gave something."""
    older = approval(occurred_at=day(1), customer_status="PROSPECT")
    giving = approval(occurred_at=day(2), interaction_id=older.interaction_id, ltv_amount="5")
    last = approval(occurred_at=day(3))
    decided = decision(occurred_at=day(4), user_id="user-2")
    apply_events(partitioned, older, giving, last, decided)
    detach_oldest(partitioned)
    rules: list[AnyEvent] = [
        decision(occurred_at=day(25), rests_on=older.event_id),
        decision(occurred_at=day(25.1), rests_on=giving.event_id, customer_status="CUSTOMER"),
        decision(occurred_at=day(25.2), rests_on=last.event_id),
        decision(occurred_at=day(25), user_id="user-2", rests_on=decided.event_id),
        decision(occurred_at=day(25.3), user_id="user-2", rests_on=last.event_id),
    ]
    results = [apply_events(partitioned, rule) for rule in rules]
    assert results == [["void"], ["applied"], ["void"], ["applied"], ["void"]]
    events: list[AnyEvent] = [older, giving, last, decided, *rules]
    assert_exact(partitioned, events)
    detach_oldest(partitioned)
    assert_exact(partitioned, events)
    late = approval(occurred_at=day(22), customer_status="LEAD_QUALIFIED")
    again = decision(occurred_at=day(23), rests_on=late.event_id)
    apply_events(partitioned, late, again)
    assert_exact(partitioned, [*events, late, again])


def test_the_last_detached_event_is_that_of_all_partitions(partitioned: BatchConnection) -> None:
    """A later partition may hold only events that gave nothing."""
    giving = approval(occurred_at=day(2), ltv_amount="5")
    last = approval(occurred_at=day(15), interaction_id=giving.interaction_id)
    apply_events(partitioned, giving, last)
    detach_oldest(partitioned)
    detach_oldest(partitioned)
    rules = [
        decision(occurred_at=day(25), rests_on=last.event_id, customer_status="CUSTOMER"),
        decision(occurred_at=day(24), rests_on=giving.event_id),
    ]
    apply_events(partitioned, *rules)
    assert_exact(partitioned, [giving, last, *rules])


def test_a_decision_before_the_horizon_becomes_a_dead_letter(partitioned: BatchConnection) -> None:
    """New or seen before, as an approval does."""
    seen = decision(occurred_at=day(3))
    apply_events(partitioned, seen)
    detach_oldest(partitioned)
    new = decision(occurred_at=day(4), customer_status="CUSTOMER")
    recent = decision(occurred_at=day(15), customer_status="PROSPECT")
    results = apply_events(partitioned, seen, new, recent)
    assert results == ["refused_by_database", "refused_by_database", "applied"]
    assert_exact(partitioned, [seen, recent])


def test_an_id_of_a_detached_decision_is_not_used_again(partitioned: BatchConnection) -> None:
    """Its state is still there, so a decision under its id at a later instant is a dead letter."""
    seen = decision(occurred_at=day(3))
    apply_events(partitioned, seen)
    detach_oldest(partitioned)
    again = decision(event_id=seen.event_id, occurred_at=day(15), customer_status="CUSTOMER")
    other = decision(occurred_at=day(16), user_id="user-2")
    assert apply_events(partitioned, again, other) == ["refused_by_database", "applied"]
    assert_exact(partitioned, [seen, other])


def test_a_ledger_with_decisions_becomes_the_first_partition(connection: BatchConnection) -> None:
    """They are known there, and a conflict under another instant is found."""
    events = mixed_events(random.Random(3), 30, day(0), day(9))
    apply_events(connection, *events)
    partition_ledger(connection, day(10))
    add_partition(connection, day(20))
    assert set(apply_events(connection, *events)) == {"duplicate"}
    moved = decision(event_id=events[0].event_id, occurred_at=day(15))
    assert apply_events(connection, moved) == ["event_conflict"]
    assert_exact(connection, events)


# An installation of release 0.1


@pytest.mark.parametrize("partitions", [False, True])
def test_an_installation_of_release_0_1_takes_decisions(
    empty_database_url: str, *, partitions: bool
) -> None:
    """Moved into its schema, in partitions or not, and undone."""
    with psycopg.connect(empty_database_url, autocommit=True) as upstream:
        upstream.execute(OLD.read_bytes())
        if partitions:
            upstream.execute(OLD_PARTITIONS.encode())
            upstream.execute("SELECT signoff_partition_ledger('2026-01-31 10:30Z')")
            upstream.execute("SELECT signoff_add_ledger_partition('2040-01-01Z')")
    migrate(empty_database_url)
    with connect_for_batches(empty_database_url, application="test") as connection:
        ground = approval(0, customer_status="CUSTOMER", ltv_amount="5")
        rule = decision(60, rests_on=ground.event_id)
        assert apply_events(connection, rule) == ["void"]
        assert apply_events(connection, ground) == ["applied"]
        assert customer(connection, "user-1") == ("CHURNED", "5.00")
        if partitions:
            detach_oldest(connection)
        assert audit(connection).differences == ()
        late = approval(40, interaction_id=ground.interaction_id, ltv_amount="1")
        apply_events(connection, late)
        assert customer(connection, "user-1") == ("CUSTOMER", "6.00")
        assert audit(connection).differences == ()
    undo(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        left = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p', 'v')"
            " AND relnamespace IN ('public'::regnamespace, to_regnamespace('signoff'))"
            " UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'signoff%'"
        )
        assert left.fetchall() == [("interactions",)]


# An adopted table


@pytest.fixture(params=["text", "varchar(200)", 'varchar(300) COLLATE "C"'])
def upstream_url(empty_database_url: str, request: pytest.FixtureRequest) -> str:
    """A database whose upstream keeps its interactions in `public`, adopted by Signoff."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            f"CREATE TABLE interactions (id uuid PRIMARY KEY, user_id {request.param},"
            " customer_status text, ltv_usd numeric(8,2),"
            " created_at timestamptz NOT NULL DEFAULT now())"
        )
    migrate(empty_database_url)
    return empty_database_url


def test_an_adopted_table_and_a_ledger_in_partitions_from_before_decisions(
    upstream_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The migrations extend partitions and functions that are there; all of it can be undone."""
    undo(upstream_url)
    names = migrations._names()
    monkeypatch.setattr(migrations, "_names", lambda: [name for name in names if name < "0011"])
    migrate(upstream_url)
    with connect_for_batches(upstream_url, application="test") as connection:
        partition_until = "SELECT signoff_partition_ledger(%s), signoff_add_ledger_partition(%s)"
        connection.execute(partition_until, [day(10), day(30)])
    monkeypatch.undo()
    migrate(upstream_url)
    with connect_for_batches(upstream_url, application="test") as connection:
        ground = approval(occurred_at=day(1), customer_status="CUSTOMER")
        rule = decision(occurred_at=day(15), rests_on=ground.event_id)
        assert apply_events(connection, rule) == ["void"]
        assert apply_events(connection, ground) == ["applied"]
        assert feed.read(connection).events[0].event_id == rule.event_id
        detach_oldest(connection)
        assert not is_void(connection, rule)
        assert [e.event_id for e in feed.read(connection).events] == [rule.event_id]
        assert audit(connection).differences == ()
    undo(upstream_url)
    with psycopg.connect(upstream_url) as upstream:
        assert upstream.execute("SELECT to_regnamespace('signoff')").fetchone() == (None,)
        assert upstream.execute("SELECT count(*) FROM interactions").fetchone() == (1,)


@pytest.fixture
def writer(upstream_url: str) -> Iterator["psycopg.Connection[object]"]:
    """A session of a role that may write interactions, and nothing else."""
    role = f"writer_{uuid4().hex}"
    with psycopg.connect(upstream_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role}")
        admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON interactions TO {role}")
        admin.execute(f"SET ROLE {role}; SET search_path TO public")
        try:
            yield admin
        finally:
            admin.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


def test_whoever_may_write_interactions_moves_grounds_of_decisions(
    upstream_url: str, writer: "psycopg.Connection[object]"
) -> None:
    """An update, a delete and a TRUNCATE by that role alone bring decisions up to date."""
    ground = approval(0, customer_status="CUSTOMER", ltv_amount="7")
    rule = decision(10, rests_on=ground.event_id)
    with connect_for_batches(upstream_url, application="test") as connection:
        apply_events(connection, ground, rule)
        writer.execute("UPDATE interactions SET user_id = 'user-2'")
        assert is_void(connection, rule)
        assert customer(connection, "user-1") == ("PROSPECT", "0.00")
        writer.execute("UPDATE interactions SET user_id = 'user-1'")
        assert not is_void(connection, rule)
        assert customer(connection, "user-1") == ("CHURNED", "7.00")
        assert connection.execute(
            "SELECT user_id, to_status FROM status_transitions ORDER BY occurred_at"
        ).fetchall() == [("user-1", "CUSTOMER"), ("user-1", "CHURNED")]
        assert audit(connection).differences == ()
        writer.execute("DELETE FROM interactions")
        assert is_void(connection, rule)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute("SELECT * FROM signoff.status_decisions")
        apply_events(connection, decision(20, customer_status="LEAD_EXHAUSTED"))
        writer.execute("TRUNCATE interactions")
        assert customer(connection, "user-1") == ("LEAD_EXHAUSTED", "0.00")


def test_rows_of_others_that_no_event_touched_void_nothing(
    upstream_url: str, writer: "psycopg.Connection[object]"
) -> None:
    """Only events stand between; a row that the upstream writes is none."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(10, rests_on=ground.event_id)
    with connect_for_batches(upstream_url, application="test") as connection:
        apply_events(connection, ground, rule)
        writer.execute(
            "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
            " VALUES (gen_random_uuid(), 'user-1', 'CUSTOMER', 5)"
        )
        assert not is_void(connection, rule)
        assert customer(connection, "user-1") == ("CHURNED", "5.00")
        assert audit(connection).differences == ()


@pytest.mark.parametrize("owner_first", [True, False])
def test_an_interaction_that_gets_its_owner_brings_all_its_events(
    connection: BatchConnection, *, owner_first: bool
) -> None:
    """An event that occurred before the one that names the owner voids a decision, too."""
    key = uuid4()
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [key])
    ground = approval(0, customer_status="CUSTOMER")
    between = approval(5, interaction_id=key, user_id=None, ltv_amount="3")
    rule = decision(10, rests_on=ground.event_id)
    naming = approval(20, interaction_id=key)
    apply_events(connection, ground, rule)
    for event in (naming, between) if owner_first else (between, naming):
        apply_events(connection, event)
    assert is_void(connection, rule)
    assert customer(connection, "user-1") == ("CUSTOMER", "3.00")
    assert_exact(connection, [ground, between, rule, naming])


# What the database refuses


def test_a_decision_that_a_check_refuses_is_found_in_one_call(connection: BatchConnection) -> None:
    """Its neighbours of both kinds are applied; the letter names the constraint."""
    connection.execute(
        "ALTER TABLE approvals ADD CONSTRAINT no_rules CHECK (decided_by NOT LIKE 'rule:%')"
    )
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(1, decided_by="rule:a@1", rests_on=ground.event_id)
    events: list[AnyEvent] = [
        ground,
        decision(2, customer_status="PROSPECT"),
        rule,
        approval(3),
    ]
    assert apply_events(connection, *events) == [
        "applied",
        "applied",
        "refused_by_database",
        "applied",
    ]
    assert connection.refuses_events, "rejected rows were found in one call, not by halving"
    (letter,) = letters_in(connection)
    assert (letter.event_id, letter.user_id) == (rule.event_id, "user-1")
    assert "no_rules" in letter.message
    assert apply_events(connection, rule, decision(4)) == ["refused_by_database", "applied"]
    assert audit(connection).differences == ()


def test_a_table_of_decisions_that_refuses_one_costs_that_one_alone(
    connection: BatchConnection,
) -> None:
    """What the ledger would take and the table does not is found by halving the batch."""
    connection.execute(
        "ALTER TABLE status_decisions ADD CONSTRAINT odd CHECK (user_id <> 'unlucky')"
    )
    events = [decision(n, user_id="unlucky" if n == 3 else f"user-{n}") for n in range(6)]
    results = apply_events(connection, *events)
    assert results == ["refused_by_database" if n == 3 else "applied" for n in range(6)]
    assert customer(connection, "unlucky") is None
    assert audit(connection).differences == ()


def test_the_ledger_takes_no_incomplete_event(connection: BatchConnection) -> None:
    """A row that is neither an approval nor a decision is refused, whoever writes it."""
    insert = (
        "INSERT INTO approvals (event_id, schema_version, occurred_at, content_hash, user_id,"
        " customer_status, decided_by, event_type)"
        " VALUES (gen_random_uuid(), 1, now(), 'h', 'u', 'CHURNED', 'user:ann', %s)"
    )
    for kind in ("status_decision", "approval", "another"):
        with pytest.raises(psycopg.errors.CheckViolation, match="approvals_complete"):
            connection.execute(insert, [kind])


def test_both_kinds_in_one_transaction(connection: BatchConnection) -> None:
    """As a replay applies them: all, or nothing."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(1, rests_on=ground.event_id)
    events = [delivery(event) for event in (rule, ground, rule, approval(2))]
    with connection.transaction(force_rollback=True):
        results = [str(o.result) for o in apply_in_transaction(connection, events)]
    assert results == ["applied", "applied", "duplicate", "applied"]
    assert read(connection) == fold([])
    assert outcomes(connection, rule)[0].verdict == "void"
