"""An outbox in Signoff's own database stands beside Signoff's schema, not in it."""

import psycopg
from psycopg import sql

from signoff_db.migrate import migrate
from signoff_db.undo import undo
from signoff_ops.outbox import create_outbox


def test_a_role_that_is_called_like_the_schema_makes_it_elsewhere(empty_database_url: str) -> None:
    """Then undoing leaves it alone, and the schema can be made anew."""
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        role = connection.info.user
        connection.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = signoff, public").format(
                sql.Identifier(role), sql.Identifier(connection.info.dbname)
            )
        )
    create_outbox(empty_database_url)

    undo(empty_database_url)
    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute("SELECT to_regclass('public.signoff_outbox')").fetchone()
    assert row == ("signoff_outbox",)
