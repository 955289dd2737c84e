"""Connections to Postgres: their session settings, and when a silent one counts as lost."""

import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, apply_events, approval, customer

from signoff_db.audit import audit
from signoff_db.connection import (
    DatabaseUnavailableError,
    answers,
    connect,
    connect_for_batches,
    pool_of,
)
from signoff_db.instants import FIRST, LAST


def option(url: str, name: str) -> int:
    """An option of the socket under a connection to the database."""
    with connect(url) as connection, socket.socket(fileno=connection.fileno()) as under:
        value = under.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        under.detach()
    return value


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's names of the options")
def test_a_lost_host_is_noticed_within_half_a_minute(postgres_server: str) -> None:
    """Keepalive probes begin after 10 s of silence; unacknowledged data times out after 30 s."""
    idle, interval, count = (
        option(postgres_server, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    )
    assert idle + interval * count == 30
    assert option(postgres_server, "TCP_USER_TIMEOUT") == 30_000


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's names of the options")
def test_the_url_can_set_the_timeouts_of_the_network(postgres_server: str) -> None:
    """Options of libpq in the URL win over Signoff's own."""
    url = f"{postgres_server}?keepalives_idle=77&options=-c%20statement_timeout%3D5000"
    assert option(url, "TCP_KEEPIDLE") == 77
    with connect(url) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


ODD_SETTINGS = {
    "client_encoding": "LATIN1",
    "DateStyle": "German",
    "IntervalStyle": "iso_8601",
    "TimeZone": "America/New_York",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "default_transaction_isolation": "serializable",
    "search_path": "pg_catalog",
    "statement_timeout": "1",
    "lock_timeout": "1",
    "transaction_timeout": "1s",
    "idle_session_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
}


@pytest.fixture
def odd_database_url(database_url: str) -> Iterator[str]:
    """A migrated database, for a role with unusual settings."""
    name = database_url.rpartition("/")[2]
    role = f"odd_{uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT signoff TO {role}")
        for setting, value in ODD_SETTINGS.items():
            if setting == "transaction_timeout" and admin.info.server_version < 170_000:
                continue
            admin.execute(f"ALTER ROLE {role} IN DATABASE {name} SET {setting} = '{value}'")
        admin.execute(f"ALTER ROLE {role} IN DATABASE {name} SET lc_messages = 'C'")
        host = database_url.rpartition("@")[2]
        yield f"postgresql://{role}:x@{host}"
        admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_roles_settings_do_not_matter(odd_database_url: str) -> None:
    """Events are applied, and values are read back unchanged, on both kinds of connection."""
    text = "grüße 🎉"
    event = approval(final_bubbles=[text], customer_status="CUSTOMER", ltv_amount="5")
    with connect_for_batches(odd_database_url, application="test") as batches:
        assert apply_events(batches, event) == ["applied"]
        with batches.transaction():
            batches.execute("SELECT pg_sleep(1.1)")
            assert apply_events(batches, event) == ["duplicate"]
    with connect(odd_database_url) as reader:
        assert customer(reader, "user-1") == ("CUSTOMER", "5.00")
        row = reader.execute(
            "SELECT final_bubbles, occurred_at, content_hash, interval '1 day', %t::text[],"
            " 0.123::float8 FROM approvals",
            [[None]],
        ).fetchone()
        assert row is not None
        assert row[0] == [text]
        assert row[1] == event.occurred_at
        assert row[1].tzinfo.utcoffset(datetime.now(UTC)).total_seconds() == 0
        assert len(row[2]) == 16
        assert row[3].days == 1
        assert row[4:] == ([None], 0.123)
        assert audit(reader).differing == 0


@pytest.mark.parametrize("opening", [connect, connect_for_batches])
def test_the_environment_of_the_client_does_not_matter(
    opening: Callable[..., Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signoff's settings win over these variables, which libpq reads."""
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGTZ", "America/New_York")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with opening(database_url, application="test") as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("DateStyle", "TimeZone", "client_encoding", "transaction_isolation")
        ]
    assert shown == ["ISO, MDY", "UTC", "UTF8", "read committed"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("infinity", LAST),
        ("-infinity", FIRST),
        ("10000-01-01 00:00+00", LAST),
        ("0044-03-15 00:00+00 BC", FIRST),
        ("2026-01-31 11:00+01", TEN),
    ],
)
def test_times_that_python_lacks_become_the_nearest(
    database_url: str, written: str, read: datetime
) -> None:
    """An upstream may write them into its tables; one such row stops no command."""
    statement = b"SELECT %s::timestamptz"
    with connect(database_url) as connection:
        assert connection.execute(statement, [written]).fetchone() == (read,)
    with (
        pool_of(database_url, application="test", size=1, wait_seconds=60) as pool,
        pool.connection() as connection,
    ):
        assert connection.execute(statement, [written]).fetchone() == (read,)


def test_a_service_bounds_its_statements(database_url: str) -> None:
    """Before it gives up waiting for the answer; commands may take as long as they need."""
    with (
        pool_of(database_url, application="test", size=1, wait_seconds=60) as pool,
        pool.connection() as connection,
    ):
        assert connection.execute("SHOW statement_timeout").fetchone() == ("8s",)
    with connect(database_url) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_an_outbox_is_found_by_the_roles_search_path(database_url: str) -> None:
    """Its table is an upstream's, so the upstream's own search_path is used."""
    url = f"{database_url}?options=-csearch_path%3Dpublic"
    with connect(url, outbox=True) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("public",)


def test_a_role_without_usage_of_the_schema_gets_a_sentence(database_url: str) -> None:
    """It names what is not allowed."""
    role = f"stranger_{uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        url = f"postgresql://{role}:x@{database_url.rpartition('@')[2]}"
        try:
            assert answers(url)
            with pytest.raises(DatabaseUnavailableError, match="permission denied for schema"):
                connect(url)
        finally:
            admin.execute(f"DROP ROLE {role}")
