"""What a statement in Postgres waits for, read on another connection."""

from signoff_db.connection import connect
from signoff_db.sql import statement


def what_holds_up(database_url: str, application: str) -> str | None:
    """What the worker with this application name waits for; None if it is not Postgres.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with connect(database_url, application="signoff watch") as connection:
        row = connection.execute(statement("waiting"), {"application": application}).fetchone()
    if row is None:
        return None
    state, wait_type, wait, holders = row
    if state != "active":
        return None
    if holders:
        return f"Postgres: a lock that is held by {holders}"
    return f"Postgres: its statement waits for {wait_type} {wait}" if wait else "Postgres: it works"
