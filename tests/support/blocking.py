"""What blocks a batch in Postgres: locks of other sessions, and triggers that drop rows."""

from concurrent.futures import Future
from typing import Any

import psycopg
from processes import eventually

from signoff_db.connection import BatchConnection

_BLOCKED = (
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def await_blocked(database_url: str, sessions: int = 1) -> None:
    """Wait until so many sessions of this database wait for another one."""
    with psycopg.connect(database_url, autocommit=True) as watcher:
        eventually(
            lambda: watcher.execute(_BLOCKED).rowcount == sessions, what=f"{sessions} blocked"
        )


def await_blocked_or_done(database_url: str, work: Future[Any]) -> None:
    """Wait until a session waits for another one, or until the work ended without waiting."""
    with psycopg.connect(database_url, autocommit=True) as watcher:
        eventually(
            lambda: work.done() or watcher.execute(_BLOCKED).rowcount == 1, what="one is blocked"
        )


def swallow_interactions_of(connection: BatchConnection, user_id: str) -> None:
    """Add a trigger that silently drops the user's new interactions."""
    connection.execute(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.user_id = TG_ARGV[0] THEN RETURN NULL; END IF; RETURN NEW; END $$"
    )
    connection.execute(
        "CREATE TRIGGER swallow BEFORE INSERT ON interactions"
        f" FOR EACH ROW EXECUTE FUNCTION swallow('{user_id}')"
    )
