"""Servers on which each part has a login with the rights that `signoff roles` prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.rights.roles import PURPOSES, RoleDatabase
from signoff_ops.roles import postgres_roles, redis_users
from signoff_schemas import Settings

PASSWORD: Final = "of-a-test"
USERS: Final = "tested"
"""The prefix of users of Redis."""


@dataclass(frozen=True)
class Granted:
    """A server, and the URLs for its roles."""

    url: str
    """That of the role that owns everything."""
    prefix: str
    """That of the names of roles."""

    def of(self, role: str) -> str:
        """The URL for a login with this role alone: in Postgres a member, in Redis the user."""
        parts = urlsplit(self.url)
        name = self.user(role) if parts.scheme == "redis" else self.login(role)
        address = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{name}:{PASSWORD}@{address}"))

    def user(self, role: str) -> str:
        """The user of Redis."""
        return f"{self.prefix}-{role}"

    def login(self, role: str) -> str:
        """The member of the role in Postgres."""
        return f"{self.prefix}_{role}_login"

    def names(self) -> list[str]:
        """All names of roles in Postgres: those of logins, then those that are granted to them."""
        return [*map(self.login, PURPOSES), *(f"{self.prefix}_{role}" for role in PURPOSES)]


@contextmanager
def granted_roles(url: str, *databases: RoleDatabase, **settings: object) -> Iterator[Granted]:
    """Run what `signoff roles sql` prints, and make a login for each role; drop them at the end.

    Names of roles are those of the whole server, so they hold that of the database.
    """
    granted = Granted(url, f"of_{urlsplit(url).path.removeprefix('/')}")
    with psycopg.connect(url, autocommit=True) as connection:
        _drop(connection, granted)
        grant(connection, granted, *databases, **settings)
        for role in PURPOSES:
            login = granted.login(role)
            connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}'".encode())
            if _exists(connection, f"{granted.prefix}_{role}"):
                connection.execute(f"GRANT {granted.prefix}_{role} TO {login}".encode())
        yield granted
        _drop(connection, granted)


def grant(
    connection: Connection[TupleRow], granted: Granted, *databases: RoleDatabase, **settings: object
) -> None:
    """Run what the command prints for these databases."""
    for database in databases:
        given = Settings.load(database_url=granted.url, **settings)
        connection.execute(postgres_roles(given, (), database, granted.prefix).text.encode())


def _exists(connection: Connection[TupleRow], role: str) -> bool:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    return found is not None


def _drop(connection: Connection[TupleRow], granted: Granted) -> None:
    """Drop the roles; a test that was killed may have left them."""
    for name in granted.names():
        if _exists(connection, name):
            connection.execute(f"DROP OWNED BY {name}".encode())
            connection.execute(f"DROP ROLE {name}".encode())


@contextmanager
def granted_users(url: str, *, may_be_denied: bool = False) -> Iterator[Granted]:
    """Run what `signoff roles redis` prints, give each user a password; delete them at the end.

    In the end it checks that nobody was denied anything, which parts may hide; not where tests
    try what is denied.
    """
    rules = [line.split() for line in redis_users(Settings.load(), (), USERS).text.splitlines()]
    users = [words[2] for words in rules]
    with redis.Redis.from_url(url) as client:
        for words in rules:
            client.execute_command(*words)
        for user in users:
            hashed = sha256(PASSWORD.encode()).hexdigest()
            client.execute_command("ACL", "SETUSER", user, "on", f"#{hashed}")
        client.acl_log_reset()
        yield Granted(url, USERS)
        # The client tells each server its name (CLIENT SETINFO), which Redis 6.2 knows nothing of.
        denied = [one for one in client.acl_log() if one["object"] != "client"]
        client.execute_command("ACL", "DELUSER", *users)
    assert may_be_denied or not denied
