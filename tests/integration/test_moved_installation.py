"""An installation of release 0.1 is moved into its own schema, with all its data."""

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, customer, delivery
from psycopg.types.json import Jsonb

from signoff_db.adoption import AdoptionError
from signoff_db.audit import audit
from signoff_db.connection import connect, connect_for_batches
from signoff_db.ledger_partitions import detach_oldest, partitions
from signoff_db.locations import unknown_jobs
from signoff_db.migrate import migrate, pending
from signoff_db.prune import pruned
from signoff_db.undo import undo

OLD = Path(__file__).parents[1] / "support" / "installation_0_1.sql"
PARTITIONS = OLD.with_name("partitioned_ledger_0_1.sql").read_text("utf-8")
CATALOG = """
    SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
        pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'v', 'c') AND {schemas}
    UNION ALL
    SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid),
        k.convalidated::text, NULL
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {schemas}
    UNION ALL
    SELECT 'index', c.relname, pg_get_indexdef(c.oid), NULL, NULL, NULL
    FROM pg_class c WHERE c.relkind = 'i' AND {schemas}
    UNION ALL
    SELECT 'trigger', c.relname, pg_get_triggerdef(t.oid), NULL, NULL, NULL
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND {schemas}
    UNION ALL
    SELECT 'function', p.proname, pg_get_function_identity_arguments(p.oid), p.prosrc,
        p.prosecdef::text, p.proconfig::text
    FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('signoff', 'public')
    UNION ALL
    SELECT 'view', c.relname, pg_get_viewdef(c.oid), NULL, NULL, NULL
    FROM pg_class c WHERE c.relkind = 'v' AND {schemas}
    ORDER BY 1, 2, 3, 4
""".replace("{schemas}", "c.relnamespace::regnamespace::text IN ('signoff', 'public')")
EVENT = """
    INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id, user_id,
        final_bubbles, edit_tags, quality_score, customer_status, ltv_amount, content_hash)
    VALUES (%(event)s, 1, %(at)s, %(interaction)s, 'ann', '{hello}', '{}', 4, 'CUSTOMER', 30,
        %(hash)s)
"""
INTERACTION = """
    INSERT INTO interactions (id, user_id, review_status, final_bubbles, edit_tags, quality_score,
        customer_status, ltv_usd, review_completed_at, last_event_id, status_occurred_at,
        status_event_id, opening_customer_status, opening_ltv_usd)
    VALUES (%(interaction)s, 'ann', 'approved', '{hello}', '{}', 4, 'CUSTOMER', 30, %(at)s,
        %(event)s, %(at)s, %(event)s, 'PROSPECT', 0)
"""
CUSTOMER = """
    INSERT INTO customers (user_id, customer_status, ltv_usd, status_occurred_at, status_event_id)
    VALUES ('ann', 'CUSTOMER', 30, %(at)s, %(event)s)
"""


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """A database of release 0.1, with one event, and two interactions without events."""
    event = approval(user_id="ann", customer_status="CUSTOMER", ltv_amount="30")
    keys = {
        "event": event.event_id,
        "at": event.occurred_at,
        "interaction": event.interaction_id,
        "hash": delivery(event).content_hash,
    }
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(OLD.read_bytes())
        connection.execute(EVENT.encode(), keys)
        connection.execute(INTERACTION.encode(), keys)
        connection.execute(CUSTOMER.encode(), keys)
        connection.execute(
            "INSERT INTO interactions (id, user_id, customer_status, ltv_usd, created_at) VALUES"
            " (gen_random_uuid(), 'bob', 'CHURNED', 5, '2026-02-01Z'),"
            " (gen_random_uuid(), 'bob', 'CUSTOMER', 2, '2026-01-01Z')"
        )
    return empty_database_url


def catalog(url: str) -> list[tuple[object, ...]]:
    """All objects of the schemas, with their definitions."""
    with connect(url) as connection:
        return connection.execute(CATALOG.encode()).fetchall()


def test_data_is_kept_and_new_events_apply(old_url: str) -> None:
    """The ledger, customers and interactions are kept; new events and rows count as before."""
    assert len(pending(old_url)) > 1
    migrate(old_url)
    with connect_for_batches(old_url, application="test") as connection:
        assert audit(connection).differing == 0
        assert customer(connection, "bob") == ("CHURNED", "7.00")
        assert apply_events(connection, approval(user_id="ann", ltv_amount="1")) == ["applied"]
        assert customer(connection, "ann") == ("CUSTOMER", "31.00")
        connection.execute(
            "INSERT INTO interactions (id, user_id, customer_status, created_at)"
            " VALUES (gen_random_uuid(), 'bob', 'PROSPECT', '2026-01-15Z')"
        )
        assert customer(connection, "bob") == ("CHURNED", "7.00")
        assert audit(connection).differing == 0


def test_pruned_letters_are_still_known(old_url: str) -> None:
    """Their ids were in the details of actions; now each letter has a row."""
    event, gone = uuid4(), uuid4()
    letters = [
        {"id": 1, "state": "discarded", "job_id": str(event), "event_id": str(event)},
        {"id": 2, "state": "resolved", "job_id": "a job", "event_id": None},
    ]
    with psycopg.connect(old_url) as connection:
        connection.execute(
            "INSERT INTO operator_actions (actor, action, dead_letter_ids, reason, before)"
            " VALUES ('ann', 'prune', '{1,2}', 'old', %s)",
            [Jsonb({"states": {"discarded": 1, "resolved": 1}, "letters": letters})],
        )
    migrate(old_url)
    with connect(old_url) as connection:
        for job_id in (str(event), "a job"):
            (action,) = pruned(connection, job_id)
            assert (action.actor, action.reason) == ("ann", "old")
        assert unknown_jobs(connection, [str(event), "a job", str(gone)]) == [str(gone)]


def test_moved_and_new_installations_are_equal(old_url: str, database_url: str) -> None:
    """Tables, columns, constraints, indexes, functions, triggers and views."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA signoff CASCADE")
        connection.execute("CREATE TABLE public.interactions (id uuid PRIMARY KEY)")
    migrate(database_url)
    migrate(old_url)
    assert catalog(old_url) == catalog(database_url)


def test_roles_keep_their_rights(old_url: str) -> None:
    """Rights on tables are moved; each role that has any gets USAGE of the schema."""
    with psycopg.connect(old_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader_of_0_1")
        connection.execute("CREATE ROLE reader_of_0_1")
        connection.execute("GRANT SELECT ON customers TO reader_of_0_1")
    migrate(old_url)
    with psycopg.connect(old_url, autocommit=True) as connection:
        connection.execute("SET ROLE reader_of_0_1")
        assert connection.execute("SELECT count(*) FROM signoff.customers").fetchone() == (2,)
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY reader_of_0_1; DROP ROLE reader_of_0_1")


def test_an_unfinished_installation_is_refused(old_url: str) -> None:
    """An installation older than 0.1.0 must be migrated to 0.1.0 first; nothing is changed."""
    with psycopg.connect(old_url, autocommit=True) as connection:
        connection.execute("DELETE FROM signoff_migrations WHERE migration_id LIKE '0011%'")
    before = catalog(old_url)
    with pytest.raises(AdoptionError, match=r"10 of the 11 migrations of release 0\.1\.0"):
        migrate(old_url)
    assert catalog(old_url) == before


def test_a_ledger_in_partitions_is_moved(old_url: str) -> None:
    """With its partitions and the ids of their events; old partitions can be detached as before."""
    with psycopg.connect(old_url, autocommit=True) as connection:
        connection.execute(PARTITIONS.encode())
        connection.execute("SELECT signoff_partition_ledger('2026-02-01Z')")
        connection.execute("SELECT signoff_add_ledger_partition('2040-01-01Z')")
    migrate(old_url)
    with connect_for_batches(old_url, application="test") as connection:
        assert audit(connection).differing == 0
        assert [one.partition for one in partitions(connection)] == [
            "approvals_first",
            "approvals_from_2026_02_01_00",
        ]
        recent = approval(24 * 60, user_id="ann", ltv_amount="1")
        assert apply_events(connection, recent, approval(user_id="ann")) == ["applied"] * 2
        assert apply_events(connection, recent) == ["duplicate"]
        with pytest.raises(psycopg.errors.RaiseException, match="TRUNCATE refused"):
            connection.execute("TRUNCATE approvals_first")
        assert detach_oldest(connection) == "approvals_first"
        assert customer(connection, "ann") == ("CUSTOMER", "31.00")
        assert audit(connection).differing == 0
    undo(old_url)
    with psycopg.connect(old_url) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v')"
            " AND relnamespace = 'public'::regnamespace"
        )
        assert left.fetchall() == [("interactions",)]
