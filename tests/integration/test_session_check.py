"""`signoff doctor` sees whether something is between its sessions and Postgres."""

import psycopg

from signoff_db.connection import connect_for_batches
from signoff_ops.checks import Grade
from signoff_ops.session_check import check_sessions, session_check, session_of


def test_direct_connections_are_sessions_of_their_own(database_url: str) -> None:
    """With the settings that Signoff gave."""
    assert check_sessions(database_url).grade is Grade.OK


def test_a_shared_connection_is_a_warning(database_url: str) -> None:
    """As a pooler in transaction mode lends it to both sessions."""
    with connect_for_batches(database_url, application="test") as shared:
        check = session_check([session_of(shared), session_of(shared)])
    assert check.grade is Grade.WARN
    assert "lends one connection to several sessions" in check.text


def test_settings_that_were_left_out_are_a_warning(database_url: str) -> None:
    """As by a pooler that ignores startup options."""
    with (
        psycopg.connect(database_url, autocommit=True) as one,
        psycopg.connect(database_url, autocommit=True) as other,
    ):
        check = session_check([session_of(one), session_of(other)])
        one.execute("SET signoff.batches = 'on'")
        other.execute("SET signoff.batches = 'on'")
        given = session_check([session_of(one), session_of(other)])
    assert check.grade is Grade.WARN
    assert "leaves out settings" in check.text
    assert given.grade is Grade.OK
