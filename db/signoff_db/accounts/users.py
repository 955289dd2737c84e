"""Users: people who may sign in to the web service, with their roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.accounts.names import name_of
from signoff_db.pages import Page, key_of, page_of
from signoff_db.sql import statement
from signoff_schemas.access import Role

_LIST: Final = "users"


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in."""

    name: str
    roles: tuple[Role, ...]
    has_password: bool
    issuer: str | None
    """The identity provider that signs the user in; None for users that were added here."""
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    last_signed_in_at: datetime | None

    @classmethod
    def of_row(cls, *, roles: Sequence[str], **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of `users`."""
        return cls(roles=tuple(map(Role, roles)), **columns)


def add(
    connection: Connection[TupleRow],
    name: str,
    roles: Sequence[Role],
    actor: str,
    *,
    password_hash: str | None = None,
    provider: tuple[str, str] | None = None,
) -> User | None:
    """Add a user; None if there is one of that name. `provider` is its issuer and subject there."""
    issuer, subject = provider or (None, None)
    parameters = {
        "name": name,
        "roles": [str(role) for role in roles],
        "password_hash": password_hash,
        "issuer": issuer,
        "subject": subject,
        "actor": actor,
    }
    return _one(connection, "accounts/add_user", parameters)


def read(connection: Connection[TupleRow], name: str) -> User | None:
    """A user; None if there is none of that name."""
    return _one(connection, "accounts/read_user", {"name": name})


def lock(connection: Connection[TupleRow], name: str) -> User | None:
    """The same, locked until the transaction ends."""
    return _one(connection, "accounts/lock_user", {"name": name})


def of_provider(connection: Connection[TupleRow], issuer: str, subject: str) -> User | None:
    """The user that an identity provider knows under this subject, locked."""
    return _one(connection, "accounts/user_of_provider", {"issuer": issuer, "subject": subject})


def page(connection: Connection[TupleRow], *, limit: int, cursor: str | None) -> Page[User]:
    """A page of users, in the order of their names.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    parameters = {"limit": limit + 1, "after": key_of(cursor, _LIST, name_of)}
    with connection.cursor(row_factory=kwargs_row(User.of_row)) as rows:
        found = rows.execute(statement("accounts/list_users"), parameters).fetchall()
    return page_of(found, limit, _LIST, lambda user: user.name)


def set_disabled(connection: Connection[TupleRow], name: str, *, disabled: bool) -> User | None:
    """Disable or enable a user; None if there is none of that name."""
    return _one(connection, "accounts/set_disabled", {"name": name, "disabled": disabled})


def set_roles(connection: Connection[TupleRow], name: str, roles: Sequence[Role]) -> User | None:
    """Replace a user's roles; None if there is none of that name."""
    parameters = {"name": name, "roles": [str(role) for role in roles]}
    return _one(connection, "accounts/set_roles", parameters)


def set_password(connection: Connection[TupleRow], name: str, password_hash: str) -> User | None:
    """Replace a user's password; None if there is none of that name."""
    parameters = {"name": name, "password_hash": password_hash}
    return _one(connection, "accounts/set_password", parameters)


def password_of(connection: Connection[TupleRow], name: str) -> str | None:
    """The hash of a user's password; None if there is none, or the user cannot sign in."""
    row = connection.execute(statement("accounts/password_of"), {"name": name}).fetchone()
    return row[0] if row else None


def signed_in_ever(connection: Connection[TupleRow]) -> tuple[bool, bool]:
    """Whether there are users, and whether one of them has ever signed in."""
    row = connection.execute(statement("accounts/signed_in_ever")).fetchone()
    if row is None:
        raise AssertionError
    return row[0], row[1]


def _one(
    connection: Connection[TupleRow], name: str, parameters: Mapping[str, object]
) -> User | None:
    with connection.cursor(row_factory=kwargs_row(User.of_row)) as rows:
        return rows.execute(statement(name), parameters).fetchone()
