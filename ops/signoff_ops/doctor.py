"""Check the servers' settings that Signoff needs, and name those to change."""

from collections.abc import Iterator

from signoff_db.connection import DatabaseUnavailableError, connect
from signoff_db.migrate import pending
from signoff_db.read_connection import explained
from signoff_ops.checks import (
    Check,
    Grade,
    check_database,
    check_queue,
    check_redis,
    check_variables,
)
from signoff_ops.feed_check import check_readers
from signoff_ops.outbox_check import check_desk_outbox, check_outbox
from signoff_ops.rapport_check import check_rapport
from signoff_ops.rights_check import check_postgres_rights, check_redis_rights
from signoff_ops.servers import Servers
from signoff_ops.session_check import check_sessions
from signoff_ops.webhook_check import check_webhooks
from signoff_queue.connection import RedisUnavailableError
from signoff_schemas import SettingsError


def doctor(servers: Servers) -> Iterator[Check]:
    """The checks, one by one; a server that is unavailable, or not set, is a failed check."""
    yield from check_variables()
    yield from _redis_checks(servers)
    yield from _database_checks(servers)
    if servers.settings.outbox_url:
        yield from check_outbox(servers)
    if servers.settings.rapport_url:
        yield from check_rapport(servers.settings)


def _redis_checks(servers: Servers) -> Iterator[Check]:
    try:
        with servers.redis() as client:
            yield from check_redis(client)
            yield check_redis_rights(client, servers.settings.require("redis_url"))
            yield from check_queue(client, servers.settings)
    except SettingsError as error:
        yield Check(Grade.FAIL, "Redis set", str(error))
    except RedisUnavailableError as error:
        yield Check(Grade.FAIL, "Redis reachable", f"{error} (SIGNOFF_REDIS_URL)")


def _database_checks(servers: Servers) -> Iterator[Check]:
    try:
        url = servers.settings.require("database_url")
        # Not the connection of the use cases: a missing table is a check, not an error.
        with connect(url, application="signoff doctor") as connection, explained(url):
            yield from check_database(connection, url, servers.settings)
            if not pending(url):
                yield check_sessions(url)
                yield check_postgres_rights(connection, url)
                yield from check_readers(connection)
                yield from check_webhooks(connection)
                yield from check_desk_outbox(servers.settings)
    except SettingsError as error:
        yield Check(Grade.FAIL, "Postgres set", str(error))
    except DatabaseUnavailableError as error:
        yield Check(Grade.FAIL, "Postgres reachable", f"{error} (SIGNOFF_DATABASE_URL)")
