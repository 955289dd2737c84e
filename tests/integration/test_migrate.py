"""Migrations: up, down, twice, at the same time, and with an existing table."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, balance, customer

from signoff_db.adoption import AdoptionError
from signoff_db.audit import audit
from signoff_db.connection import DatabaseUnavailableError, connect, connect_for_batches
from signoff_db.migrate import migrate, pending
from signoff_db.undo import undo
from signoff_schemas import SignoffError

OLD_TABLE = """
    CREATE TABLE interactions (
        id uuid PRIMARY KEY,
        user_id text,
        transcript text,
        customer_status varchar(20),
        ltv_usd numeric(8,2),
        final_bubbles text[],
        quality_score smallint,
        review_completed_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
    )
"""


def test_migrating_twice_does_nothing_more(empty_database_url: str) -> None:
    """The second run has nothing to do; `pending` says the same."""
    wanted = pending(empty_database_url)
    assert len(wanted) >= 7
    assert migrate(empty_database_url) == wanted
    assert (migrate(empty_database_url), pending(empty_database_url)) == ([], [])


def test_down_and_up_again(empty_database_url: str) -> None:
    """An installation can be undone and created again."""
    done = migrate(empty_database_url)
    undo(empty_database_url)
    assert pending(empty_database_url) == done
    assert migrate(empty_database_url) == done


def test_a_migration_that_is_killed_has_changed_nothing(empty_database_url: str) -> None:
    """At any moment: the next migration succeeds."""
    support = Path(__file__).parents[1] / "support"
    done = subprocess.run(
        [sys.executable, "-m", "crashing_migration", empty_database_url, "25", "seed"],
        cwd=support, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert set(json.loads(done.stdout)) <= {0, len(pending(empty_database_url))}
    migrate(empty_database_url)
    assert pending(empty_database_url) == []
    with connect_for_batches(empty_database_url, application="test") as connection:
        assert apply_events(connection, approval()) == ["applied"]


def test_two_machines_may_migrate_at_the_same_time(empty_database_url: str) -> None:
    """One of them does it, the others wait and find it done."""
    results: list[list[str]] = []
    machines = [
        threading.Thread(target=lambda: results.append(migrate(empty_database_url)))
        for _ in range(4)
    ]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert sorted(map(len, results)) == [0, 0, 0, len(results[-1]) or max(map(len, results))]
    assert pending(empty_database_url) == []


def test_an_old_interactions_table_is_adopted(empty_database_url: str) -> None:
    """Missing columns are added, and values are kept, even if they violate the new rules."""
    paid, odd, blank = (uuid4() for _ in range(3))
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(OLD_TABLE)
        connection.execute(
            "INSERT INTO interactions (id, user_id, transcript, customer_status, ltv_usd,"
            " quality_score, review_completed_at) VALUES"
            " (%s, 'ann', 'hi', 'CUSTOMER', 70, 9, '2030-01-01Z'),"
            " (%s, 'bob', 'ho', 'gone', 3, NULL, NULL),"
            " (%s, 'ann', 'hm', NULL, NULL, NULL, NULL)",
            [paid, odd, blank],
        )
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as upstream:
        upstream.execute("UPDATE interactions SET transcript = transcript || '!'")
        upstream.execute("UPDATE interactions SET transcript = rtrim(transcript, '!')")
    with connect_for_batches(empty_database_url, application="test") as connection:
        rows = connection.execute("SELECT transcript, customer_status FROM interactions ORDER BY 1")
        assert rows.fetchall() == [("hi", "CUSTOMER"), ("hm", None), ("ho", "gone")]
        assert customer(connection, "bob") == ("PROSPECT", "3.00")
        verdicts = apply_events(
            connection,
            approval(
                interaction_id=paid, user_id=None, customer_status="CUSTOMER", ltv_amount="30"
            ),
            approval(interaction_id=blank, user_id="ann", ltv_amount="5"),
            approval(interaction_id=odd, user_id="bob"),
        )
        assert verdicts == ["applied", "applied", "applied"]
        assert balance(connection, odd) == ("PROSPECT", "3.00")
        assert balance(connection, paid) == ("CUSTOMER", "100.00")
        assert balance(connection, blank) == ("PROSPECT", "5.00")
        assert customer(connection, "ann") == ("CUSTOMER", "105.00")
        transcripts = connection.execute(
            "SELECT transcript FROM interactions WHERE id = %s", [paid]
        )
        assert transcripts.fetchall() == [("hi",)]
        assert audit(connection).differing == 0


def test_a_table_of_other_types_is_refused_by_name(empty_database_url: str) -> None:
    """The message names the columns; nothing was changed."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE interactions (id bigint PRIMARY KEY, user_id integer)")
    with pytest.raises(AdoptionError, match=r"id is bigint, expected uuid: .* user_id is integer"):
        migrate(empty_database_url)
    with connect(empty_database_url) as connection:
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'interactions'"
        ).fetchall()
    assert sorted(columns) == [("id",), ("user_id",)]


def test_an_unreachable_database_is_named_without_its_password() -> None:
    """The message shows the address only."""
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1/x") as caught:
        migrate("postgresql://u:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(caught.value)


def test_the_closed_sets_of_the_tables_are_those_of_the_schema(database_url: str) -> None:
    """CHECKs in SQL and the event's schema name the same statuses and tags."""
    from signoff_schemas import CUSTOMER_STATUSES, EDIT_TAGS, FailureKind  # noqa: PLC0415

    with connect(database_url) as connection:
        checks: dict[str, str] = dict(
            connection.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
            ).fetchall()
        )
    for table in ("interactions", "approvals", "customers"):
        assert _quoted(checks[f"{table}_customer_status_known"]) == set(CUSTOMER_STATUSES)
    assert _quoted(checks["interactions_edit_tags_known"]) == set(EDIT_TAGS)
    assert _quoted(checks["dead_letters_kind_known"]) == set(FailureKind)


def _quoted(check: str) -> set[str]:
    return set(check.split("'")[1::2])


def test_new_rows_of_an_adopted_table_must_obey_the_rules(empty_database_url: str) -> None:
    """Only old values may violate them."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(OLD_TABLE)
    migrate(empty_database_url)
    with (
        psycopg.connect(empty_database_url) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(
            "INSERT INTO interactions (id, customer_status) VALUES (gen_random_uuid(), 'gone')"
        )


def test_rows_that_others_insert_while_adopting_are_counted(empty_database_url: str) -> None:
    """The table is locked while its customers are counted, so that later rows count too."""
    insert = (
        "INSERT INTO interactions (id, user_id, ltv_usd)"
        " SELECT gen_random_uuid(), 'ann', 1 FROM generate_series(1, %s)"
    )
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(OLD_TABLE)
        connection.execute(insert, [50_000])
        over = threading.Event()

        def go_on_inserting() -> None:
            with psycopg.connect(empty_database_url, autocommit=True) as other:
                while not over.is_set():
                    other.execute(insert, [1])

        others = [threading.Thread(target=go_on_inserting) for _ in range(2)]
        for other in others:
            other.start()
        migrate(empty_database_url)
        over.set()
        for other in others:
            other.join()
    with connect(empty_database_url) as connection:
        assert audit(connection).differing == 0


def test_the_url_names_the_schema(empty_database_url: str) -> None:
    """`signoff.schema` in its options is used by migrations and by later reads."""
    url = f"{empty_database_url}?options=-csignoff.schema%3Delsewhere"
    assert migrate(url) != []
    assert pending(url) == []
    with connect(url) as connection:
        assert connection.execute("SELECT current_schema()").fetchone() == ("elsewhere",)
    assert pending(empty_database_url) != []


@pytest.mark.parametrize("flaw", ["?nonsense=1", "?options=%2Dc%20no_such_setting%3D1"])
def test_a_wrong_url_is_a_signoff_error(empty_database_url: str, flaw: str) -> None:
    """Errors of libpq and Postgres about a URL become readable errors."""
    with pytest.raises(SignoffError):
        migrate(empty_database_url + flaw)
