"""Outages are a closed list of errors; any other error ends as a dead letter."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, delivery, mapping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from letters import letters_in
from psycopg import sql
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.dead_letters import DeadLetter
from signoff_db.delivery import Delivery, Job
from signoff_db.transactions import Refusal, in_one_transaction, in_transactions
from signoff_schemas import Kind, encode_job

UNLUCKY = "unlucky"


def raise_for_unlucky_users(
    connection: BatchConnection, sqlstate: str, table: str = "interactions"
) -> None:
    """Add a trigger that raises this error for some events."""
    connection.execute(
        "CREATE FUNCTION house_rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF NEW.user_id = '{UNLUCKY}' THEN RAISE 'no' USING ERRCODE = '{sqlstate}'; END IF;"
        " RETURN NEW; END $$"
    )
    connection.execute(
        f"CREATE TRIGGER house_rule BEFORE INSERT ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION house_rule()"
    )


def letters(connection: BatchConnection) -> list[DeadLetter]:
    """All dead letters, the newest first."""
    return list(letters_in(connection))


@pytest.mark.parametrize(
    "sqlstate",
    [
        "P0001",
        "ZZ999",
        "22012",
        "54001",
        "XX000",
        "HV000",
        "2F005",
        "42501",
        "42804",
        "55000",
        "0A000",
    ],
)
def test_an_error_that_is_not_an_outage_is_the_events_fault(
    connection: BatchConnection, sqlstate: str
) -> None:
    """With any SQLSTATE the event becomes a dead letter, and its neighbours are applied."""
    raise_for_unlucky_users(connection, sqlstate)
    results = apply_events(connection, approval(), approval(user_id=UNLUCKY), approval())
    assert results == ["applied", "refused_by_database", "applied"]
    assert [letter.user_id for letter in letters(connection)] == [UNLUCKY]


@pytest.mark.parametrize("sqlstate", ["25006", "53100", "57014", "58030", "XX001"])
def test_an_outage_makes_no_dead_letters(connection: BatchConnection, sqlstate: str) -> None:
    """No event causes a full disk, for example, so the whole batch is kept."""
    raise_for_unlucky_users(connection, sqlstate)
    with pytest.raises(DatabaseUnavailableError):
        apply_events(connection, approval(), approval(user_id=UNLUCKY), approval())
    assert letters(connection) == []


def test_an_outage_of_a_ledger_row_makes_no_dead_letter(connection: BatchConnection) -> None:
    """Also where a batch held rejected rows, so that those of the next are looked for at once."""
    raise_for_unlucky_users(connection, "53100", "approvals")
    connection.execute("ALTER TABLE approvals ADD CONSTRAINT house CHECK (user_id <> 'banned')")
    results = apply_events(connection, approval(), approval(user_id="banned"))
    assert results == ["applied", "refused_by_database"]
    with pytest.raises(DatabaseUnavailableError):
        apply_events(connection, approval(), approval(user_id=UNLUCKY))
    assert [letter.user_id for letter in letters(connection)] == ["banned"]


def test_a_broken_trigger_is_an_outage(connection: BatchConnection) -> None:
    """A missing table in it is the fault of no event; somebody has to fix it."""
    connection.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM FROM missing_table; RETURN NEW; END'"
    )
    connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON interactions FOR EACH ROW EXECUTE FUNCTION broken()"
    )
    with pytest.raises(DatabaseUnavailableError):
        apply_events(connection, approval(), approval())
    assert letters(connection) == []


@contextmanager
def as_a_bound_role(connection: BatchConnection) -> Iterator[None]:
    """A connection of a role for which row-level security holds, unlike for a superuser."""
    role = sql.Identifier(f"bound_{uuid4().hex}")
    everything = sql.SQL("GRANT ALL ON ALL {} IN SCHEMA {} TO {}")
    schema = connection.execute("SELECT current_schema()").fetchone()
    assert schema
    connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    here = sql.Identifier(schema[0])
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(here, role))
    for what in ("TABLES", "SEQUENCES"):
        connection.execute(everything.format(sql.SQL(what), here, role))
    connection.execute(sql.SQL("SET ROLE {}").format(role))
    try:
        yield
    finally:
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_row_that_a_policy_refuses_is_the_events_fault(connection: BatchConnection) -> None:
    """Although its SQLSTATE is that of a missing privilege, which is an outage."""
    connection.execute("ALTER TABLE interactions ENABLE ROW LEVEL SECURITY")
    connection.execute(
        f"CREATE POLICY house_rule ON interactions USING (true) WITH CHECK (user_id <> '{UNLUCKY}')"
    )
    with as_a_bound_role(connection):
        results = apply_events(connection, approval(), approval(user_id=UNLUCKY), approval())
    assert results == ["applied", "refused_by_database", "applied"]


def test_text_that_the_driver_cannot_send_makes_one_dead_letter(
    connection: BatchConnection,
) -> None:
    """Python's error ends as a letter whose texts are ASCII only."""
    connection.execute("SET client_encoding TO LATIN1")
    odd = approval(user_id="\N{PARTY POPPER}")
    assert apply_events(connection, approval(), odd, approval()) == [
        "applied",
        "refused_by_database",
        "applied",
    ]
    connection.execute("SET client_encoding TO UTF8")
    (letter,) = letters(connection)
    assert (letter.event_id, letter.interaction_id) == (odd.event_id, odd.interaction_id)
    assert "UnicodeEncodeError" in letter.message
    assert letter.message.isascii()


def test_an_error_without_sqlstate_on_a_living_connection_is_an_items_fault(
    connection: BatchConnection,
) -> None:
    """The driver raises its class of outages where it cannot send a statement, for example."""
    most = 65_535  # parameters of a statement

    def run(items: Sequence[int], refusal: Refusal | None) -> list[str]:
        if refusal:
            assert isinstance(refusal.error, psycopg.OperationalError)
            assert refusal.error.sqlstate is None
            return [type(refusal.error).__name__ for _ in items]
        for item in items:
            connection.execute(b"SELECT " + b",".join([b"%s"] * item), [1] * item)
        return ["done" for _ in items]

    connection.autocommit = True
    # The driver takes long to write such a statement; on a busy machine, longer than workers may.
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    done = in_transactions(connection, [1, most + 1, 2], run)
    assert done == ["done", "OperationalError", "done"]


def test_an_error_without_sqlstate_is_an_outage_where_the_server_does_not_answer(
    connection: BatchConnection,
) -> None:
    """No item is blamed, even before the driver knows that the connection is lost."""

    def run(_: Sequence[int], refusal: Refusal | None) -> list[str]:
        assert refusal is None
        fd = connection.fileno()
        with socket.socket(fileno=os.dup(fd)) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        raise psycopg.OperationalError("no answer")

    with pytest.raises(DatabaseUnavailableError, match="no answer"):
        in_transactions(connection, [1, 2], run)


def test_an_error_that_ends_the_connection_is_an_outage(connection: BatchConnection) -> None:
    """Whatever its SQLSTATE: some poolers end a connection with one that is on no list."""

    def work() -> None:
        connection.close()
        raise psycopg.errors.InternalError_("the pooler ends")

    with pytest.raises(DatabaseUnavailableError, match="the pooler ends"):
        in_one_transaction(connection, work)


def test_a_failure_that_cannot_be_written_in_full_is_written_in_short(
    connection: BatchConnection,
) -> None:
    """If the letter is refused, a smaller letter without any text of the event is written."""
    raise_for_unlucky_users(connection, "P0001")
    connection.execute(
        "ALTER TABLE dead_letters ADD CONSTRAINT nobody CHECK (user_id IS NULL AND detail = '[]')"
    )
    odd = Delivery.of_payload("\N{PARTY POPPER}", approval(user_id=UNLUCKY).canonical_json())
    results = [one.result for one in apply(connection, [odd, delivery(approval())])]
    assert results == ["refused_by_database", "applied"]
    (letter,) = letters(connection)
    assert (letter.job_id, letter.user_id) == ("\\U0001f389", None)


def test_a_letter_that_cannot_be_written_at_all_is_an_outage(connection: BatchConnection) -> None:
    """No event is dropped; an operator has to look."""
    connection.execute("ALTER TABLE dead_letters ADD CONSTRAINT none_at_all CHECK (false)")
    with pytest.raises(DatabaseUnavailableError, match="cannot be written down"):
        apply_events(connection, approval(user_id=None))


def test_a_letter_keeps_no_more_bytes_than_a_valid_event(connection: BatchConnection) -> None:
    """Of a larger payload it holds the beginning, the size and the hash."""
    huge = b"[" * 10_000_000
    apply(connection, [Delivery.of_job(Job("huge", huge))])
    row = connection.execute("SELECT payload, detail, message FROM dead_letters").fetchone()
    assert row
    payload, (detail,), message = row
    assert payload == b"[" * (256 * 1024 + 1024)
    digest = sha1(huge, usedforsecurity=False).hexdigest()
    assert detail == {"code": "too_large", "size": 10_000_000, "sha1": digest, "kept_at": None}
    assert "10000000 bytes" in message


def test_messages_of_postgres_are_cut(connection: BatchConnection) -> None:
    """An installation's own trigger may quote a whole event, or more."""
    connection.execute(
        "CREATE FUNCTION talkative() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE '%', repeat('m', 100000) USING HINT = repeat('h', 100000); END $$"
    )
    connection.execute(
        "CREATE TRIGGER talkative BEFORE INSERT ON interactions"
        " FOR EACH ROW EXECUTE FUNCTION talkative()"
    )
    assert apply_events(connection, approval()) == ["refused_by_database"]
    row = connection.execute("SELECT message, detail::text FROM dead_letters").fetchone()
    assert row
    assert [len(text) < 5000 for text in row] == [True, True]


def test_a_truncated_letter_names_the_key_of_the_payload(connection: BatchConnection) -> None:
    """Redis keeps a payload that is too large for a worker."""
    cut = Delivery.cut_short("j", b"[[[", size=10**9, sha1="ab" * 20, kept_at="rq:job:j")
    (outcome,) = apply(connection, [cut])
    (letter,) = letters(connection)
    assert outcome.result == "invalid_payload"
    assert "all of it is still at rq:job:j" in letter.message


def test_any_error_while_reading_ends_as_a_letter(connection: BatchConnection) -> None:
    """An unexpected error is the fault of the job."""

    def read(_: bytes) -> tuple[Kind, bytes]:
        raise RuntimeError("nobody thought of it")

    (outcome,) = apply(connection, [Delivery.of_job(Job("job", b"data"), read)])
    assert outcome.result == "invalid_payload"
    (letter,) = letters(connection)
    assert letter.message == "the payload cannot be read: RuntimeError"


BYTES = st.binary(max_size=300)
FIELDS = st.sampled_from(
    ["user_id", "reviewer_id", "final_bubbles", "cta_data", "ltv_amount", "event_id", "occurred_at"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Any bytes; an event with odd fields; an event of which a part was overwritten."""
    kind = draw(st.sampled_from(["bytes", "fields", "cut"]))
    if kind == "bytes":
        return draw(BYTES)
    fields: dict[str, Any] = mapping()
    if kind == "fields":
        odd = draw(st.dictionaries(FIELDS | st.text(max_size=8), JSON, max_size=3))
        return to_json(fields | odd, inf_nan_mode="constants")
    whole = to_json(fields)
    at = draw(st.integers(0, len(whole)))
    return whole[:at] + draw(BYTES) + whole[at + draw(st.integers(0, 20)) :]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(payloads(), st.booleans(), st.text(max_size=20)), max_size=6),
    st.integers(-(2**80), 2**80),
)
def test_a_job_of_any_bytes_is_applied_or_a_letter(
    connection: BatchConnection, jobs: list[tuple[bytes, bool, str]], attempts: int
) -> None:
    """No payload, id or counter raises an error, and the good event is always applied."""
    some = [
        Delivery.of_job(Job(job_id, encode_job(data) if wrapped else data, max(1, attempts)))
        for data, wrapped, job_id in jobs
    ]
    good = delivery(approval())
    before = connection.execute("SELECT count(*) FROM approvals").fetchone()
    results = [str(one.result) for one in apply(connection, [*some, good])]
    after = connection.execute("SELECT count(*) FROM approvals").fetchone()
    assert results[-1] == "applied"
    assert before
    assert after
    assert after[0] - before[0] == results.count("applied") + results.count("late")
    failed = [one for one in apply(connection, some) if one.failure]
    known = connection.execute(
        "SELECT count(DISTINCT (job_id, payload)) FROM dead_letters WHERE fingerprint = ANY(%s)",
        [[one.failure.fingerprint for one in failed if one.failure]],
    ).fetchone()
    assert known
    assert known[0] >= len({(one.delivery.job_id, one.delivery.payload) for one in failed})
