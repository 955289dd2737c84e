"""`signoff roles`: what it prints, and what each role may not do."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from approvals import mapping
from command_line import Signoff
from desk import sql
from granted import USERS, Granted, grant, granted_roles, granted_users
from psycopg.sql import SQL, Identifier

from signoff_db.rights.roles import FILES, PURPOSES, RoleDatabase
from signoff_producer import outbox
from signoff_queue.users import rules
from signoff_schemas.keys import JOB_PREFIX

BOTH = (RoleDatabase.SIGNOFF, RoleDatabase.OUTBOX)
RIGHTS = """
SELECT pg_describe_object(classid, objid, objsubid), acl.privilege_type, acl.grantee::regrole::text
FROM (
    SELECT 'pg_class'::regclass AS classid, oid AS objid, 0 AS objsubid, relacl AS acl FROM pg_class
    UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, attacl FROM pg_attribute
    UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proacl FROM pg_proc
    UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspacl FROM pg_namespace
) AS held, aclexplode(held.acl) AS acl
WHERE acl.grantee <> 0 AND acl.grantee::regrole::text LIKE 'of\\_%'
ORDER BY 1, 2, 3
"""
REFUSED = r"permission|ACL failure|can't (run|access)|unknown command `FUNCTION`"
"""How Redis says no, 6.2 in other words, and that does not know functions."""
HOSTILE = """o'"; DROP TABLE x; $$ %s {role}"""


@pytest.fixture(scope="module")
def granted(module_database_url: str) -> Iterator[Granted]:
    """A migrated database with an outbox, and a login for each role."""
    sql(module_database_url, outbox.SCHEMA)
    with granted_roles(module_database_url, *BOTH) as granted:
        yield granted


@pytest.fixture
def users(redis_url: str) -> Iterator[Granted]:
    """An empty Redis with a user for each role; being denied is what these tests want."""
    with granted_users(redis_url, may_be_denied=True) as granted:
        yield granted


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("worker", "DELETE FROM signoff.approvals"),
        ("worker", "UPDATE signoff.approvals SET applied_at = now()"),
        ("worker", "DELETE FROM signoff.dead_letters"),
        ("worker", "SELECT FROM signoff.operator_actions"),
        ("publisher", "SELECT FROM signoff.approvals"),
        ("publisher", "DELETE FROM signoff_outbox"),
        ("publisher", "UPDATE signoff_outbox SET published_at = now()"),
        ("publisher", "UPDATE signoff_outbox SET event = '{}'"),
        ("publisher", "INSERT INTO signoff_outbox (event, published_at) VALUES ('{}', now())"),
        ("relay", "INSERT INTO signoff.approvals SELECT"),
        ("relay", "SELECT FROM signoff.interactions"),
        ("relay", "INSERT INTO signoff_outbox (event) VALUES ('{}')"),
        ("auditor", "DELETE FROM signoff.dead_letters"),
        ("auditor", "UPDATE signoff.interactions SET ltv_usd = 0"),
        ("auditor", "INSERT INTO signoff.operator_actions SELECT"),
        ("auditor", "UPDATE signoff_outbox SET refused = 'no'"),
        ("auditor", "SELECT secret FROM signoff.webhooks"),
        ("reader", "DELETE FROM signoff.dead_letters"),
        ("operator", "DELETE FROM signoff.approvals"),
        ("operator", "UPDATE signoff.operator_actions SET actor = 'eve'"),
        ("operator", "SELECT secret FROM signoff.webhooks"),
        ("web", "DELETE FROM signoff.approvals"),
        ("web", "DELETE FROM signoff.operator_actions"),
        ("web", "SELECT secret FROM signoff.webhooks"),
        ("web", "DROP TABLE signoff.dead_letters"),
    ],
)
def test_roles_may_not_do_what_they_need_not(granted: Granted, role: str, statement: str) -> None:
    """Postgres says no, whatever a part is made to try."""
    with psycopg.connect(granted.of(role)) as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement.encode())
        session.rollback()


@pytest.mark.parametrize("role", PURPOSES)
def test_no_role_truncates_or_makes_anything(granted: Granted, role: str) -> None:
    """Not one table of Signoff's, the outbox included; and nothing new in its schema."""
    with psycopg.connect(granted.of(role)) as session:
        found = session.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND (relnamespace = 'signoff'::regnamespace OR relname = 'signoff_outbox')"
            " AND has_table_privilege(oid, 'TRUNCATE, TRIGGER, REFERENCES')"
        ).fetchall()
        may_create = session.execute("SELECT has_schema_privilege('signoff', 'CREATE')").fetchone()
    assert not found
    assert may_create == (False,)


def test_the_roles_themselves_cannot_log_in(granted: Granted) -> None:
    """They are granted to logins; nothing that is printed holds a password."""
    roles = {role for database in BOTH for role in FILES[database]}
    with psycopg.connect(granted.url) as connection:
        found = connection.execute(
            "SELECT count(*), bool_or(rolcanlogin OR rolsuper) FROM pg_roles"
            " WHERE rolname = ANY(%s)",
            [[f"{granted.prefix}_{role}" for role in roles]],
        ).fetchone()
    assert found == (len(roles), False)


def test_what_is_printed_is_exactly_what_a_role_has(granted: Granted) -> None:
    """Run again it changes nothing; what somebody granted besides, also on a column, is revoked."""
    before = sql(granted.url, RIGHTS)
    with psycopg.connect(granted.url, autocommit=True) as connection:
        grant(connection, granted, *BOTH)
        assert sql(granted.url, RIGHTS) == before
        for change in (
            "GRANT DELETE ON signoff.approvals TO",
            "GRANT SELECT (secret) ON signoff.webhooks TO",
            "GRANT CREATE ON SCHEMA signoff TO",
            "GRANT EXECUTE ON FUNCTION signoff.signoff_is_restored() TO",
            "GRANT UPDATE (published_at) ON signoff_outbox TO",
            "REVOKE SELECT ON signoff.interactions FROM",
        ):
            connection.execute(f"{change} {granted.prefix}_auditor".encode())
        assert sql(granted.url, RIGHTS) != before
        grant(connection, granted, *BOTH)
    assert sql(granted.url, RIGHTS) == before


def test_an_outbox_among_the_tables_of_signoff_keeps_its_rights(database_url: str) -> None:
    """Where an early installation has one there: relays and the desk go on after an upgrade."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path = signoff")
        connection.execute(outbox.SCHEMA)
        with granted_roles(database_url, *BOTH) as granted:
            before = sql(database_url, RIGHTS)
            grant(connection, granted, RoleDatabase.SIGNOFF)
            assert sql(database_url, RIGHTS) == before


def test_a_role_that_owns_the_tables_is_left_alone(database_url: str) -> None:
    """What it could do would be revoked, and the functions that run with its rights would fail."""
    with granted_roles(database_url, RoleDatabase.SIGNOFF) as granted:
        sql(database_url, f"ALTER TABLE signoff.approvals OWNER TO {granted.prefix}_worker")
        with (
            psycopg.connect(database_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.RaiseException, match=r"other names .* with --prefix"),
        ):
            grant(connection, granted, RoleDatabase.SIGNOFF)
        sql(database_url, "ALTER TABLE signoff.approvals OWNER TO CURRENT_USER")


def test_names_of_an_installation_are_filled_in(signoff: Signoff, empty_database_url: str) -> None:
    """Signoff's own schema, that of an adopted table and of the outbox, whatever they are named."""
    adopting = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url, SIGNOFF_SCHEMA="staging")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(HOSTILE)))
        connection.execute(
            SQL("ALTER DATABASE {} SET search_path = {}").format(
                Identifier(connection.info.dbname), Identifier(HOSTILE)
            )
        )
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text)")
        connection.execute(outbox.SCHEMA)
    adopting("migrate")
    with granted_roles(empty_database_url, *BOTH, db_schema="staging") as granted:
        worker = adopting.having(SIGNOFF_DATABASE_URL=granted.of("worker"))
        worker.publish(mapping(user_id="ann"))
        worker("worker", "--burst")
        auditor = adopting.having(SIGNOFF_DATABASE_URL=granted.of("auditor"))
        assert auditor.json("customer", "ann")["user_id"] == "ann"
        with psycopg.connect(granted.of("publisher")) as upstream:
            outbox.add(upstream, mapping())
        with (
            psycopg.connect(granted.of("publisher")) as upstream,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            upstream.execute(SQL("SELECT FROM {}.interactions").format(Identifier(HOSTILE)))


def test_without_a_database_it_says_what_it_assumes(signoff: Signoff) -> None:
    """Of interactions and of the outbox; the settings are taken where they name it."""
    alone = signoff.having(SIGNOFF_DATABASE_URL="postgresql://127.0.0.1:1/none")

    own = alone("roles", "sql", "worker")
    named = alone.having(SIGNOFF_INTERACTIONS="crm.interactions")("roles", "sql", "worker")
    printed = alone("roles", "sql", "relay", "--database", "outbox")
    contexts = alone("roles", "sql", "--database", "rapport")

    assert "interactions is signoff.interactions; if it is another, set" in own.stderr
    assert 'ON "signoff"."interactions"' in own.stdout
    assert 'USAGE ON SCHEMA "signoff", "crm" TO' in named.stdout
    assert "the outbox is public.signoff_outbox" in printed.stderr
    assert not contexts.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("sql", "wroker"), "there is no role 'wroker'; the roles are publisher, worker,"),
        (("sql", "publisher"), "publisher needs no rights in Postgres with --database signoff"),
        (("redis", "insight"), "the role insight needs no rights in Redis; those that do are"),
        (("redis", "--prefix", "a b"), "the prefix 'a b' is no beginning of names of roles"),
        (("sql", "--prefix", 'x"'), "use lower-case letters, digits and '_', at most 40"),
    ],
)
def test_wrong_names_are_refused(signoff: Signoff, arguments: tuple[str, ...], text: str) -> None:
    """With what is allowed."""
    refused = signoff("roles", *arguments, expect=2)
    assert text in refused.stderr
    assert not refused.stdout


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL", "FLUSHDB", "CONFIG GET requirepass", "KEYS *", "SWAPDB 0 1", "SCRIPT FLUSH",
        "FUNCTION FLUSH", "ACL LIST", "MONITOR", "SHUTDOWN", "MIGRATE a 1 rq:queues 0 1",
        "CLIENT LIST", "GET other",
        "EVAL return(redis.call('get','other')) 0", "EVAL return(redis.call('flushall')) 0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", rules())
def test_no_user_of_redis_may_do_what_is_dangerous(users: Granted, role: str, command: str) -> None:
    """Neither by itself nor in a script, nor with others' keys, nor see passwords."""
    with (
        redis.Redis.from_url(users.of(role)) as client,
        pytest.raises(redis.ResponseError, match=REFUSED),
    ):
        client.execute_command(*command.split())


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("auditor", f"SET {JOB_PREFIX}x 1"),
        ("auditor", f"EVAL return(redis.call('set',KEYS[1],1)) 1 {JOB_PREFIX}x"),
        ("auditor", "LPOP rq:queue:approvals"),
        ("publisher", "LPOP rq:queue:another"),
        ("publisher", "LPOP rq:queue:approvals"),
        ("publisher", f"EXPIRE {JOB_PREFIX}x 1"),
        ("publisher", "ZREM rq:wip:approvals x"),
        ("publisher", "DEL rq:signoff:missing_jobs:approvals"),
        ("publisher", "DEL rq:failed:approvals"),
        ("publisher", "SUBSCRIBE rq:pubsub:signoff:approvals"),
        ("relay", "SET rq:suspended 1"),
    ],
)
def test_users_of_redis_may_do_what_their_part_does(
    users: Granted, role: str, command: str
) -> None:
    """An auditor changes nothing; publishers touch one queue, and take nothing from it."""
    with redis.Redis.from_url(users.of(role)) as client, pytest.raises(redis.ResponseError):
        client.execute_command(*command.split())


def test_users_of_redis_keep_their_password(signoff: Signoff, redis_url: str) -> None:
    """A new one is off and has none; run after an upgrade, the commands take no login away."""
    lines = signoff("roles", "redis", "worker", "--prefix", USERS).stdout.splitlines()
    (words,) = map(str.split, lines)
    user = words[2]
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.execute_command(*words)
        assert set(client.acl_getuser(user)["flags"]) & {"on", "nopass"} == set()
        client.execute_command("ACL", "SETUSER", user, "on", ">once", "~*", "+flushall")
        client.execute_command(*words)
        found: dict[str, Any] = client.acl_getuser(user)
        client.acl_deluser(user)
    assert "on" in found["flags"]
    assert len(found["passwords"]) == 1
    assert found["keys"] in (["~rq:*"], ["rq:*"], "~rq:*")
    assert "+flushall" not in found["commands"]


def test_the_placeholder_of_a_password_is_refused_by_redis(
    signoff: Signoff, redis_url: str
) -> None:
    """Somebody who pastes what the command says, as it is, makes no user with a known password."""
    told = signoff("roles", "redis").stderr
    assert "ACL SETUSER NAME on #HASH" in told
    with (
        redis.Redis.from_url(redis_url) as client,
        pytest.raises(redis.ResponseError, match="hash"),
    ):
        client.execute_command("ACL", "SETUSER", "NAME", "on", "#HASH")


def test_the_queue_is_filled_in(signoff: Signoff) -> None:
    """Settings let its name hold nothing that a pattern would read."""
    printed = signoff.having(SIGNOFF_QUEUE="eu.v-2_x")("roles", "redis", "publisher").stdout
    assert "~rq:queue:eu.v-2_x ~rq:queues" in printed
    refused = signoff.having(SIGNOFF_QUEUE="a*")("roles", "redis", expect=2)
    assert "SIGNOFF_QUEUE" in refused.stderr
