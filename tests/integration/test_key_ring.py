"""Keys in memory: no round trip for a known one, and none that was revoked is accepted."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from processes import eventually
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import DatabaseUnavailableError
from signoff_ops import api_keys
from signoff_ops.key_ring import KeyRing
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Scope


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class CountingServers(DirectServers):
    """Counts the connections that are asked for; Postgres may be taken away."""

    asked = 0
    is_away = False

    @contextmanager
    def database(self) -> Iterator[Connection[TupleRow]]:
        """See `Servers`."""
        self.asked += 1
        if self.is_away:
            raise DatabaseUnavailableError("away")
        with super().database() as connection:
            yield connection


@pytest.fixture
def servers(database_url: str) -> CountingServers:
    """A database without keys."""
    return CountingServers(Settings.load(database_url=database_url))


@pytest.fixture
def clock() -> Clock:
    """The clock of the ring."""
    return Clock()


@pytest.fixture
def ring(servers: CountingServers, clock: Clock) -> Iterator[KeyRing]:
    """A ring that listens."""
    with KeyRing(servers, clock=clock) as ring:
        eventually(lambda: ring._is_listening, what="it listens")
        yield ring


def new_key(servers: DirectServers, name: str = "billing", days: int | None = None) -> str:
    """A key."""
    lifetime = None if days is None else timedelta(days=days)
    return api_keys.add_key(servers, name, [Scope.PUBLISH], "root", lifetime=lifetime).text


def listener(database_url: str) -> int | None:
    """The process of Postgres that serves the listening connection."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        row = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'signoff-web keys'"
            " AND datname = current_database()"
        ).fetchone()
    return row[0] if row else None


def end_listener(database_url: str) -> None:
    """End the listening connection."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", [listener(database_url)])


def test_a_known_key_costs_no_round_trip(servers: CountingServers, ring: KeyRing) -> None:
    """It is looked up once."""
    key = new_key(servers)
    before = servers.asked
    assert ring.known(key) is None
    identity = ring.identity(key)
    assert identity
    assert (identity.actor, identity.scopes) == ("key:billing", frozenset({Scope.PUBLISH}))
    assert [ring.known(key) for _ in range(1000)] == [identity] * 1000
    assert servers.asked == before + 1


def test_a_key_that_is_none_is_never_looked_up(servers: CountingServers, ring: KeyRing) -> None:
    """Its form tells; one of the right form is looked up, and not kept."""
    for text in ("", "sgn_", "x" * 100_000, "\ud800"):
        assert ring.known(text) is None
        assert ring.identity(text) is None
    assert servers.asked == 0
    unknown = f"sgn_{'0' * 16}_{'0' * 64}"
    assert ring.identity(unknown) is None
    assert ring.known(unknown) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_keys SET revoked_at = now()",
        "UPDATE api_keys SET scopes = '{read}'",
        "DELETE FROM api_keys",
        "TRUNCATE api_keys",
    ],
)
def test_a_change_of_a_key_is_heard_at_once(
    servers: CountingServers, ring: KeyRing, database_url: str, change: str
) -> None:
    """Whoever made it, in whatever way; the clock of the ring stands still."""
    key = new_key(servers)
    ring.identity(key)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(change.encode())
    eventually(lambda: ring.known(key) is None, what="the key is forgotten")
    found = ring.identity(key)
    assert (found.scopes if found else None) in (None, frozenset({Scope.READ}))


def test_other_keys_are_kept_when_one_changes(servers: CountingServers, ring: KeyRing) -> None:
    """Only the changed one is looked up again."""
    one, two = new_key(servers, "one"), new_key(servers, "two")
    ring.identity(one)
    ring.identity(two)
    api_keys.revoke_key(servers, "one", "root")
    eventually(lambda: ring.known(one) is None, what="the key is forgotten")
    assert ring.known(two)


def test_that_a_key_is_used_is_written_once_a_minute(
    servers: CountingServers, ring: KeyRing, clock: Clock, database_url: str
) -> None:
    """A key in memory is verified again after a minute, which notes its use."""
    key = new_key(servers)
    ring.identity(key)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '5 minutes'")
        assert ring.known(key)
        clock.now += 61
        eventually(lambda: ring._heard_at == clock.now, what="Postgres has answered")
        assert ring.known(key) is None
        assert ring.identity(key)
        used = "SELECT now() - last_used_at < interval '1 minute' FROM api_keys"
        assert admin.execute(used).fetchone() == (True,)


def test_a_key_expires_in_memory_too(
    servers: CountingServers, ring: KeyRing, database_url: str, clock: Clock
) -> None:
    """To the second."""
    key = new_key(servers, days=1)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("UPDATE api_keys SET expires_at = now() + interval '30 seconds'")
    # The notification of the change may come after the key was looked up, which is forgotten then.
    eventually(lambda: bool(ring.identity(key) and ring.known(key)), what="the key is in memory")
    clock.now += 30
    assert ring.known(key) is None


def test_nothing_is_known_from_before_a_lost_connection(
    servers: CountingServers, ring: KeyRing, database_url: str
) -> None:
    """What was changed meanwhile was not heard, so all keys are looked up again."""
    key = new_key(servers)
    ring.identity(key)
    ended = listener(database_url)
    end_listener(database_url)
    eventually(lambda: listener(database_url) not in {None, ended}, what="it listens again")
    eventually(lambda: ring.known(key) is None, what="the key is forgotten")
    assert ring.identity(key)
    eventually(lambda: bool(ring.identity(key) and ring.known(key)), what="it is kept again")


def test_a_key_is_accepted_for_a_minute_while_postgres_is_away(
    servers: CountingServers, clock: Clock
) -> None:
    """So that events can be published; a key that nobody has verified is not accepted."""
    key, other = new_key(servers), new_key(servers, "other")
    ring = KeyRing(servers, clock=clock)
    ring._begin()
    ring.identity(key)
    clock.now += 50
    ring._heard_at = clock.now
    servers.is_away = True
    assert ring._lost() is False
    assert ring.known(key) is None  # perhaps only the connection was lost
    assert ring.identity(key)
    assert ring._lost() is True
    clock.now += 59
    assert ring.known(key)
    clock.now += 1
    assert ring.known(key) is None
    for unverified in (key, other):
        with pytest.raises(DatabaseUnavailableError):
            ring.identity(unverified)


def test_a_silent_postgres_counts_as_away(servers: CountingServers, clock: Clock) -> None:
    """A connection may hang for minutes before it counts as lost."""
    key = new_key(servers)
    ring = KeyRing(servers, clock=clock)
    ring._begin()
    ring.identity(key)
    clock.now += 59
    assert ring.known(key)
    clock.now += 1
    assert ring.known(key) is None


def test_an_answer_from_before_a_change_is_not_kept(
    servers: CountingServers, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was looked up, then revoked and the revocation heard, and only then kept."""
    key = new_key(servers)
    ring = KeyRing(servers, clock=clock)
    ring._begin()
    kept = ring._kept

    def late(*arguments: object) -> object:
        ring._forget("0" * 16)
        return kept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ring, "_kept", late)
    assert ring.identity(key)
    assert ring.known(key) is None
