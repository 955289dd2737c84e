"""Verdicts, failures, and batches in which an event fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from approvals import (
    apply_events,
    approval,
    balance,
    customer,
    decision,
    delivery,
    mapping,
    outcomes,
)
from blocking import await_blocked, swallow_interactions_of
from letters import letters_in, payload_of

from signoff_db.apply import apply
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, DatabaseUnavailableError, connect
from signoff_db.dead_letters import get_letter
from signoff_db.delivery import Delivery, Job
from signoff_db.failure import Failure
from signoff_schemas import DeadLetterState, FailureKind, Verdict, encode_job


def test_the_same_event_again_is_a_duplicate(connection: BatchConnection) -> None:
    """An event takes effect once, in one batch and over batches, also as another JSON text."""
    event = approval(customer_status="CUSTOMER", ltv_amount="250.00")
    other_spelling = approval(**event.model_dump(exclude={"occurred_at"}) | {"ltv_amount": 250})
    assert apply_events(connection, event, event) == ["applied", "duplicate"]
    assert apply_events(connection, other_spelling) == ["duplicate"]
    assert balance(connection, event.interaction_id) == ("CUSTOMER", "250.00")


def test_other_content_under_a_known_id_is_a_conflict(connection: BatchConnection) -> None:
    """The first content stays; the other one is a dead letter, and creates no interaction."""
    first = approval(ltv_amount="1")
    other = approval(event_id=first.event_id, ltv_amount="2")
    assert apply_events(connection, first, other) == ["applied", "event_conflict"]
    assert apply_events(connection, other) == ["event_conflict"]
    assert balance(connection, other.interaction_id) is None
    (letter,) = letters_in(connection)
    assert (letter.kind, letter.event_id, letter.attempts) == ("event_conflict", first.event_id, 2)


def test_an_unknown_interaction_without_user_is_retried_then_dead(
    connection: BatchConnection,
) -> None:
    """It is retried as often as the caller allows, and then it is a dead letter."""
    event = approval(user_id=None)
    first, second = (
        Delivery.of_payload("job", event.canonical_json(), attempts=n + 1, retries=n)
        for n in (0, 1)
    )
    (outcome,) = apply(connection, [first], retries=1)
    assert (outcome.retry, letters_in(connection)) == (True, [])
    (outcome,) = apply(connection, [second], retries=1)
    assert (outcome.retry, outcome.result) == (False, "unknown_interaction")
    (letter,) = letters_in(connection)
    assert (letter.attempts, letter.interaction_id) == (2, event.interaction_id)


def test_a_neighbour_in_the_batch_may_create_the_interaction(connection: BatchConnection) -> None:
    """An event without user is applied if another of its batch creates its interaction."""
    interaction = uuid4()
    verdicts = apply_events(
        connection,
        approval(0, interaction_id=interaction, user_id=None, ltv_amount="1"),
        approval(1, interaction_id=interaction, ltv_amount="2"),
    )
    assert verdicts == ["applied", "applied"]


def test_another_users_event_is_a_mismatch(connection: BatchConnection) -> None:
    """An interaction has one user, that of the first event, also within a batch."""
    interaction = uuid4()
    verdicts = apply_events(
        connection,
        approval(1, interaction_id=interaction, user_id="ann"),
        approval(0, interaction_id=interaction, user_id="bob"),
        approval(2, interaction_id=interaction, user_id="ann"),
    )
    assert verdicts == ["applied", "user_mismatch", "applied"]
    (letter,) = letters_in(connection)
    assert "'ann'" in letter.message
    assert "'bob'" in letter.message


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
def test_ltv_overflow_refuses_only_the_events_that_do_not_fit(
    connection: BatchConnection, at_once: bool
) -> None:
    """The hundredth 10,000 does not fit into numeric(8,2); the 99 before it do, and a cent less."""
    interaction = uuid4()
    big = {"interaction_id": interaction, "customer_status": "CUSTOMER", "ltv_amount": "10000"}
    events = [approval(n, **big) for n in range(100)]
    events.append(approval(100, **big | {"ltv_amount": "9999.99"}))
    verdicts = (
        apply_events(connection, *events)
        if at_once
        else [verdict for event in events for verdict in apply_events(connection, event)]
    )
    assert verdicts == ["applied"] * 99 + ["ltv_overflow", "applied"]
    assert balance(connection, interaction) == ("CUSTOMER", "999999.99")
    assert audit(connection).differing == 0


def test_a_late_event_that_would_overflow_a_later_step_is_refused(
    connection: BatchConnection,
) -> None:
    """Each step of the fold must fit, not only the last one."""
    interaction = uuid4()
    big = {"interaction_id": interaction, "customer_status": "CUSTOMER", "ltv_amount": "10000"}
    apply_events(connection, *(approval(n, **big) for n in range(1, 100)))
    assert apply_events(connection, approval(0, **big)) == ["ltv_overflow"]
    assert balance(connection, interaction) == ("CUSTOMER", "990000.00")


def test_bad_jobs_leave_their_neighbours_alone(connection: BatchConnection) -> None:
    """The good events of a batch are applied, and each bad one is a dead letter."""
    good = [delivery(approval(n)) for n in range(3)]
    bad = [
        Delivery.of_job(Job("pickle", b"\x80\x05K\x01.")),
        Delivery.of_job(Job("other", b'["os.system", null, ["true"], {}]')),
        Delivery.of_job(Job("garbage", b"\x00\xff not json")),
        Delivery.of_job(Job("nul", encode_job(b'{"user_id": "a\\u0000b", "event_id": "\\ud800"}'))),
        Delivery.of_job(Job("version", encode_job(b'{"schema_version": 2}'))),
        Delivery.of_job(Job("empty", b"")),
        Delivery.of_job(Job("huge", b"[" * 10_000_000)),
    ]
    mixed = [good[0], *bad[:4], good[1], *bad[4:], good[2]]
    verdicts = [o.result for o in apply(connection, mixed)]
    assert verdicts.count(Verdict.APPLIED) == 3
    letters = {letter.job_id: letter for letter in letters_in(connection)}
    assert {job: letter.kind for job, letter in letters.items()} == {
        "pickle": "invalid_payload",
        "other": "unknown_function",
        "garbage": "invalid_payload",
        "nul": "invalid_payload",
        "version": "unsupported_version",
        "empty": "invalid_payload",
        "huge": "invalid_payload",
    }
    assert payload_of(connection, letters["garbage"]) == b"\x00\xff not json"


def test_a_dead_letter_that_fails_again_is_still_one(connection: BatchConnection) -> None:
    """The same bytes of the same job count attempts, not rows; other bytes are another letter."""
    for _ in range(2):
        apply(connection, [Delivery.of_job(Job("job", b"{}"))])
    apply(connection, [Delivery.of_job(Job("job", b"[]")), Delivery.of_job(Job("job", b"[]"))])
    attempts = sorted(letter.attempts for letter in letters_in(connection))
    assert attempts == [1, 2]


@contextmanager
def house_rule(connection: BatchConnection) -> Iterator[None]:
    """A CHECK that the installation added."""
    connection.execute(
        "ALTER TABLE interactions ADD CONSTRAINT no_unlucky_users CHECK (user_id <> 'unlucky')"
    )
    yield


def test_an_event_that_only_the_database_refuses_is_found(connection: BatchConnection) -> None:
    """Only the refused events become dead letters; their neighbours are applied."""
    events = [approval(n, user_id="unlucky" if n in {3, 17} else f"user-{n}") for n in range(40)]
    with house_rule(connection):
        verdicts = apply_events(connection, *events)
    assert [n for n, verdict in enumerate(verdicts) if verdict == "refused_by_database"] == [3, 17]
    assert verdicts.count("applied") == 38
    letters = letters_in(connection)
    assert {letter.fingerprint for letter in letters} == {letters[0].fingerprint}
    assert "no_unlucky_users" in letters[0].message


def test_all_events_that_the_ledger_refuses_are_found_together(connection: BatchConnection) -> None:
    """Many at once, by constraints and triggers of the ledger; each gets its reason."""
    connection.execute("ALTER TABLE approvals ADD CONSTRAINT no_ones CHECK (quality_score > 1)")
    connection.execute(
        "CREATE FUNCTION no_ann() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.reviewer_id = 'ann' THEN RAISE 'not ann' USING HINT = 'ask bob'; END IF;"
        " RETURN NEW; END $$"
    )
    connection.execute(
        "CREATE TRIGGER no_ann BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION no_ann()"
    )
    events = [
        approval(n, quality_score=1 + n % 5, reviewer_id="ann" if n % 7 == 0 else "bob")
        for n in range(60)
    ]
    for _ in range(2):  # rejected rows of the second batch are found before it is tried
        verdicts = apply_events(connection, *events)
    bad = {n for n in range(60) if n % 5 == 0 or n % 7 == 0}
    assert {n for n, verdict in enumerate(verdicts) if verdict == "refused_by_database"} == bad
    assert {verdict for n, verdict in enumerate(verdicts) if n not in bad} == {"duplicate"}
    letters = letters_in(connection)
    assert len(letters) == len(bad)
    assert {letter.fingerprint for letter in letters} == {
        Failure.by_postgres("23514", "", None, "no_ones").fingerprint,
        Failure.by_postgres("P0001", "", None, None).fingerprint,
    }
    details = [get_letter(connection, letter.id) for letter in letters]
    assert {"sqlstate": "P0001", "message": "not ann", "hint": "ask bob"} in [
        problem for full in details if full for problem in full.detail
    ]


def test_rejected_rows_are_not_searched_twice(connection: BatchConnection) -> None:
    """If the rest is refused, another table refuses it, and halving finds the event."""
    connection.execute("ALTER TABLE approvals ADD CONSTRAINT no_ones CHECK (quality_score > 1)")
    apply_events(connection, approval(0, quality_score=1), approval(1))
    connection.execute("CREATE SEQUENCE searches")
    connection.execute("ALTER FUNCTION signoff_find_rejected_rows RENAME TO counted_search")
    connection.execute(
        "CREATE FUNCTION signoff_find_rejected_rows(json) RETURNS TABLE (event_id uuid,"
        " sqlstate text, message text, hint text, constraint_name text) LANGUAGE sql VOLATILE"
        " AS $$ SELECT nextval('searches'); SELECT * FROM counted_search($1) $$"
    )
    events = [approval(n, user_id="unlucky" if n == 3 else f"user-{n}") for n in range(2, 10)]
    with house_rule(connection):
        verdicts = apply_events(connection, *events, approval(10, quality_score=1))
    assert [n for n, verdict in enumerate(verdicts) if verdict == "refused_by_database"] == [1, 8]
    assert connection.execute("SELECT last_value FROM searches").fetchone() == (1,)


def test_a_new_rule_does_not_make_an_applied_event_a_failure(
    connection: BatchConnection,
) -> None:
    """An event in the ledger is a duplicate, although its row would be refused now."""
    old = approval(1, quality_score=1)
    apply_events(connection, old)
    connection.execute(
        "ALTER TABLE approvals ADD CONSTRAINT no_ones CHECK (quality_score > 1) NOT VALID"
    )
    verdicts = apply_events(connection, old, approval(2, quality_score=1), approval(3))
    assert verdicts == ["duplicate", "refused_by_database", "applied"]


def test_a_missing_table_is_no_events_fault(connection: BatchConnection) -> None:
    """If the schema is broken, nothing is dead-lettered: the worker waits for the operator."""
    connection.execute("ALTER TABLE customers RENAME TO clients")
    with pytest.raises(DatabaseUnavailableError, match="customers"):
        apply_events(connection, approval())
    assert connection.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)


def test_a_lost_connection_is_an_outage(connection: BatchConnection, database_url: str) -> None:
    """After Postgres ended the connection, applying again on a new one succeeds."""
    event = approval()
    with connect(database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(DatabaseUnavailableError):
        apply_events(connection, event)
    with connect(database_url) as other:
        assert other.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)


def test_an_abandoned_event_that_was_committed_after_all_is_a_duplicate(
    connection: BatchConnection,
) -> None:
    """A worker may die between commit and acknowledge: then the event is in the ledger.

    Other content under the same id was not committed.
    """
    known, unknown = approval(), approval()
    other = approval(event_id=known.event_id, quality_score=1)
    apply_events(connection, known)
    given_up = Failure(FailureKind.ABANDONED, "gave up", "gave up")
    abandoned = [
        Delivery.of_job(Job(str(e.event_id), encode_job(e.canonical_json()), failure=given_up))
        for e in (known, other, unknown)
    ]
    results = [outcome.result for outcome in apply(connection, abandoned)]
    assert results == ["duplicate", "abandoned", "abandoned"]
    assert {letter.event_id for letter in letters_in(connection)} == {
        other.event_id,
        unknown.event_id,
    }


def test_an_event_that_arrives_again_resolves_its_dead_letter(connection: BatchConnection) -> None:
    """If the upstream fixes and publishes it again, no operator is needed."""
    fields = mapping()
    broken = Delivery.of_payload(
        "job", encode_job(b"")[:0] + b'{"event_id": "%s"}' % str(fields["event_id"]).encode()
    )
    apply(connection, [broken])
    assert letters_in(connection)[0].event_id == fields["event_id"]
    assert apply_events(
        connection, approval(**fields | {"occurred_at": "2026-01-31T10:00:00Z"})
    ) == ["applied"]
    (letter,) = letters_in(connection, DeadLetterState.RESOLVED)
    assert letter.resolved_at is not None


def test_an_interaction_created_meanwhile_is_tried_again(
    connection: BatchConnection, database_url: str
) -> None:
    """Two batches that create the same interaction at the same time both take effect."""
    interaction = uuid4()
    first = approval(0, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="1")
    second = approval(1, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="2")
    with connect(database_url) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
        racer = threading.Thread(target=_apply_elsewhere, args=(database_url, first))
        racer.start()
        await_blocked(database_url)
        other = threading.Thread(target=_apply_elsewhere, args=(database_url, second))
        other.start()
        await_blocked(database_url, 2)
    racer.join()
    other.join()
    assert balance(connection, interaction) == ("CUSTOMER", "3.00")
    assert customer(connection, "user-1") == ("CUSTOMER", "3.00")


def _apply_elsewhere(database_url: str, event: object) -> None:
    from signoff_db.connection import connect_for_batches  # noqa: PLC0415

    with connect_for_batches(database_url, application="racer") as racer:
        outcomes(racer, event)  # type: ignore[arg-type]


def test_the_ledger_and_the_actions_cannot_be_changed(connection: BatchConnection) -> None:
    """Their rows cannot be updated or deleted."""
    apply_events(connection, approval())
    with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
        connection.execute("UPDATE approvals SET ltv_amount = 1")
    with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
        connection.execute("DELETE FROM approvals")
    for table in (
        "approvals",
        "operator_actions, pruned_letters",
        "pruned_letters",
        "interactions, approvals",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="TRUNCATE refused"):
            connection.execute(f"TRUNCATE {table}")


def test_what_keeps_its_rows_cannot_be_emptied(connection: BatchConnection) -> None:
    """Each table whose rows nobody may delete refuses TRUNCATE too, whichever came later."""
    found = connection.execute(
        "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
        " WHERE tgfoid = 'signoff_forbid_change'::regproc"
    )
    tables = {name for (name,) in found}
    assert {"approvals", "review_decisions", "transition_proposals"} <= tables
    for table in tables:
        with pytest.raises(psycopg.errors.RaiseException, match="TRUNCATE refused"):
            connection.execute(f"TRUNCATE {table} CASCADE".encode())


def test_foreign_interactions_count_for_their_customers(connection: BatchConnection) -> None:
    """Rows that the reviewed system inserts, changes and deletes keep customers exact."""
    keys = [uuid4() for _ in range(2)]
    for key, ltv in zip(keys, (70, 5), strict=True):
        connection.execute(
            "INSERT INTO interactions (id, user_id, ltv_usd) VALUES (%s, 'ann', %s)", [key, ltv]
        )
    assert customer(connection, "ann") == ("PROSPECT", "75.00")
    connection.execute(
        "UPDATE interactions SET ltv_usd = 71, customer_status = 'CHURNED' WHERE id = %s", [keys[0]]
    )
    assert customer(connection, "ann") == (
        "PROSPECT" if newest(connection) == keys[1] else "CHURNED",
        "76.00",
    )
    connection.execute("UPDATE interactions SET user_id = 'bob' WHERE id = %s", [keys[0]])
    assert (customer(connection, "ann"), customer(connection, "bob")) == (
        ("PROSPECT", "5.00"),
        ("CHURNED", "71.00"),
    )
    connection.execute("DELETE FROM interactions WHERE id = %s", [keys[1]])
    assert customer(connection, "ann") == ("PROSPECT", "0.00")
    assert audit(connection).differing == 0


def newest(connection: BatchConnection) -> UUID:
    """The most recently created interaction."""
    row = connection.execute(
        "SELECT id FROM interactions ORDER BY created_at DESC, id DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "newest first"])
def test_a_status_follows_an_interaction_to_its_owner(
    connection: BatchConnection, backwards: bool
) -> None:
    """A status that an event gave to an interaction counts for an owner that it gains later."""
    unowned, newer = uuid4(), uuid4()
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [unowned])
    connection.execute("INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [newer])
    events = [
        approval(0, interaction_id=unowned, user_id=None, customer_status="CUSTOMER"),
        approval(5, interaction_id=unowned, user_id="ann"),
    ]
    for event in events[::-1] if backwards else events:
        apply_events(connection, event)
    assert customer(connection, "ann") == ("CUSTOMER", "0.00")
    assert audit(connection).differing == 0
    older = approval(-5, interaction_id=newer, user_id="ann", customer_status="LEAD_QUALIFIED")
    apply_events(connection, older)
    assert customer(connection, "ann") == ("CUSTOMER", "0.00")
    assert audit(connection).differing == 0


def test_the_most_recently_created_interaction_counts_even_if_ours_is_not(
    connection: BatchConnection,
) -> None:
    """An adopted row may say that it was created later than now."""
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status, created_at)"
        " VALUES (%s, 'user-1', 'CUSTOMER', now() + interval '2 hours')",
        [uuid4()],
    )
    apply_events(connection, approval(ltv_amount="5"))
    assert customer(connection, "user-1") == ("CUSTOMER", "5.00")
    assert audit(connection).differing == 0


def test_interactions_inserted_at_the_same_time_give_the_newest_status(
    connection: BatchConnection, database_url: str
) -> None:
    """If two sessions insert for one user, the newest interaction counts, not the last commit."""
    insert = (
        "INSERT INTO interactions (id, user_id, customer_status, created_at)"
        " VALUES (%s, 'ann', %s, %s)"
    )
    with connect(database_url) as first, connect(database_url) as second:
        with first.transaction():
            # The customer is locked when it is counted, which is now, not at commit.
            first.execute("SET CONSTRAINTS ALL IMMEDIATE")
            first.execute(insert, [uuid4(), "CUSTOMER", "2026-01-02Z"])
            other = threading.Thread(
                target=lambda: second.execute(insert, [uuid4(), "CHURNED", "2026-01-01Z"])
            )
            other.start()
            await_blocked(database_url)
        other.join()
    assert customer(connection, "ann") == ("CUSTOMER", "0.00")
    assert audit(connection).differing == 0


def test_a_rule_that_keeps_rows_from_being_written_is_a_refusal(
    connection: BatchConnection,
) -> None:
    """A trigger that suppresses the row is noticed; the batch is not tried for ever."""
    swallow_interactions_of(connection, "unlucky")
    verdicts = apply_events(connection, approval(), approval(user_id="unlucky"), approval())
    assert verdicts == ["applied", "refused_by_database", "applied"]


@pytest.mark.parametrize("first", ["duplicate", "user_mismatch", "unknown_interaction"])
def test_what_a_batch_does_once_does_not_depend_on_its_first_event(
    connection: BatchConnection, first: str
) -> None:
    """Decisions that it makes void, and letters that it resolves, whatever becomes of that."""
    bought = approval(customer_status="CUSTOMER", ltv_amount="5")
    churned = decision(30, rests_on=bought.event_id)
    late = approval(10, ltv_amount="1", user_id=None)
    assert apply_events(connection, bought, churned) == ["applied", "applied"]
    assert apply_events(connection, late) == ["unknown_interaction"]
    connection.execute(
        "INSERT INTO interactions (id, user_id) VALUES (%s, 'user-1')", [late.interaction_id]
    )
    others = {"user_mismatch": {"user_id": "bob", "interaction_id": bought.interaction_id}}
    others["unknown_interaction"] = {"user_id": None}
    event = approval(**others[first]) if first in others else bought

    assert apply_events(connection, event, late) == [first, "applied"]

    assert customer(connection, "user-1") == ("CUSTOMER", "6.00")
    letters = letters_in(connection, DeadLetterState.RESOLVED)
    assert [letter.event_id for letter in letters] == [late.event_id]


def test_a_letter_of_other_content_is_not_resolved(connection: BatchConnection) -> None:
    """A valid dead letter stays open if other content was applied under its id."""
    dead = approval(user_id=None, ltv_amount="10")
    assert apply_events(connection, dead) == ["unknown_interaction"]
    other = approval(event_id=dead.event_id, ltv_amount="99")
    assert apply_events(connection, other) == ["applied"]
    (letter,) = letters_in(connection)
    assert letter.event_id == dead.event_id
    assert audit(connection).differing == 0


def test_jobs_with_absurd_counters_and_ids_are_dead_lettered(connection: BatchConnection) -> None:
    """No content of a job can prevent that its failure is recorded."""
    failing = [
        Delivery.of_payload("x" * 9000, b"{}", attempts=2**70),
        Delivery.of_payload("\x00odd", b"{}"),
    ]
    assert [o.result for o in apply(connection, failing)] == ["invalid_payload"] * 2
    odd, long = (get_letter(connection, letter.id) for letter in letters_in(connection))
    assert odd
    assert odd.letter.job_id == "\N{REPLACEMENT CHARACTER}odd"
    assert long
    assert long.letter.job_id.startswith("x" * 1000)
    assert "9000 characters" in long.letter.job_id


def test_attempts_are_counted_up_to_a_limit(connection: BatchConnection) -> None:
    """A job with a million deaths, delivered a thousand times, is one letter."""
    absurd = Delivery.of_payload("job", b"{}", attempts=2_000_001)
    for _ in range(3):
        apply(connection, [absurd] * 400)
    connection.execute("UPDATE dead_letters SET attempts = 2147483647")
    apply(connection, [absurd])
    (letter,) = letters_in(connection)
    assert letter.attempts == 1_000_000


def test_late_events_that_overflow_are_found_by_halving(connection: BatchConnection) -> None:
    """A few that do not fit among many late ones need a few more folds, not one for each event."""
    interaction = uuid4()
    fits = {"interaction_id": interaction, "customer_status": "CUSTOMER", "ltv_amount": "1"}
    big = fits | {"ltv_amount": "10000"}
    apply_events(connection, *(approval(1000 + n, **big) for n in range(99)))
    late = [approval(n, **(big if n in {10, 40} else fits)) for n in range(60)]
    verdicts = apply_events(connection, *late)
    assert [n for n, verdict in enumerate(verdicts) if verdict == "ltv_overflow"] == [10, 40]
    assert balance(connection, interaction) == ("CUSTOMER", "990058.00")
    assert audit(connection).differing == 0
