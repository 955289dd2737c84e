"""Sign in and out: by password, by a link, by an identity provider; a user's own sessions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import operator_actions
from signoff_db.accounts import sessions, users
from signoff_db.accounts.names import name_of
from signoff_db.accounts.sessions import BeganWith, Session
from signoff_db.operator_actions import Action
from signoff_ops.accounts import identity_of
from signoff_ops.servers import Servers
from signoff_ops.tokens import hash_of, new_token
from signoff_ops.users import replace_password
from signoff_schemas import SignoffError
from signoff_schemas.access import Identity, Role
from signoff_schemas.wording import printable

_MOST_OF_USER_AGENT: Final = 200


class SignInError(SignoffError):
    """Somebody cannot be signed in, and may be told why."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a sign-in notes of the browser, and the session that it replaces there."""

    user_agent: str | None = None
    replaced: str | None = None
    """The token that the browser had before."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun; its token is given out once."""

    token: str
    expires_at: datetime
    identity: Identity


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an identity provider says of somebody who has signed in there."""

    issuer: str
    subject: str
    name: str
    roles: tuple[Role, ...]


def sign_in(servers: Servers, name: str, password: str, browser: Browser) -> NewSession | None:
    """Begin a session for a user's name and password.

    Returns:
        None if they do not belong together. It takes as long if there is no such user.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    from signoff_ops.passwords import matches  # noqa: PLC0415 -- argon2 is part of an extra

    known = _name(name)
    with servers.database() as connection:
        stored = users.password_of(connection, known) if known else None
    # No connection is held meanwhile: this takes long on purpose.
    if not matches(stored, password) or known is None:
        return None
    with servers.database() as connection, connection.transaction():
        locked = users.lock(connection, known)
        if locked is None or users.password_of(connection, known) != stored:
            return None
        return _begin(servers, connection, known, "password", browser)


def is_link_usable(servers: Servers, token: str) -> bool:
    """Whether a link would sign somebody in now; does not use it up.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    token_hash = hash_of(token)
    if token_hash is None:
        return False
    with servers.database() as connection:
        return sessions.is_link_usable(connection, token_hash)


def use_link(servers: Servers, token: str, browser: Browser) -> NewSession | None:
    """Begin a session by a link; None if it was used or is not valid any more.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    token_hash = hash_of(token)
    if token_hash is None:
        return None
    with servers.database() as connection, connection.transaction():
        name = sessions.use_link(connection, token_hash)
        return _begin(servers, connection, name, "link", browser) if name else None


def sign_in_by_provider(servers: Servers, claimed: Claimed, browser: Browser) -> NewSession:
    """Begin a session for somebody whom an identity provider has signed in.

    The user is added at the first time; the roles are those that the provider says, each time.

    Raises:
        SignInError: the user has no role or is disabled, or its name is another user's.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    if not claimed.roles:
        raise SignInError(
            f"{claimed.name!r} has no role here; ask an administrator of the provider"
        )
    with servers.database() as connection, connection.transaction():
        name = _provided(connection, claimed)
        begun = _begin(servers, connection, name, "provider", browser)
    if begun is None:
        raise SignInError(f"the user {name} is disabled; ask an administrator")
    return begun


def sign_out(servers: Servers, token: str) -> None:
    """End the session of a token, if there is one.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    if token_hash := hash_of(token):
        with servers.database() as connection:
            sessions.end(connection, token_hash)


def sessions_of(servers: Servers, name: str) -> Sequence[Session]:
    """The valid sessions of a user, the ones used last first.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return sessions.of_user(connection, name, _idle(servers))


def end_session(servers: Servers, name: str, session: int, actor: str) -> bool:
    """End one session of a user; False if there is no such session any more.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, connection.transaction():
        ended = sessions.end_of_user(connection, name, only=session) > 0
        if ended:
            after = {"user": name, "session": session}
            operator_actions.note(
                connection, actor, Action.END_SESSION, [], None, before=None, after=after
            )
        return ended


def change_password(servers: Servers, identity: Identity, present: str, new: str) -> None:
    """Replace one's own password; one's other sessions end.

    The present password is wanted, unless there is none, or the session began with a link: a link
    is what is given to somebody who has forgotten it.

    Raises:
        SignInError: the present password is wrong.
        PasswordError: the new password is not accepted.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    from signoff_ops.passwords import hashed, matches  # noqa: PLC0415 -- argon2 is part of an extra

    session = int(identity.session or 0)
    with servers.database() as connection:
        stored = users.password_of(connection, identity.name)
        by_link = sessions.began_with(connection, identity.name, session) == "link"
    if stored and not by_link and not matches(stored, present):
        raise SignInError("the present password is not correct")
    password_hash = hashed(new, identity.name)
    with servers.database() as connection, connection.transaction():
        replace_password(connection, identity.name, password_hash, identity.actor, keep=session)


def needs_password(servers: Servers, identity: Identity) -> bool:
    """Whether `change_password` wants the present password.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        if users.password_of(connection, identity.name) is None:
            return False
        began = sessions.began_with(connection, identity.name, int(identity.session or 0))
        return began != "link"


def _begin(
    servers: Servers,
    connection: Connection[TupleRow],
    name: str,
    began_with: BeganWith,
    browser: Browser,
) -> NewSession | None:
    token = new_token()
    agent = browser.user_agent and printable(browser.user_agent[:_MOST_OF_USER_AGENT])
    begun = sessions.begin(
        connection,
        name,
        hash_of(token) or b"",
        began_with,
        timedelta(seconds=servers.settings.session_lifetime),
        user_agent=agent and agent[:_MOST_OF_USER_AGENT],
        replaced=hash_of(browser.replaced or ""),
    )
    if begun is None:
        return None
    holder, expires_at = begun
    return NewSession(token, expires_at, identity_of(holder))


def _provided(connection: Connection[TupleRow], claimed: Claimed) -> str:
    """The name of the provider's user, added or with its present roles."""
    known = users.of_provider(connection, claimed.issuer, claimed.subject)
    if known is None:
        return _added(connection, claimed)
    if set(known.roles) != set(claimed.roles):
        users.set_roles(connection, known.name, claimed.roles)
        _note(connection, claimed, Action.SET_ROLES, known.name)
    return known.name


def _added(connection: Connection[TupleRow], claimed: Claimed) -> str:
    name = _name(claimed.name)
    if name is None:
        raise SignInError(f"{claimed.name!r}, which the provider says, can be no user's name here")
    provider = (claimed.issuer, claimed.subject)
    if users.add(connection, name, claimed.roles, _actor(claimed), provider=provider) is None:
        raise SignInError(f"there is another user {name} here; ask an administrator")
    _note(connection, claimed, Action.ADD_USER, name)
    return name


def _note(connection: Connection[TupleRow], claimed: Claimed, action: Action, name: str) -> None:
    after: dict[str, object] = {"user": name, "roles": _strings(claimed.roles)}
    operator_actions.note(connection, _actor(claimed), action, [], None, before=None, after=after)


def _actor(claimed: Claimed) -> str:
    return f"provider:{claimed.issuer}"


def _strings(roles: Iterable[Role]) -> list[str]:
    return [str(role) for role in roles]


def _name(text: str) -> str | None:
    """A name as it was typed, in its stored form; None if it can be none."""
    try:
        return name_of(text.strip().lower())
    except ValueError:
        return None


def _idle(servers: Servers) -> timedelta:
    return timedelta(seconds=servers.settings.session_idle)
