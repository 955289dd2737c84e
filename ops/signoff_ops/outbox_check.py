"""The checks of `signoff doctor` for outboxes: they exist, and relays empty them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from signoff_db.connection import connect
from signoff_db.read_connection import explained
from signoff_ops.checks import Check, Grade
from signoff_ops.servers import Servers
from signoff_queue.reader import age
from signoff_relay.connections import current, table_if_any
from signoff_relay.table import OutboxOverview
from signoff_schemas import Settings, SignoffError
from signoff_schemas.wording import ago, count

_LATE: Final = timedelta(minutes=1)
"""If an event waits for longer, no relay works: relays poll every second."""


def check_outbox(servers: Servers) -> Iterator[Check]:
    """Check that the outbox can be reached, and that no event waits in it for long."""
    try:
        with servers.outbox() as found:
            overview = current(found, servers.settings.outbox).overview()
    except SignoffError as error:
        yield Check(Grade.FAIL, "Outbox", f"{error} (SIGNOFF_OUTBOX_URL)")
        return
    yield _waiting(overview, "Outbox", "signoff relay")
    yield from _refused(overview)


def check_desk_outbox(settings: Settings) -> Iterator[Check]:
    """Check the outbox beside the reviews, which may be another one than that of the upstream."""
    url = settings.require("database_url")
    with connect(url, application="signoff doctor", outbox=True) as connection, explained(url):
        table = table_if_any(connection)
        if table is None or table.lacking():
            yield Check(
                Grade.WARN, "Desk's outbox",
                "reviews cannot be approved: the database has no table signoff_outbox of this "
                "release; run `signoff outbox create`, with SIGNOFF_OUTBOX_URL not set",
            )  # fmt: skip
            return
        overview = table.overview()
    relay = "SIGNOFF_OUTBOX_URL=$SIGNOFF_DATABASE_URL signoff relay"
    yield _waiting(overview, "Desk's outbox", relay if settings.outbox_url else "signoff relay")
    yield from _refused(overview)


def _refused(overview: OutboxOverview) -> Iterator[Check]:
    if overview.refused:
        yield Check(
            Grade.WARN, "Refused events",
            f"the queue does not take {count(overview.refused, 'event')} of the outbox; "
            "`signoff outbox refused` says why",
        )  # fmt: skip


def _waiting(overview: OutboxOverview, name: str, relay: str) -> Check:
    waited = age(overview.oldest_waiting_at)
    if waited is None:
        return Check(Grade.OK, name, "nothing waits in it")
    text = f"{count(overview.waiting, 'event')} in it, the oldest for {ago(waited)}"
    if waited <= _LATE:
        return Check(Grade.OK, name, text)
    return Check(
        Grade.FAIL, name,
        f"{text}; start a relay with `{relay}`, or see in the log of one that runs what it "
        "waits for",
    )  # fmt: skip
