"""Manage the keys of programs: add, list, revoke; who did it is recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import operator_actions
from signoff_db.accounts import keys as table
from signoff_db.accounts.keys import Key
from signoff_db.accounts.names import RULE, name_of
from signoff_db.operator_actions import Action
from signoff_db.pages import Page
from signoff_ops.servers import Servers
from signoff_ops.tokens import is_key_id, new_key
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope


class ApiKeyError(SignoffError):
    """What was asked for cannot be done with this key."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was added; its text is shown once."""

    text: str
    key: Key


def keys_page(servers: Servers, *, limit: int = 100, cursor: str | None = None) -> Page[Key]:
    """A page of keys, revoked ones too, in the order of their names.

    Raises:
        CursorError: the cursor is not one of this list.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return table.page(connection, limit=limit, cursor=cursor)


def add_key(
    servers: Servers,
    name: str,
    scopes: Iterable[Scope],
    actor: str,
    *,
    lifetime: timedelta | None = None,
) -> NewKey:
    """Add a key, which expires after `lifetime`.

    Raises:
        ApiKeyError: the name is not allowed or taken, or there is no scope.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    wanted = _ordered(scopes)
    parts = new_key()
    with servers.database() as connection, connection.transaction():
        added = table.add(
            connection,
            parts.id,
            parts.secret_hash,
            name=_name(name),
            scopes=wanted,
            actor=actor,
            lifetime=lifetime,
        )
        if added is None:
            raise ApiKeyError(
                f"there is a key {name} already; revoke it first, or choose another name"
            )
        _note(connection, actor, Action.ADD_KEY, added)
    return NewKey(str(parts), added)


def revoke_key(servers: Servers, named: str, actor: str) -> Key:
    """Revoke the key of this name or id; requests with it are refused from then on.

    Raises:
        ApiKeyError: there is no valid key of that name or id.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, connection.transaction():
        revoked = table.revoke(connection, named) if _is_name(named) else None
        if revoked is None:
            raise ApiKeyError(f"there is no valid key {named!r}; `signoff key list` shows all")
        _note(connection, actor, Action.REVOKE_KEY, revoked)
    return revoked


def _ordered(scopes: Iterable[Scope]) -> list[Scope]:
    given = set(scopes)
    if not given:
        raise ApiKeyError(f"a key has at least one scope of {', '.join(Scope)}")
    return [scope for scope in Scope if scope in given]


def _name(name: str) -> str:
    if not _is_name(name) or is_key_id(name):
        raise ApiKeyError(
            f"{name!r} is no name of a key; expected {RULE}, and not 16 hexadecimal digits"
        )
    return name


def _is_name(text: str) -> bool:
    try:
        name_of(text)
    except ValueError:
        return False
    return True


def _note(connection: Connection[TupleRow], actor: str, action: Action, key: Key) -> None:
    after = {
        "key": key.name,
        "id": key.id,
        "scopes": list(key.scopes),
        "expires_at": key.expires_at,
    }
    operator_actions.note(connection, actor, action, [], None, before=None, after=after)
