"""Facts have the columns that views read first; those of a database of before are kept."""

from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, approval
from fact_tables import tables_from, tables_of
from insight import apply_all, keep_facts
from plain_insight import plain_facts

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


def test_a_database_of_before_keeps_its_facts(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, numbers and rights stay, and new customers get new numbers."""
    names = migrations._names()
    with monkeypatch.context() as before:
        before.setattr(migrations, "_names", lambda: names[: names.index(MIGRATION)])
        migrations.migrate(empty_database_url)
    old = [approval(occurred_at=TEN, user_id=user) for user in ("ben", "ann")]
    new = [approval(occurred_at=TEN, user_id=user) for user in ("cid", "ann")]
    apply_all(empty_database_url, old)
    role = f"writer_{uuid4().hex}"
    with (
        psycopg.connect(empty_database_url, autocommit=True) as admin,
        connect(empty_database_url) as connection,
    ):
        admin.execute(f"CREATE ROLE {role}")
        admin.execute(f"GRANT SELECT, UPDATE ON signoff.customer_facts TO {role}")
        admin.execute(HELD)
        facts = connection.execute(FACTS).fetchall()
        numbers = connection.execute(NUMBERS).fetchall()
        try:
            migrations.migrate(empty_database_url)
            rights = [right for (right,) in admin.execute(RIGHTS, [role])]
        finally:
            admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        assert rights == ["SELECT", "UPDATE"]
        assert connection.execute(FACTS).fetchall() == facts
        keep_facts(empty_database_url)
        assert connection.execute(NUMBERS).fetchall() == numbers
        assert tables_of(connection) == tables_from(plain_facts(old))
        apply_all(empty_database_url, new)
        keep_facts(empty_database_url)
        assert connection.execute(NUMBERS).fetchall() == [*numbers, ("cid", len(numbers) + 1)]
        assert tables_of(connection) == tables_from(plain_facts([*old, *new]))
