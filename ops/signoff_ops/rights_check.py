"""The checks of `signoff doctor` that a part has no rights that no part needs."""

from collections.abc import Iterator, Sequence
from typing import Final

import redis
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.rights.excess import Excess, excess
from signoff_ops.checks import Check, Grade
from signoff_ops.services import runs_here
from signoff_queue.excess import excess as excess_in_redis
from signoff_schemas.wording import count

_NAMED: Final = 5
"""The most tables that a line names."""
_NONE: Final = "none that no part needs"
_TRIED: Final = "; it is so with the servers of `signoff up`, which are for trying it out"


def check_postgres_rights(
    connection: Connection[TupleRow], url: str, name: str = "Rights in Postgres"
) -> Check:
    """Whether the role of this connection may do more than any part needs."""
    found = excess(connection)
    text = "; ".join(_beyond(found))
    if not text:
        return Check(Grade.OK, name, f"role {found.role}: {_NONE}")
    advice = (
        "No part needs that: give each a login with its own role (`signoff roles sql`), and keep "
        "this one for `signoff migrate`"
    )
    return _graded(name, f"the role {found.role} {text}", advice, url)


def check_redis_rights(client: redis.Redis, url: str) -> Check:
    """Whether the user of this client may do more than any part needs."""
    name = "Rights in Redis"
    found = excess_in_redis(client)
    if found is None:
        return Check(Grade.OK, name, _NONE)
    advice = "No part needs that: give each a user of its own (`signoff roles redis`)"
    return _graded(name, f"the user {found}", advice, url)


def _graded(name: str, text: str, advice: str, url: str) -> Check:
    """A warning; only a note where the server is one of `signoff up`, which has a single role."""
    if runs_here(url):
        return Check(Grade.OK, name, f"{text}{_TRIED}")
    return Check(Grade.WARN, name, f"{text}. {advice}")


def _beyond(found: Excess) -> Iterator[str]:
    """What the role may do, to be read after its name; a superuser's other rights say no more."""
    if found.is_superuser:
        yield "is a superuser, or may become one"
        return
    if found.attributes:
        yield f"has {', '.join(found.attributes)}"
    if found.memberships:
        yield f"is a member of {', '.join(found.memberships)}"
    if found.is_owner:
        yield "owns Signoff's tables, or may become their owner"
        return
    if found.may_create:
        yield "may create objects in the schema of Signoff"
    if found.truncates:
        yield f"may empty {_listed(found.truncates)} (TRUNCATE)"
    if found.changes:
        yield f"has UPDATE or DELETE on insert-only tables: {_listed(found.changes)}"


def _listed(tables: Sequence[str]) -> str:
    more = len(tables) - _NAMED
    return ", ".join(tables[:_NAMED]) + (f" and {count(more, 'table')} more" if more > 0 else "")
