"""`signoff doctor` says where a role has more rights than any part needs."""

from collections.abc import Iterator
from contextlib import chdir
from typing import Any

import pytest
import redis
from command_line import Signoff
from desk import sql
from granted import Granted, granted_users

from signoff_db.connection import connect
from signoff_db.rights.roles import FILES, RoleDatabase
from signoff_ops.checks import Grade
from signoff_ops.rights_check import check_postgres_rights, check_redis_rights
from signoff_ops.services import Announced, announcement
from signoff_queue.users import rules

IN_POSTGRES = "Rights in Postgres"
IN_REDIS = "Rights in Redis"


@pytest.fixture
def users(redis_url: str) -> Iterator[Granted]:
    """An empty Redis with a user for each role; the doctor tries what it may not do."""
    with granted_users(redis_url, may_be_denied=True) as granted:
        yield granted


def rights(signoff: Signoff, name: str) -> dict[str, Any]:
    """The line of this name."""
    (found,) = (one for one in signoff.json("doctor", expect=None) if one["name"] == name)
    return dict(found)


def test_the_roles_that_are_printed_have_no_right_too_many(
    granted: Granted, users: Granted
) -> None:
    """Each of them, in both servers."""
    for role in FILES[RoleDatabase.SIGNOFF]:
        with connect(granted.of(role)) as connection:
            check = check_postgres_rights(connection, granted.of(role))
        assert check.grade is Grade.OK, check.text
    for role in rules():
        with redis.Redis.from_url(users.of(role)) as client:
            assert check_redis_rights(client, users.of(role)).grade is Grade.OK


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_operators_and_auditors_run_it(
    signoff: Signoff, granted: Granted, users: Granted, role: str
) -> None:
    """It says of the one setting that they may not read that it cannot."""
    part = signoff.having(SIGNOFF_DATABASE_URL=granted.of(role), SIGNOFF_REDIS_URL=users.of(role))

    found = {one["name"]: one for one in part.json("doctor", expect=None)}

    assert [found[name]["grade"] for name in (IN_POSTGRES, IN_REDIS)] == ["ok", "ok"]
    readable = found["Redis maxmemory-policy"], found["Redis appendonly"]
    assert not [one for one in readable if "cannot be read" in one["text"]]
    assert found["Redis appendfsync"]["text"].startswith("cannot be read here")


def test_an_administrator_of_both_servers_is_named(signoff: Signoff) -> None:
    """As a warning, with what to do: a part that is broken into may do all that its role may."""
    postgres, in_redis = rights(signoff, IN_POSTGRES), rights(signoff, IN_REDIS)

    assert (postgres["grade"], in_redis["grade"]) == ("warn", "warn")
    assert "is a superuser, or may become one. No part needs that" in postgres["text"]
    assert "`signoff roles sql`" in postgres["text"]
    assert "the user default may run all commands. No part needs that" in in_redis["text"]
    assert "`signoff roles redis`" in in_redis["text"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("ALTER ROLE {role} CREATEDB BYPASSRLS", "has CREATEDB, BYPASSRLS."),
        ("ALTER ROLE {role} CREATEROLE REPLICATION", "has CREATEROLE, REPLICATION."),
        ("GRANT pg_write_all_data TO {role}", "is a member of pg_write_all_data; "),
        ("ALTER TABLE signoff.customers OWNER TO {role}", "owns Signoff's tables"),
        ("GRANT CREATE ON SCHEMA signoff TO {role}", "may create objects in the schema"),
        ("GRANT TRUNCATE ON signoff.approvals TO {role}", "may empty approvals (TRUNCATE)"),
        ("GRANT DELETE ON signoff.approvals TO {role}", "on insert-only tables: approvals."),
        ("GRANT UPDATE (actor) ON signoff.operator_actions TO {role}", "tables: operator_actions."),
        ("GRANT ALL ON ALL TABLES IN SCHEMA signoff TO {role}", "alerts, api_keys, approvals, "),
        ("GRANT {owner} TO {role}", "is a superuser, or may become one"),
    ],
)
def test_what_is_granted_besides_is_named(granted: Granted, change: str, text: str) -> None:
    """Attributes, memberships, ownership, and what the triggers of insert-only tables refuse."""
    worker = granted.of("worker")
    ((owner,),) = sql(granted.url, "SELECT quote_ident(current_user)")
    sql(granted.url, change.format(role=granted.login("worker"), owner=owner))

    with connect(worker) as connection:
        check = check_postgres_rights(connection, worker)

    sql(granted.url, f"ALTER TABLE signoff.customers OWNER TO {owner}")
    assert check.grade is Grade.WARN
    assert text in check.text
    assert check.text.startswith(f"the role {granted.login('worker')} ")


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("+acl", "may look at and change the rights of users."),
        ("+lastsave", "may run dangerous commands."),
        ("+@write", "may run dangerous commands."),
    ],
)
def test_what_a_user_of_redis_may_do_besides_is_named(
    users: Granted, rules: str, text: str
) -> None:
    """Also where it may not look at its own rights."""
    worker = users.of("worker")
    with redis.Redis.from_url(users.url) as client:
        client.execute_command("ACL", "SETUSER", users.user("worker"), rules)

    with redis.Redis.from_url(worker) as client:
        check = check_redis_rights(client, worker)

    assert check.grade is Grade.WARN
    assert text in check.text


def test_the_second_database_is_looked_at_too(signoff: Signoff, empty_database_url: str) -> None:
    """Its role is another one."""
    beside = signoff.having(SIGNOFF_RAPPORT_URL=empty_database_url)
    beside("rapport", "create")
    assert "is a superuser" in rights(beside, "Rights in the second database")["text"]


def test_the_servers_of_up_are_for_trying_it_out(
    signoff: Signoff, redis_url: str, database_url: str
) -> None:
    """There it is a note: they have a single role. A file that is left from it excuses nothing."""
    with chdir(signoff.folder), announcement() as announce:
        announce(Announced(redis_url=redis_url, database_url=database_url))
        notes = [rights(signoff, name) for name in (IN_POSTGRES, IN_REDIS)]
        other = Announced(redis_url="redis://127.0.0.1:1", database_url="postgresql://other/db")
    assert [note["grade"] for note in notes] == ["ok", "ok"]
    assert all("the servers of `signoff up`" in note["text"] for note in notes)
    (signoff.folder / ".signoff" / "services.json").write_text(other.model_dump_json())
    assert rights(signoff, IN_POSTGRES)["grade"] == "warn"
