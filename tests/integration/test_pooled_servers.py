"""A service's connections are kept between requests, replaced after a restart, and bounded."""

import threading

import psycopg
from letters import letters_in

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.delivery import Delivery
from signoff_ops.dead_letters import payload_of
from signoff_ops.event_history import event_history
from signoff_ops.servers import PooledServers
from signoff_ops.status import status
from signoff_producer import outbox
from signoff_schemas import Settings


def servers(redis_url: str, database_url: str, *, size: int = 2) -> PooledServers:
    """Servers with a pool of this size."""
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    return PooledServers(settings, application="test service", size=size)


def backend(pooled: PooledServers) -> int:
    """The process that serves a connection of the pool."""
    with pooled.database() as connection:
        return connection.info.backend_pid


def test_a_connection_serves_many_requests(redis_url: str, database_url: str) -> None:
    """The second request gets the connection of the first; use cases run on it."""
    with servers(redis_url, database_url, size=1) as pooled:
        assert backend(pooled) == backend(pooled)
        assert status(pooled).away == {}
        assert event_history(pooled, "none").known is False


def test_the_connection_to_the_outbox_is_kept_too(redis_url: str, database_url: str) -> None:
    """The history of an event looks into the outbox, which may be another database."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(outbox.SCHEMA.encode())
    with servers(redis_url, database_url) as pooled:
        used = set()
        for _ in range(3):
            with pooled.outbox() as table:
                assert table
                used.add(table.connection.info.backend_pid)
        assert len(used) == 1
        assert backend(pooled) not in used


def test_a_connection_that_the_server_ended_is_replaced(redis_url: str, database_url: str) -> None:
    """Connections are checked before they are lent, so that no request fails."""
    with servers(redis_url, database_url, size=1) as pooled:
        ended = backend(pooled)
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 10000)", [ended])
        assert backend(pooled) != ended


def test_session_settings_are_those_of_any_connection(redis_url: str, database_url: str) -> None:
    """Signoff's schema is on the path, times are in UTC."""
    with servers(redis_url, database_url) as pooled, pooled.database() as connection:
        row = connection.execute("SELECT current_setting('TimeZone'), to_regclass('approvals')")
        assert row.fetchone() == ("UTC", "approvals")


def test_a_request_without_a_free_connection_is_an_error(redis_url: str, database_url: str) -> None:
    """It waits for some time; the message holds no secret."""
    with servers(redis_url, database_url, size=1) as pooled, pooled.database():
        pooled._pool.timeout = 0.1
        failures: list[str] = []

        def ask() -> None:
            try:
                backend(pooled)
            except DatabaseUnavailableError as error:
                failures.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert "were in use for 0.1 s" in failures[0]
    assert str(psycopg.conninfo.conninfo_to_dict(database_url)["password"]) not in failures[0]


def test_whoever_takes_a_payload_slowly_keeps_no_connection(
    redis_url: str, database_url: str, connection: BatchConnection
) -> None:
    """Ten slow downloads would otherwise stop the whole service."""
    apply(connection, [Delivery.of_payload("job", b"no event")])
    (letter,) = letters_in(connection)
    with servers(redis_url, database_url, size=1) as pooled:
        parts = payload_of(pooled, letter)
        assert next(parts) == b"no event"
        assert backend(pooled)
        assert not list(parts)
