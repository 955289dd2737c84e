"""Keys of programs, which send them with each request. Secrets come here as SHA-256 hashes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.accounts.names import name_of
from signoff_db.pages import Page, key_of, page_of
from signoff_db.sql import statement
from signoff_schemas.access import Scope

_LIST: Final = "keys"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None

    @classmethod
    def of_row(cls, *, scopes: Sequence[str], **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of `api_keys`."""
        return cls(scopes=tuple(map(Scope, scopes)), **columns)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """What a valid key stands for."""

    name: str
    scopes: frozenset[Scope]
    remaining: timedelta | None
    """How long it is valid; None if it does not expire."""


def add(
    connection: Connection[TupleRow],
    key_id: str,
    secret_hash: bytes,
    *,
    name: str,
    scopes: Sequence[Scope],
    actor: str,
    lifetime: timedelta | None,
) -> Key | None:
    """Add a key; None if there is a valid one of that name."""
    parameters = {
        "id": key_id,
        "name": name,
        "secret_hash": secret_hash,
        "scopes": [str(scope) for scope in scopes],
        "actor": actor,
        "lifetime": lifetime,
    }
    with connection.cursor(row_factory=kwargs_row(Key.of_row)) as rows:
        return rows.execute(statement("accounts/add_key"), parameters).fetchone()


def page(connection: Connection[TupleRow], *, limit: int, cursor: str | None) -> Page[Key]:
    """A page of keys, revoked ones too, in the order of their names.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    after = key_of(cursor, _LIST, _name_and_id)
    name, key_id = after or (None, None)
    parameters = {"limit": limit + 1, "after_name": name, "after_id": key_id}
    with connection.cursor(row_factory=kwargs_row(Key.of_row)) as rows:
        found = rows.execute(statement("accounts/list_keys"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda key: json.dumps([key.name, key.id]))


def revoke(connection: Connection[TupleRow], named: str) -> Key | None:
    """Revoke the valid key of this name or id; None if there is none."""
    with connection.cursor(row_factory=kwargs_row(Key.of_row)) as rows:
        return rows.execute(statement("accounts/revoke_key"), {"named": named}).fetchone()


def holder_of(
    connection: Connection[TupleRow], key_id: str, secret_hash: bytes
) -> KeyHolder | None:
    """What a key stands for; None if it is unknown, revoked or expired."""
    row = connection.execute(
        statement("accounts/identity_of_key"),
        {"id": key_id, "secret_hash": secret_hash},
        prepare=True,
    ).fetchone()
    if row is None:
        return None
    name, scopes, remaining = row
    return KeyHolder(name, frozenset(map(Scope, scopes)), remaining)


def _name_and_id(text: str) -> tuple[str, str]:
    match json.loads(text):
        case [str() as name, str() as key_id]:
            return name_of(name), name_of(key_id)
    raise ValueError(text)
