"""Facts have the columns that views read first; those of a database of before are kept."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, approval
from blocking import await_blocked
from fact_tables import tables_from, tables_of
from insight import apply_all, keep_facts
from plain_insight import plain_facts
from processes import DEADLINE

from signoff_db import migrate as migrations
from signoff_db.connection import connect

MIGRATION = "0040.order_of_facts"
HELD = """
    INSERT INTO signoff.customer_facts
        (user_id, ltv_usd, prospect_at, qualified_at, customer_at, first_tags)
    VALUES
        ('ben', 5, '2026-01-01Z', '2026-01-02Z', NULL, 3),
        ('ann', 7, NULL, NULL, '2026-01-03Z', 0)
"""
FACTS = "SELECT to_jsonb(f) FROM customer_facts f ORDER BY customer"
NUMBERS = "SELECT user_id, customer FROM customer_facts ORDER BY customer"
RIGHTS = """
    SELECT privilege_type::text, '' FROM information_schema.role_table_grants
    WHERE table_name = 'customer_facts' AND grantee = %(role)s
    UNION ALL
    SELECT privilege_type::text, column_name::text FROM information_schema.role_column_grants
    WHERE table_name = 'customer_facts' AND grantee = %(role)s AND privilege_type = 'INSERT'
    ORDER BY 1
"""


def migrate_until_before(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tables of before."""
    names = migrations._names()
    with monkeypatch.context() as before:
        before.setattr(migrations, "_names", lambda: names[: names.index(MIGRATION)])
        migrations.migrate(database_url)


def test_a_database_of_before_keeps_its_facts(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, numbers and rights stay, and new customers get new numbers."""
    migrate_until_before(empty_database_url, monkeypatch)
    old = [approval(occurred_at=TEN, user_id=user) for user in ("ben", "ann")]
    new = [approval(occurred_at=TEN, user_id=user) for user in ("cid", "ann")]
    apply_all(empty_database_url, old)
    role = f"writer_{uuid4().hex}"
    with (
        psycopg.connect(empty_database_url, autocommit=True) as admin,
        connect(empty_database_url) as connection,
    ):
        admin.execute(f"CREATE ROLE {role}")
        admin.execute(f"GRANT SELECT, UPDATE, INSERT (user_id) ON signoff.customer_facts TO {role}")
        admin.execute(HELD)
        facts = connection.execute(FACTS).fetchall()
        numbers = connection.execute(NUMBERS).fetchall()
        try:
            migrations.migrate(empty_database_url)
            rights = admin.execute(RIGHTS, {"role": role}).fetchall()
        finally:
            admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        assert rights == [("INSERT", "user_id"), ("SELECT", ""), ("UPDATE", "")]
        assert connection.execute(FACTS).fetchall() == facts
        keep_facts(empty_database_url)
        assert connection.execute(NUMBERS).fetchall() == numbers
        assert tables_of(connection) == tables_from(plain_facts(old))
        apply_all(empty_database_url, new)
        keep_facts(empty_database_url)
        assert connection.execute(NUMBERS).fetchall() == [*numbers, ("cid", len(numbers) + 1)]
        assert tables_of(connection) == tables_from(plain_facts([*old, *new]))


def test_what_is_written_while_the_migration_waits_is_kept(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of the release before may still be writing facts."""
    migrate_until_before(empty_database_url, monkeypatch)
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", round(DEADLINE))
    with (
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(empty_database_url) as writer,
    ):
        writer.execute(HELD)
        migrating = threads.submit(migrations.migrate, empty_database_url)
        await_blocked(empty_database_url)
        writer.commit()
        assert MIGRATION in migrating.result()
        users = writer.execute("SELECT user_id FROM signoff.customer_facts ORDER BY 1").fetchall()
    assert users == [("ann",), ("ben",)]
