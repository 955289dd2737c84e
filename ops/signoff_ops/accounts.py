"""Whose request it is: the user of a session, or the program of a key."""

from datetime import timedelta

from signoff_db.accounts import keys, sessions
from signoff_db.accounts.sessions import Holder
from signoff_ops.servers import Servers
from signoff_ops.tokens import hash_of, key_parts
from signoff_schemas.access import Identity, scopes_of


def identity_of_key(servers: Servers, key: str) -> Identity | None:
    """The program that sends a key; None if the key is unknown, revoked or expired.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    parts = key_parts(key)
    if parts is None:
        return None
    with servers.database() as connection:
        holder = keys.holder_of(connection, parts.id, parts.secret_hash)
    return Identity("key", holder.name, holder.scopes) if holder else None


def identity_of_session(servers: Servers, token: str) -> Identity | None:
    """The user of a session; None if the session ended, expired, or was not used for too long.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    token_hash = hash_of(token)
    if token_hash is None:
        return None
    idle = timedelta(seconds=servers.settings.session_idle)
    with servers.database() as connection:
        holder = sessions.holder_of(connection, token_hash, idle)
    return identity_of(holder) if holder else None


def identity_of(holder: Holder) -> Identity:
    """The identity of a signed-in user."""
    return Identity("user", holder.name, scopes_of(holder.roles), holder.session)
