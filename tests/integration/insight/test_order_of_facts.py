"""Facts have the columns that views read first; those of a database of before are kept."""

from collections.abc import Iterator
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
RIGHTS = (
    "SELECT privilege_type::text FROM information_schema.role_table_grants"
    " WHERE table_name = 'customer_facts' AND grantee = %s ORDER BY 1"
)


COLUMN_RIGHTS = (
    "SELECT column_name::text FROM information_schema.column_privileges"
    " WHERE table_name = 'customer_facts' AND grantee = %s ORDER BY 1"
)
OWNERS = """
    SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
    WHERE relname IN ('customer_facts', 'customer_exposures', 'exposure_reviewers')
"""


@pytest.fixture
def old_url(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of before."""
    names = migrations._names()
    with monkeypatch.context() as before:
        before.setattr(migrations, "_names", lambda: names[: names.index(MIGRATION)])
        migrations.migrate(empty_database_url)
    return empty_database_url


@pytest.fixture
def role(old_url: str) -> Iterator[str]:
    """A role that exists during the test."""
    name = f"role_{uuid4().hex}"
    with psycopg.connect(old_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name}")
        yield name
        admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_what_is_written_meanwhile_is_kept(old_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a reader of the feed of the release before, whose transaction has begun."""
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", round(DEADLINE))
    with psycopg.connect(old_url) as writer, ThreadPoolExecutor(1) as apart:
        writer.execute(HELD)
        migrated = apart.submit(migrations.migrate, old_url)
        await_blocked(old_url)
        writer.commit()
        migrated.result()
        assert writer.execute("SELECT FROM signoff.customer_facts").rowcount == 2


def test_whoever_may_read_some_columns_still_may(old_url: str, role: str) -> None:
    """Rights on columns stand elsewhere than those on tables."""
    with psycopg.connect(old_url, autocommit=True) as admin:
        admin.execute(f"GRANT SELECT (customer, ltv_usd) ON signoff.customer_facts TO {role}")
        migrations.migrate(old_url)
        columns = [column for (column,) in admin.execute(COLUMN_RIGHTS, [role])]
    assert columns == ["customer", "ltv_usd"]


def test_the_owner_stays_whoever_migrates(old_url: str, role: str) -> None:
    """A superuser may, for the role that keeps the facts."""
    with psycopg.connect(old_url, autocommit=True) as admin:
        admin.execute(f"ALTER TABLE signoff.customer_facts OWNER TO {role}")
        admin.execute(f"ALTER TABLE signoff.customer_exposures OWNER TO {role}")
        migrations.migrate(old_url)
        assert admin.execute(OWNERS).fetchall() == [(role,)]


def test_a_database_of_before_keeps_its_facts(old_url: str, role: str) -> None:
    """Values, numbers and rights stay, and new customers get new numbers."""
    old = [approval(occurred_at=TEN, user_id=user) for user in ("ben", "ann")]
    new = [approval(occurred_at=TEN, user_id=user) for user in ("cid", "ann")]
    apply_all(old_url, old)
    with (
        psycopg.connect(old_url, autocommit=True) as admin,
        connect(old_url) as connection,
    ):
        admin.execute(f"GRANT SELECT, UPDATE ON signoff.customer_facts TO {role}")
        admin.execute(HELD)
        facts = connection.execute(FACTS).fetchall()
        numbers = connection.execute(NUMBERS).fetchall()
        migrations.migrate(old_url)
        assert [right for (right,) in admin.execute(RIGHTS, [role])] == ["SELECT", "UPDATE"]
        assert connection.execute(FACTS).fetchall() == facts
        keep_facts(old_url)
        assert connection.execute(NUMBERS).fetchall() == numbers
        assert tables_of(connection) == tables_from(plain_facts(old))
        apply_all(old_url, new)
        keep_facts(old_url)
        assert connection.execute(NUMBERS).fetchall() == [*numbers, ("cid", len(numbers) + 1)]
        assert tables_of(connection) == tables_from(plain_facts([*old, *new]))
