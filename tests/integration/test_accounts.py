"""Users, links, sessions and keys in Postgres."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from signoff_ops import api_keys, users
from signoff_ops.accounts import identity_of_key, identity_of_session
from signoff_ops.api_keys import ApiKeyError
from signoff_ops.passwords import PasswordError
from signoff_ops.servers import DirectServers
from signoff_ops.sign_in import (
    Browser,
    Claimed,
    NewSession,
    SignInError,
    change_password,
    end_session,
    is_link_usable,
    needs_password,
    sessions_of,
    sign_in,
    sign_in_by_provider,
    sign_out,
    use_link,
)
from signoff_ops.users import NoSuchUserError, UserError
from signoff_schemas import Settings
from signoff_schemas.access import Role, Scope

PASSWORD = "correct horse"
CHROME = Browser("Chrome")


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """A database of accounts, without any."""
    return DirectServers(Settings.load(database_url=database_url))


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """What the query gives."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def change(database_url: str, query: str) -> None:
    """Run a statement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(query.encode())


def actions(database_url: str) -> list[tuple[Any, ...]]:
    """Who did what to whom, in order."""
    query = "SELECT actor, action, after->>'user', after->>'key' FROM operator_actions ORDER BY id"
    return rows(database_url, query)


def ann(servers: DirectServers, *roles: Role) -> NewSession:
    """The user ann with a password, signed in."""
    users.add_user(servers, "ann", roles or [Role.REVIEWER], "root", password=PASSWORD)
    signed_in = sign_in(servers, "ann", PASSWORD, CHROME)
    assert signed_in
    return signed_in


def is_valid(servers: DirectServers, *sessions: NewSession | None) -> Sequence[bool]:
    """Which of the sessions are valid."""
    return [bool(one and identity_of_session(servers, one.token)) for one in sessions]


def test_a_user_signs_in_with_name_and_password(servers: DirectServers) -> None:
    """The session stands for the user's name and all scopes of the roles."""
    signed_in = ann(servers, Role.OPERATOR, Role.REVIEWER)
    identity = identity_of_session(servers, signed_in.token)
    assert identity == signed_in.identity
    assert identity.actor == "user:ann"
    assert identity.scopes == {Scope.READ, Scope.REVIEW, Scope.PUBLISH, Scope.OPERATE}
    assert sign_in(servers, " Ann ", PASSWORD, CHROME)


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "correct house"), ("bob", PASSWORD), ("\0", PASSWORD), ("x" * 1000, ""), ("ann", "")],
)
def test_a_wrong_name_or_password_signs_nobody_in(
    servers: DirectServers, name: str, password: str
) -> None:
    """Whatever was typed."""
    ann(servers)
    assert sign_in(servers, name, password, CHROME) is None


def test_a_user_without_a_password_signs_in_with_none(servers: DirectServers) -> None:
    """There is no empty password."""
    users.add_user(servers, "ann", [Role.VIEWER], "root")
    assert sign_in(servers, "ann", "", CHROME) is None


@pytest.mark.parametrize("name", ["", "Ann", "-a", "a b", "a\n", "é", "x" * 65, "\0"])
def test_a_name_that_is_not_allowed_is_refused(servers: DirectServers, name: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(UserError, match="lower-case letters"):
        users.add_user(servers, name, [Role.VIEWER], "root")


def test_a_user_is_added_once_and_with_a_role(servers: DirectServers) -> None:
    """A second one of the name, and one that is nothing, are refused."""
    users.add_user(servers, "ann", [Role.VIEWER], "root")
    with pytest.raises(UserError, match="already"):
        users.add_user(servers, "ann", [Role.ADMIN], "root")
    with pytest.raises(UserError, match="at least one role"):
        users.add_user(servers, "bob", [], "root")
    with pytest.raises(PasswordError):
        users.add_user(servers, "bob", [Role.VIEWER], "root", password="short")


def test_what_is_done_to_accounts_is_recorded(servers: DirectServers, database_url: str) -> None:
    """Who did it, and to whom; no secret."""
    users.add_user(servers, "ann", [Role.VIEWER], "root", password=PASSWORD)
    users.set_roles(servers, "ann", [Role.OPERATOR], "user:eve")
    users.make_link(servers, "ann", "root")
    users.set_password(servers, "ann", f"{PASSWORD}!", "root")
    users.disable_user(servers, "ann", "root")
    users.enable_user(servers, "ann", "root")
    key = api_keys.add_key(servers, "billing", [Scope.READ], "user:ann")
    api_keys.revoke_key(servers, "billing", "root")
    assert actions(database_url) == [
        ("root", "add_user", "ann", None),
        ("user:eve", "set_roles", "ann", None),
        ("root", "make_link", "ann", None),
        ("root", "set_password", "ann", None),
        ("root", "disable_user", "ann", None),
        ("root", "enable_user", "ann", None),
        ("user:ann", "add_key", None, "billing"),
        ("root", "revoke_key", None, "billing"),
    ]
    (text,) = rows(
        database_url, "SELECT string_agg(operator_actions::text, '') FROM operator_actions"
    )
    assert PASSWORD not in text[0]
    assert key.text.rpartition("_")[2] not in text[0]


def test_disabling_a_user_ends_everything_at_once(servers: DirectServers) -> None:
    """Sessions, links, sign-in; enabled again, the user signs in anew."""
    session = ann(servers)
    link = users.make_link(servers, "ann", "root")
    users.disable_user(servers, "ann", "root")
    assert identity_of_session(servers, session.token) is None
    assert sign_in(servers, "ann", PASSWORD, CHROME) is None
    assert use_link(servers, link.token, CHROME) is None
    with pytest.raises(UserError, match="disabled"):
        users.make_link(servers, "ann", "root")
    users.enable_user(servers, "ann", "root")
    assert identity_of_session(servers, session.token) is None
    assert use_link(servers, link.token, CHROME) is None
    assert sign_in(servers, "ann", PASSWORD, CHROME)


def test_changed_roles_count_from_the_next_request_on(servers: DirectServers) -> None:
    """The session goes on with the new scopes."""
    session = ann(servers, Role.ADMIN)
    users.set_roles(servers, "ann", [Role.VIEWER], "root")
    identity = identity_of_session(servers, session.token)
    assert identity
    assert identity.scopes == {Scope.READ}


def test_nobody_locks_themselves_out(servers: DirectServers) -> None:
    """Administrators cannot disable themselves, nor take the role from themselves."""
    session = ann(servers, Role.ADMIN)
    with pytest.raises(UserError, match="ask another administrator"):
        users.disable_user(servers, "ann", session.identity.actor)
    with pytest.raises(UserError, match="ask another administrator"):
        users.set_roles(servers, "ann", [Role.VIEWER], session.identity.actor)
    users.set_roles(servers, "ann", [Role.ADMIN, Role.VIEWER], session.identity.actor)


def test_an_unknown_user_is_named(servers: DirectServers) -> None:
    """Also where the name can be none."""
    for name in ("bob", "\0", "\ud800"):
        with pytest.raises(NoSuchUserError, match="there is no user"):
            users.make_link(servers, name, "root")


def test_users_are_listed_in_pages(servers: DirectServers) -> None:
    """In the order of their names, with a cursor."""
    for name in ("cid", "ann", "bob"):
        users.add_user(servers, name, [Role.VIEWER], "root")
    first = users.users_page(servers, limit=2)
    second = users.users_page(servers, limit=2, cursor=first.next)
    assert [user.name for user in (*first.items, *second.items)] == ["ann", "bob", "cid"]
    assert second.next is None


def test_a_link_signs_in_once(servers: DirectServers) -> None:
    """Looking at it does not use it up; of ten simultaneous uses, one succeeds."""
    users.add_user(servers, "ann", [Role.VIEWER], "root")
    link = users.make_link(servers, "ann", "root")
    assert is_link_usable(servers, link.token)
    begun: list[NewSession | None] = []
    threads = [
        threading.Thread(target=lambda: begun.append(use_link(servers, link.token, CHROME)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in begun if one]) == 1
    assert not is_link_usable(servers, link.token)


def test_a_link_expires(servers: DirectServers, database_url: str) -> None:
    """After a day."""
    users.add_user(servers, "ann", [Role.VIEWER], "root")
    link = users.make_link(servers, "ann", "root")
    (row,) = rows(database_url, "SELECT expires_at - created_at FROM sign_in_links")
    assert row == (timedelta(hours=24),)
    change(database_url, "UPDATE sign_in_links SET expires_at = now()")
    assert not is_link_usable(servers, link.token)
    assert use_link(servers, link.token, CHROME) is None


def test_sessions_expire_when_idle_and_in_any_case(
    servers: DirectServers, database_url: str
) -> None:
    """By the settings."""
    first, second = ann(servers), sign_in(servers, "ann", PASSWORD, CHROME)
    change(
        database_url, "UPDATE sessions SET last_used_at = now() - interval '13 hours' WHERE id = 1"
    )
    change(database_url, "UPDATE sessions SET expires_at = now() WHERE id = 2")
    assert is_valid(servers, first, second) == [False, False]
    assert sessions_of(servers, "ann") == []


def test_that_a_session_is_used_is_written_once_a_minute(
    servers: DirectServers, database_url: str
) -> None:
    """Requests in between write nothing."""
    session = ann(servers)
    version = "SELECT xmin, ctid FROM sessions"
    before = rows(database_url, version)
    assert is_valid(servers, session) == [True]
    assert rows(database_url, version) == before
    change(database_url, "UPDATE sessions SET last_used_at = now() - interval '61 seconds'")
    assert is_valid(servers, session) == [True]
    ((age,),) = rows(database_url, "SELECT now() - last_used_at FROM sessions")
    assert age < timedelta(seconds=60)


def test_signing_in_replaces_the_browsers_session(servers: DirectServers) -> None:
    """The old token is worth nothing any more; signing out ends the new one."""
    old = ann(servers)
    new = sign_in(servers, "ann", PASSWORD, Browser("Chrome", old.token))
    assert new
    assert is_valid(servers, old, new) == [False, True]
    sign_out(servers, new.token)
    assert is_valid(servers, new) == [False]


def test_users_end_their_own_sessions(servers: DirectServers) -> None:
    """One by one, and no one else's."""
    here, there = ann(servers), sign_in(servers, "ann", PASSWORD, Browser("Firefox\x1b" * 50))
    users.add_user(servers, "bob", [Role.VIEWER], "root")
    shown = {one.id: one for one in sessions_of(servers, "ann")}
    assert there
    other = int(there.identity.session or 0)
    assert shown[other].user_agent == ("Firefox\\x1b" * 50)[:200]
    assert not end_session(servers, "bob", other, "user:bob")
    assert end_session(servers, "ann", other, "user:ann")
    assert not end_session(servers, "ann", other, "user:ann")
    assert is_valid(servers, here, there) == [True, False]


def test_a_new_password_ends_the_other_sessions(servers: DirectServers) -> None:
    """The one that changed it goes on; a wrong present password changes nothing."""
    here, there = ann(servers), sign_in(servers, "ann", PASSWORD, CHROME)
    assert needs_password(servers, here.identity)
    with pytest.raises(SignInError, match="not correct"):
        change_password(servers, here.identity, "wrong", "a new password")
    assert is_valid(servers, here, there) == [True, True]
    change_password(servers, here.identity, PASSWORD, "a new password")
    assert is_valid(servers, here, there) == [True, False]
    assert sign_in(servers, "ann", PASSWORD, CHROME) is None
    assert sign_in(servers, "ann", "a new password", CHROME)


def test_whoever_came_by_a_link_may_have_forgotten_the_password(servers: DirectServers) -> None:
    """Then the present one is not asked for."""
    users.add_user(servers, "ann", [Role.VIEWER], "root", password=PASSWORD)
    session = use_link(servers, users.make_link(servers, "ann", "root").token, CHROME)
    assert session
    assert not needs_password(servers, session.identity)
    change_password(servers, session.identity, "", "a new password")
    assert sign_in(servers, "ann", "a new password", CHROME)


def test_a_provider_adds_users_and_says_their_roles(servers: DirectServers) -> None:
    """At each sign-in; no role means no sign-in, and a disabled user stays disabled."""
    claimed = Claimed("https://idp", "17", "Ann@Example.com", (Role.VIEWER,))
    begun = sign_in_by_provider(servers, claimed, CHROME)
    assert begun.identity.name == "ann@example.com"
    more = Claimed("https://idp", "17", "renamed", (Role.REVIEWER, Role.ADMIN))
    again = sign_in_by_provider(servers, more, CHROME).identity
    assert (again.name, again.scopes) == (
        "ann@example.com",
        frozenset({Scope.READ, Scope.REVIEW, Scope.ADMIN}),
    )
    with pytest.raises(SignInError, match="no role"):
        sign_in_by_provider(servers, Claimed("https://idp", "17", "ann", ()), CHROME)
    users.disable_user(servers, "ann@example.com", "root")
    with pytest.raises(SignInError, match="disabled"):
        sign_in_by_provider(servers, more, CHROME)


def test_a_provider_signs_nobody_in_as_a_user_of_ours(servers: DirectServers) -> None:
    """The same name is not the same person."""
    users.add_user(servers, "ann", [Role.ADMIN], "root", password=PASSWORD)
    with pytest.raises(SignInError, match="another user ann"):
        sign_in_by_provider(servers, Claimed("https://idp", "1", "ann", (Role.VIEWER,)), CHROME)


def test_a_key_stands_for_its_scopes_until_it_is_revoked(servers: DirectServers) -> None:
    """Its name is the actor; revoked, it is refused at once, and the name is free."""
    new = api_keys.add_key(servers, "billing", [Scope.READ, Scope.PUBLISH], "root")
    identity = identity_of_key(servers, new.text)
    assert identity
    assert (identity.actor, identity.scopes) == (
        "key:billing",
        frozenset({Scope.PUBLISH, Scope.READ}),
    )
    with pytest.raises(ApiKeyError, match="already"):
        api_keys.add_key(servers, "billing", [Scope.READ], "root")
    api_keys.revoke_key(servers, new.key.id, "root")
    assert identity_of_key(servers, new.text) is None
    with pytest.raises(ApiKeyError, match="no valid key"):
        api_keys.revoke_key(servers, "billing", "root")
    assert identity_of_key(servers, api_keys.add_key(servers, "billing", [Scope.READ], "root").text)
    assert len(api_keys.keys_page(servers).items) == 2


@pytest.mark.parametrize("name", ["", "Billing", "0123456789abcdef", "\0"])
def test_a_key_with_a_name_that_is_not_allowed_is_refused(
    servers: DirectServers, name: str
) -> None:
    """Nor may it look like the id of a key."""
    with pytest.raises(ApiKeyError, match="is no name of a key"):
        api_keys.add_key(servers, name, [Scope.READ], "root")


def test_a_wrong_secret_or_an_expired_key_is_refused(
    servers: DirectServers, database_url: str
) -> None:
    """The id alone opens nothing."""
    new = api_keys.add_key(servers, "a", [Scope.READ], "root", lifetime=timedelta(days=1))
    wrong = new.text[:-1] + ("0" if new.text[-1] != "0" else "1")
    assert identity_of_key(servers, wrong) is None
    assert identity_of_key(servers, new.text)
    change(database_url, "UPDATE api_keys SET expires_at = now()")
    assert identity_of_key(servers, new.text) is None


def test_keys_are_listed_in_pages(servers: DirectServers) -> None:
    """Revoked ones of the same name too."""
    for _ in range(3):
        api_keys.add_key(servers, "a", [Scope.READ], "root")
        api_keys.revoke_key(servers, "a", "root")
    first = api_keys.keys_page(servers, limit=2)
    second = api_keys.keys_page(servers, limit=2, cursor=first.next)
    assert len({key.id for key in (*first.items, *second.items)}) == 3
    assert second.next is None


def test_no_secret_is_stored(servers: DirectServers, database_url: str) -> None:
    """Not the password, nor a token, nor a key, in any column."""
    session = ann(servers)
    link = users.make_link(servers, "ann", "root")
    key = api_keys.add_key(servers, "a", [Scope.READ], "root").text
    secrets = [PASSWORD, session.token, link.token, key.rpartition("_")[2]]
    for table in ("users", "sign_in_links", "sessions", "api_keys", "operator_actions"):
        text = str(rows(database_url, f"SELECT t.* FROM {table} t"))
        assert not [secret for secret in secrets if secret in text]


def test_the_first_admin_gets_a_link_until_somebody_has_signed_in(servers: DirectServers) -> None:
    """The user is added once, with all roles."""
    first = users.first_admin(servers, "root")
    second = users.first_admin(servers, "root")
    assert first
    assert second
    signed_in = use_link(servers, second.token, CHROME)
    assert signed_in
    assert signed_in.identity.scopes == set(Scope)
    assert users.first_admin(servers, "root") is None


def test_there_is_no_first_admin_where_others_were_added(servers: DirectServers) -> None:
    """Whoever adds users by hand has decided who they are."""
    users.add_user(servers, "ann", [Role.ADMIN], "root")
    assert users.first_admin(servers, "root") is None
