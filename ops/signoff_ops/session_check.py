"""The check of `signoff doctor` for poolers: each session of Signoff's is one of Postgres's."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect_for_batches
from signoff_ops.checks import Check, Grade

_NAME: Final = "Postgres sessions"
_LOOK: Final = (
    "SELECT pg_backend_pid(), coalesce(current_setting('signoff.batches', true), '') = 'on'"
)
_ADVICE: Final = "connect directly; docs/scaling.md, Poolers, says what else works"


class Session(NamedTuple):
    """What a session of Signoff's finds on the other side."""

    process: int
    """The id of the server's process."""
    has_settings: bool
    """Whether it has the settings that Signoff gave when it connected."""


def check_sessions(url: str) -> Check:
    """Check that two sessions at once do not share a connection, and have their settings.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    name = "signoff doctor"
    with (
        connect_for_batches(url, application=name) as one,
        connect_for_batches(url, application=name) as other,
    ):
        # The first is idle while the second is opened: then a pooler may lend its connection.
        return session_check([session_of(one), session_of(other)])


def session_of(connection: Connection[TupleRow]) -> Session:
    """What is on the other side of a connection."""
    row = connection.execute(_LOOK).fetchone()
    if row is None:
        raise AssertionError
    return Session(*row)


def session_check(sessions: Sequence[Session]) -> Check:
    """What sessions that are open at once say of what is between them and Postgres."""
    if len({each.process for each in sessions}) < len(sessions):
        text = (
            "a pooler lends one connection to several sessions (as PgBouncer in transaction mode): "
            f"search_path, other settings, notices and locks get into the wrong ones; {_ADVICE}"
        )
    elif not all(each.has_settings for each in sessions):
        text = (
            "a pooler leaves out settings with which Signoff connects (as PgBouncer with "
            f"ignore_startup_parameters = options): timeouts, SIGNOFF_SCHEMA, plans; {_ADVICE}"
        )
    else:
        return Check(Grade.OK, _NAME, "each is a connection of its own")
    return Check(Grade.WARN, _NAME, text)
