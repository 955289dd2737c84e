"""Write the SQL that gives roles exactly their rights, for an administrator to run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import Identifier

from signoff_db.rights.roles import FILES, PURPOSES, RoleDatabase
from signoff_db.sql import statement


@dataclass(frozen=True, slots=True)
class Site:
    """Where the tables are that rights are granted on."""

    database: RoleDatabase
    schema: str
    interactions_schema: str | None = None
    """The schema of an adopted table interactions; None where it is Signoff's own."""
    has_outbox: bool = False
    """Whether an outbox stands among Signoff's tables: its rights are taken away with theirs."""


def grants(site: Site, roles: Sequence[str], prefix: str) -> str:
    """The SQL that makes the roles, takes from them what they have there, and grants their rights.

    All of it is one transaction, so no role lacks a right meanwhile. Running it again changes
    nothing. The names of roles are `<prefix>_<role>`; `prefix` holds no quotes.
    """
    return "\n".join(["BEGIN;", *(_of_role(site, role, prefix) for role in roles), "COMMIT;", ""])


def _of_role(site: Site, role: str, prefix: str) -> str:
    name = f"{prefix}_{role}"
    adopted = site.interactions_schema or site.schema
    schemas = dict.fromkeys([site.schema, adopted])
    marks = {
        "name": name,
        "purpose": PURPOSES[role],
        "role": _quoted(name),
        "schema": _quoted(site.schema),
        "schemas": ", ".join(map(_quoted, schemas)),
        "interactions": _quoted(adopted, "interactions"),
        "outbox": _quoted(site.schema, "signoff_outbox"),
    }
    return "".join(text.format_map(marks) for text in _texts(site, role))


def _texts(site: Site, role: str) -> Iterator[str]:
    yield _text("begin_role")
    yield _text(f"{site.database}/anew")
    for name in FILES[site.database][role]:
        yield _text(f"{site.database}/{name}")
    if site.has_outbox:
        for name in FILES[RoleDatabase.OUTBOX].get(role, ()):
            yield _text(f"{RoleDatabase.OUTBOX}/{name}")


def _text(name: str) -> str:
    """A file with its comments, which are for whoever runs it."""
    return files("signoff_db.rights").joinpath(f"{name}.sql").read_text("utf-8")


def _quoted(*names: str) -> str:
    return Identifier(*names).as_string(None)


def schema_of_interactions(connection: Connection[TupleRow]) -> str | None:
    """The schema of the table interactions that this installation works with."""
    return _only(connection.execute(statement("rights/interactions_schema")).fetchone())


def schema_of_outbox(connection: Connection[TupleRow]) -> str | None:
    """The schema of the outbox that this session finds; None if there is none."""
    return _only(connection.execute(statement("rights/outbox_schema")).fetchone())


def _only(row: TupleRow | None) -> str | None:
    return None if row is None else str(row[0])
