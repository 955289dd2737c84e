"""Manage users: add, list, disable, roles, links and passwords; who did it is recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NoReturn

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import operator_actions
from signoff_db.accounts import sessions
from signoff_db.accounts import users as table
from signoff_db.accounts.names import RULE, name_of
from signoff_db.accounts.users import User
from signoff_db.operator_actions import Action
from signoff_db.pages import Page
from signoff_ops.servers import Servers
from signoff_ops.tokens import hash_of, new_token
from signoff_schemas import SignoffError
from signoff_schemas.access import Role

FIRST_ADMIN: Final = "admin"
_LINK_LIFETIME: Final = timedelta(hours=24)


class UserError(SignoffError):
    """What was asked for cannot be done with this user."""


class NoSuchUserError(UserError):
    """There is no user of this name."""


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link that signs a user in once."""

    name: str
    token: str
    expires_at: datetime


def users_page(servers: Servers, *, limit: int = 100, cursor: str | None = None) -> Page[User]:
    """A page of users, in the order of their names.

    Raises:
        CursorError: the cursor is not one of this list.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.page(connection, limit=limit, cursor=cursor)


def user(servers: Servers, name: str) -> User:
    """One user.

    Raises:
        NoSuchUserError: there is none of that name.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.read(connection, _asked(name)) or _unknown(name)


def add_user(
    servers: Servers,
    name: str,
    roles: Iterable[Role],
    actor: str,
    *,
    password: str | None = None,
) -> User:
    """Add a user; one without a password signs in by a link.

    Raises:
        UserError: the name is not allowed or taken, or there is no role.
        PasswordError: the password is not accepted.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    wanted = _ordered(roles)
    try:
        name_of(name)
    except ValueError:
        raise UserError(f"{name!r} is no name of a user; expected {RULE}") from None
    password_hash = None if password is None else _hashed(password, name)
    with servers.database() as connection, connection.transaction():
        added = table.add(connection, name, wanted, actor, password_hash=password_hash)
        if added is None:
            raise UserError(f"there is a user {name} already; choose another name")
        _note(connection, actor, Action.ADD_USER, name, after={"roles": wanted})
    return added


def set_roles(servers: Servers, name: str, roles: Iterable[Role], actor: str) -> User:
    """Replace a user's roles.

    Raises:
        NoSuchUserError: there is no user of that name.
        UserError: there is no role, or somebody would take the role of admin from themselves.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    wanted = _ordered(roles)
    if Role.ADMIN not in wanted:
        _refuse_oneself(name, actor, "take the role admin from")
    with servers.database() as connection, connection.transaction():
        before = table.lock(connection, _asked(name)) or _unknown(name)
        changed = table.set_roles(connection, name, wanted) or _unknown(name)
        roles_before = {"roles": list(before.roles)}
        _note(
            connection, actor, Action.SET_ROLES, name, before=roles_before, after={"roles": wanted}
        )
    return changed


def disable_user(servers: Servers, name: str, actor: str) -> User:
    """Disable a user: every session ends at once, and no link signs the user in any more.

    Raises:
        NoSuchUserError: there is no user of that name.
        UserError: somebody would disable themselves.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    _refuse_oneself(name, actor, "disable")
    with servers.database() as connection, connection.transaction():
        disabled = table.set_disabled(connection, _asked(name), disabled=True) or _unknown(name)
        _sign_out_everywhere(connection, name)
        _note(connection, actor, Action.DISABLE_USER, name)
    return disabled


def enable_user(servers: Servers, name: str, actor: str) -> User:
    """Enable a user that was disabled.

    Raises:
        NoSuchUserError: there is no user of that name.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, connection.transaction():
        enabled = table.set_disabled(connection, _asked(name), disabled=False) or _unknown(name)
        _note(connection, actor, Action.ENABLE_USER, name)
    return enabled


def make_link(servers: Servers, name: str, actor: str) -> SignInLink:
    """Make a link that signs a user in once, within 24 hours.

    Raises:
        NoSuchUserError: there is no user of that name.
        UserError: the user is disabled.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    token = new_token()
    with servers.database() as connection, connection.transaction():
        found = table.lock(connection, _asked(name)) or _unknown(name)
        if found.disabled_at is not None:
            raise UserError(f"the user {name} is disabled; enable it first")
        expires_at = sessions.add_link(
            connection, hash_of(token) or b"", name, actor, _LINK_LIFETIME
        )
        _note(connection, actor, Action.MAKE_LINK, name)
    return SignInLink(name, token, expires_at)


def set_password(servers: Servers, name: str, password: str, actor: str) -> User:
    """Replace a user's password; all sessions end, and unused links are void.

    Raises:
        NoSuchUserError: there is no user of that name.
        PasswordError: the password is not accepted.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    password_hash = _hashed(password, name)
    with servers.database() as connection, connection.transaction():
        return replace_password(connection, _asked(name), password_hash, actor)


def replace_password(
    connection: Connection[TupleRow],
    name: str,
    password_hash: str,
    actor: str,
    *,
    keep: int | None = None,
) -> User:
    """The same inside a transaction; the session `keep` goes on."""
    changed = table.set_password(connection, name, password_hash) or _unknown(name)
    _sign_out_everywhere(connection, name, but=keep)
    _note(connection, actor, Action.SET_PASSWORD, name)
    return changed


def first_admin(servers: Servers, actor: str) -> SignInLink | None:
    """A link for the first administrator, while nobody has ever signed in; else None.

    If there is no user at all, the user `admin` is added, with all roles.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        any_user, signed_in = table.signed_in_ever(connection)
        found = table.read(connection, FIRST_ADMIN)
    if signed_in:
        return None
    if not any_user:
        found = add_user(servers, FIRST_ADMIN, Role, actor)
    if found is None or found.disabled_at is not None:
        return None
    return make_link(servers, FIRST_ADMIN, actor)


def _asked(name: str) -> str:
    """A name to look for; what cannot be one is as unknown as any other."""
    try:
        return name_of(name)
    except ValueError:
        _unknown(name)


def _unknown(name: str) -> NoReturn:
    raise NoSuchUserError(f"there is no user {name!r}; `signoff user list` shows all")


def _refuse_oneself(name: str, actor: str, what: str) -> None:
    if actor == f"user:{name}":
        raise UserError(f"nobody can {what} themselves; ask another administrator")


def _ordered(roles: Iterable[Role]) -> list[Role]:
    given = set(roles)
    if not given:
        raise UserError(f"a user has at least one role of {', '.join(Role)}")
    return [role for role in Role if role in given]


def _hashed(password: str, name: str) -> str:
    from signoff_ops.passwords import hashed  # noqa: PLC0415 -- argon2 is part of an extra

    return hashed(password, name)


def _sign_out_everywhere(
    connection: Connection[TupleRow], name: str, *, but: int | None = None
) -> None:
    sessions.end_of_user(connection, name, but=but)
    sessions.void_links(connection, name)


def _note(
    connection: Connection[TupleRow],
    actor: str,
    action: Action,
    name: str,
    *,
    before: object = None,
    after: dict[str, object] | None = None,
) -> None:
    subject: dict[str, object] = {"user": name}
    operator_actions.note(
        connection, actor, action, [], None, before=before, after=subject | (after or {})
    )
