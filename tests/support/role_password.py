"""How costly it is to sign in to the tests' Postgres."""

from urllib.parse import urlsplit

import psycopg
from psycopg import sql


def hash_password(url: str, *, rounds: int | None = None) -> None:
    """Store the same password of the URL's role, hashed in so many rounds, or as usual."""
    parts = urlsplit(url)
    role, password = sql.Identifier(parts.username or ""), sql.Literal(parts.password)
    with psycopg.connect(url, autocommit=True) as connection:
        if rounds is not None:
            connection.execute("SELECT set_config('scram_iterations', %s, false)", [str(rounds)])
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
