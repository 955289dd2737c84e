"""What an administrator runs so that each part has the rights that it needs, and no others."""

import re
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_db.read_connection import database_of, explained
from signoff_db.rights.grants import Site, grants, schema_of_interactions, schema_of_outbox
from signoff_db.rights.roles import FILES, PURPOSES, RoleDatabase
from signoff_queue.users import commands, rules
from signoff_schemas import Settings, SignoffError
from signoff_schemas.database_url import RAPPORT_SCHEMA

PREFIX: Final = "signoff"
_PREFIX: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OUTBOX_SCHEMA: Final = "public"


class RoleError(SignoffError):
    """No role, or no prefix of roles, has this name."""


@dataclass(frozen=True, slots=True)
class Printed:
    """Text for an administrator."""

    text: str
    assumed: str | None = None
    """What could not be looked up, as a sentence; None if nothing had to be."""


def postgres_roles(
    settings: Settings, names: Sequence[str], database: RoleDatabase, prefix: str = PREFIX
) -> Printed:
    """The SQL for these roles, or for all that have rights in the database.

    Where the tables are is looked up there, if it can be reached.

    Raises:
        RoleError: a role has no rights in this database, or the prefix is no name.
    """
    _check_prefix(prefix)
    where = f"Postgres with --database {database}"
    roles = _chosen(names, FILES[database], where)
    site, assumed = _site(settings, database)
    return Printed(grants(site, roles, prefix), assumed)


def redis_users(settings: Settings, names: Sequence[str], prefix: str = PREFIX) -> Printed:
    """The commands of Redis for these roles, or for all that use the queue.

    Raises:
        RoleError: a role does not use Redis, or the prefix is no name.
    """
    _check_prefix(prefix)
    return Printed(commands(_chosen(names, rules(), "Redis"), settings.queue, prefix))


def _check_prefix(prefix: str) -> None:
    if not _PREFIX.fullmatch(prefix):
        raise RoleError(
            f"the prefix {prefix!r} is no beginning of names of roles; use lower-case letters, "
            "digits and '_', at most 40 of them, a letter first"
        )


def _chosen(names: Sequence[str], known: Collection[str], where: str) -> Sequence[str]:
    for name in names:
        if name not in PURPOSES:
            raise RoleError(f"there is no role {name!r}; the roles are {', '.join(PURPOSES)}")
        if name not in known:
            raise RoleError(
                f"the role {name} needs no rights in {where}; those that do are {', '.join(known)}"
            )
    return list(dict.fromkeys(names)) or list(known)


def _site(settings: Settings, database: RoleDatabase) -> tuple[Site, str | None]:
    match database:
        case RoleDatabase.SIGNOFF:
            return _ledger(settings)
        case RoleDatabase.OUTBOX:
            return _outbox(settings)
        case RoleDatabase.RAPPORT:
            return Site(database, RAPPORT_SCHEMA), None


def _ledger(settings: Settings) -> tuple[Site, str | None]:
    home = settings.db_schema
    named = settings.interactions and settings.interactions.rpartition(".")[0]
    try:
        with database_of(settings) as connection:
            found = schema_of_interactions(connection)
            has_outbox = schema_of_outbox(connection) == home
        return Site(RoleDatabase.SIGNOFF, home, found, has_outbox), None
    except SignoffError as error:
        assumed = (
            f"Assumed: the table interactions is {named or home}.interactions; if it is another, "
            f"set SIGNOFF_INTERACTIONS. It could not be looked up: {error}"
        )
        return Site(RoleDatabase.SIGNOFF, home, named), assumed


def _outbox(settings: Settings) -> tuple[Site, str | None]:
    try:
        with ExitStack() as opened:
            found = schema_of_outbox(_outbox_session(settings, opened))
        reason = None if found else "the database has no table signoff_outbox"
    except SignoffError as error:
        found, reason = None, str(error)
    assumed = reason and (
        f"Assumed: the outbox is {_OUTBOX_SCHEMA}.signoff_outbox; if it is another, set "
        f"SIGNOFF_OUTBOX_URL to its database. It could not be looked up: {reason}"
    )
    return Site(RoleDatabase.OUTBOX, found or _OUTBOX_SCHEMA), assumed


def _outbox_session(settings: Settings, opened: ExitStack) -> Connection[TupleRow]:
    url = settings.outbox
    session = opened.enter_context(connect(url, application="signoff cli", outbox=True))
    opened.enter_context(explained(url))
    return session
