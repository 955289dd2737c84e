"""Sessions of signed-in browsers, and links that begin one. Tokens come here as SHA-256 hashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_schemas.access import Role

BeganWith = Literal["password", "link", "provider"]
_MOST: Final = 100
"""The most sessions of a user that are listed: those that were used last."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The user of a valid session."""

    session: str
    name: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser of a user."""

    id: int
    began_with: BeganWith
    user_agent: str | None
    """What the browser called itself."""
    created_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime


def add_link(
    connection: Connection[TupleRow],
    token_hash: bytes,
    name: str,
    actor: str,
    lifetime: timedelta,
) -> datetime:
    """Add a link that signs a user in once; returns when it expires."""
    parameters = {"token_hash": token_hash, "name": name, "actor": actor, "lifetime": lifetime}
    row = connection.execute(statement("accounts/add_link"), parameters).fetchone()
    if row is None:
        raise AssertionError
    expires_at: datetime = row[0]
    return expires_at


def is_link_usable(connection: Connection[TupleRow], token_hash: bytes) -> bool:
    """Whether the link would sign a user in now."""
    query = statement("accounts/is_link_usable")
    return connection.execute(query, {"token_hash": token_hash}).fetchone() is not None


def use_link(connection: Connection[TupleRow], token_hash: bytes) -> str | None:
    """Use a link up; returns the user's name, or None if it is not valid any more."""
    row = connection.execute(statement("accounts/use_link"), {"token_hash": token_hash}).fetchone()
    return row[0] if row else None


def void_links(connection: Connection[TupleRow], name: str) -> None:
    """Delete the unused links of a user."""
    connection.execute(statement("accounts/void_links"), {"name": name})


def begin(
    connection: Connection[TupleRow],
    name: str,
    token_hash: bytes,
    began_with: BeganWith,
    lifetime: timedelta,
    *,
    user_agent: str | None = None,
    replaced: bytes | None = None,
) -> tuple[Holder, datetime] | None:
    """Begin a session, and end the one that it replaces; None if the user is disabled.

    Returns:
        The user of the session, and when it ends at the latest.
    """
    parameters = {
        "name": name,
        "token_hash": token_hash,
        "began_with": began_with,
        "lifetime": lifetime,
        "user_agent": user_agent,
        "replaced": replaced,
    }
    row = connection.execute(statement("accounts/begin_session"), parameters).fetchone()
    if row is None:
        return None
    session, name, roles, expires_at = row
    return Holder(session, name, tuple(map(Role, roles))), expires_at


def holder_of(
    connection: Connection[TupleRow], token_hash: bytes, idle: timedelta
) -> Holder | None:
    """The user of a session; None if it ended, expired, or was not used for the time `idle`."""
    parameters = {"token_hash": token_hash, "idle": idle}
    row = connection.execute(
        statement("accounts/identity_of_session"), parameters, prepare=True
    ).fetchone()
    if row is None:
        return None
    session, name, roles = row
    return Holder(session, name, tuple(map(Role, roles)))


def of_user(connection: Connection[TupleRow], name: str, idle: timedelta) -> Sequence[Session]:
    """The valid sessions of a user, the ones used last first."""
    parameters = {"name": name, "idle": idle, "limit": _MOST}
    with connection.cursor(row_factory=class_row(Session)) as rows:
        return rows.execute(statement("accounts/list_sessions"), parameters).fetchall()


def began_with(connection: Connection[TupleRow], name: str, session: int) -> BeganWith | None:
    """How a user's session began; None if there is no such session any more."""
    parameters = {"name": name, "id": session}
    row = connection.execute(statement("accounts/read_session"), parameters).fetchone()
    return row[0] if row else None


def end(connection: Connection[TupleRow], token_hash: bytes) -> None:
    """End the session of a token."""
    connection.execute(statement("accounts/end_session"), {"token_hash": token_hash})


def end_of_user(
    connection: Connection[TupleRow],
    name: str,
    *,
    only: int | None = None,
    but: int | None = None,
) -> int:
    """End a user's sessions: all, `only` one, or all `but` one; returns how many were ended."""
    parameters = {"name": name, "only": only, "but": but}
    return connection.execute(statement("accounts/end_sessions"), parameters).rowcount
