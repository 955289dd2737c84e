"""Why a server is unavailable is shown without what a parser or a server quotes of its URL."""

import psycopg
import pytest
import redis
from psycopg.pq import DiagnosticField

from signoff_db.connection import DatabaseUnavailableError, connect
from signoff_db.error_text import reason_of
from signoff_schemas.redis_reason import redis_reason
from signoff_worker.reasons import outage_reason

SECRET = "s3cr3t"
FORGED = f"gone\n2026 forged\x1b{'x' * 9999}"
FROM_POSTGRES: dict[int, bytes | None] = {DiagnosticField.MESSAGE_PRIMARY: FORGED.encode()}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:pw@127.0.0.1:1/d", "Connection refused"),
        ("postgresql://u:pw@localhost:1/d", "Connection refused"),
        ("postgresql://u:%zzs3cr3t@h/d", "its URL has a misspelt option"),
        ("postgresql://u:pw@h/d?s3cr3t=1", "its URL has a misspelt option"),
        ("postgresql://u:pw@127.0.0.1:s3cr3t/d", "cannot be used"),
        ("postgresql://u:pw@s3cr3t.invalid/d", "its host is not known"),
        ("postgresql://u:pw@127.0.0.1:1/d?sslmode=s3cr3t", "cannot be used"),
        ("postgresql://u:pw@127.0.0.1:1/d?connect_timeout=s3cr3t", "cannot be"),
    ],
)
def test_no_message_of_a_parser_is_shown_for_postgres(url: str, shown: str) -> None:
    """The messages of the system and the server are shown; of a parser's, only the subject."""
    with pytest.raises(DatabaseUnavailableError, match=shown) as caught:
        connect(url)

    reason = str(caught.value).partition("cannot be reached: ")[2]
    assert SECRET not in reason


def test_a_lost_connection_has_the_drivers_message() -> None:
    """It names no part of the URL."""
    lost = psycopg.OperationalError("server closed the connection unexpectedly\n\tThis probably")

    assert reason_of(lost) == "server closed the connection unexpectedly"


def test_a_redis_that_quotes_a_command_is_cut_short() -> None:
    """A server that does not know AUTH or HELLO quotes the password."""
    error = redis.ResponseError(
        f"unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `u`, `{SECRET}`, "
    )

    assert redis_reason(error) == "unknown command `HELLO` (what it quotes is left out)"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (redis.ConnectionError("Error 111 connecting to h:1."), "Error 111 connecting to h:1"),
        (redis.ResponseError(FORGED), r"gone\n2026 forged"),
        (psycopg.DatabaseError(info=FROM_POSTGRES), r"gone\n2026 forged"),
        (psycopg.OperationalError(f"port 1 failed: \x1b{'x' * 9999}"), r"\x1bxxx"),
        (
            psycopg.OperationalError(f"the connection is \x1b{'x' * 9999}"),
            r"the connection is \x1b",
        ),
        (psycopg.OperationalError(SECRET), "a host, a port or an option"),
        (ConnectionError(FORGED), r"gone\n2026 forged"),
        (ValueError(f"invalid literal: '{SECRET}'"), "ValueError"),
    ],
)
def test_an_outage_is_shown_with_known_messages(error: Exception, shown: str) -> None:
    """On one short line; of an error of no server, only the kind is shown."""
    reason = outage_reason(error)

    assert reason.startswith(shown)
    assert reason.isprintable()
    assert len(reason) < 1100
    assert SECRET not in reason
