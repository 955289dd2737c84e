"""An outbox in Signoff's own database is not created in Signoff's schema."""

import psycopg
from psycopg import sql

from signoff_db.migrate import migrate
from signoff_db.undo import undo
from signoff_ops.outbox import create_outbox


def test_a_role_with_the_schemas_name_creates_it_elsewhere(empty_database_url: str) -> None:
    """So `migrate --undo` does not drop it, and the schema can be created again."""
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
