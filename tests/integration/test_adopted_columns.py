"""An upstream's interactions may have columns of any names, also of those that Signoff uses."""

import random
import re
from datetime import timedelta

import psycopg
from approvals import TEN, apply_events
from mixed import mixed_events
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from signoff_db.audit import audit
from signoff_db.connection import connect_for_batches
from signoff_db.ledger_partitions import add_partition, detach_oldest, partition_ledger
from signoff_db.migrate import migrate

USED = """
    SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'signoff'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION
    SELECT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'signoff'::regnamespace
    EXCEPT
    SELECT attname FROM pg_attribute WHERE attrelid = 'signoff.interactions'::regclass
"""
SOURCES = "SELECT prosrc FROM pg_proc WHERE pronamespace = 'signoff'::regnamespace"
OF_STATEMENTS = {"most", "statuses", "tag", "tags", "held_at", "owner", "behind", "known", "found"}
WRITES = (
    "INSERT INTO interactions (id, user_id, ltv_usd) VALUES (gen_random_uuid(), 'new', 3)",
    "UPDATE interactions SET user_id = 'other', ltv_usd = 7 WHERE user_id = 'new'",
    "UPDATE interactions SET id = gen_random_uuid() WHERE user_id = 'other'",
    "DELETE FROM interactions WHERE user_id = 'other'",
    "SELECT signoff.signoff_came_back_at('user-1', now(), gen_random_uuid())",
    "SELECT signoff.signoff_transition_obstacle('user-1', gen_random_uuid(), 'CHURNED', NULL)",
)


def names_in_use(connection: Connection[TupleRow]) -> set[str]:
    """Names of columns, parameters and variables, and some that only statements have."""
    names = {str(name) for (name,) in connection.execute(USED.encode()) if name}
    for (source,) in connection.execute(SOURCES.encode()):
        for declared in re.findall(r"(?is)declare(.*?)begin", source):
            names |= set(re.findall(r"(?m)^\s*([a-z_]+)\s", declared))
    return names | OF_STATEMENTS


def test_no_name_of_a_column_is_taken_for_another(
    database_url: str, empty_database_url: str
) -> None:
    """Events are applied, old partitions go, and the upstream's own statements succeed."""
    with psycopg.connect(database_url) as installed:
        names = names_in_use(installed)
    assert {"customer", "event", "tags"} <= names
    columns = sql.SQL(", ").join(
        sql.SQL("{} point DEFAULT '(1, 2)'").format(sql.Identifier(name)) for name in sorted(names)
    )
    with psycopg.connect(empty_database_url, autocommit=True) as upstream:
        upstream.execute(
            sql.SQL(
                "CREATE TABLE interactions (id uuid UNIQUE, user_id text, edit_tags text[], {})"
            ).format(columns)
        )
        migrate(empty_database_url)
        with connect_for_batches(empty_database_url, application="test") as connection:
            partition_ledger(connection, TEN + timedelta(days=5))
            add_partition(connection, TEN + timedelta(days=9))
            for seed in range(3):
                events = mixed_events(random.Random(seed), 40, TEN, TEN + timedelta(days=9))
                assert set(apply_events(connection, *events)) <= {"applied", "late", "void"}
            for statement in WRITES:
                upstream.execute(statement.encode())
            detach_oldest(connection)
            assert audit(connection).differing == 0


def test_a_function_of_the_installation_is_left_alone(database_url: str) -> None:
    """It may stand beside those of Signoff, and belong to another role: it is not rewritten."""
    source = "BEGIN RETURN NULL; END"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE FUNCTION signoff.of_ours() RETURNS trigger LANGUAGE plpgsql AS {}"
            ).format(source)
        )
        connection.execute("DELETE FROM signoff.migrations WHERE name LIKE '0043%'")
        assert migrate(database_url) == ["0043.names_of_variables"]
        assert (source,) in connection.execute(SOURCES.encode()).fetchall()
