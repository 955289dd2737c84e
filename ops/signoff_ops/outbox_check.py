"""The checks of `signoff doctor` for an outbox: it exists, and a relay empties it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from signoff_ops.checks import Check, Grade
from signoff_ops.servers import Servers
from signoff_queue.reader import age
from signoff_relay.connections import current
from signoff_relay.table import OutboxOverview
from signoff_schemas import SignoffError
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
    yield _waiting(overview)
    if overview.refused:
        yield Check(
            Grade.WARN, "Refused events",
            f"the queue does not take {count(overview.refused, 'event')} of the outbox; "
            "`signoff outbox refused` says why",
        )  # fmt: skip


def _waiting(overview: OutboxOverview) -> Check:
    waited = age(overview.oldest_waiting_at)
    if waited is None:
        return Check(Grade.OK, "Outbox", "nothing waits in it")
    text = f"{count(overview.waiting, 'event')} in it, the oldest for {ago(waited)}"
    if waited <= _LATE:
        return Check(Grade.OK, "Outbox", text)
    return Check(
        Grade.FAIL, "Outbox",
        f"{text}; start a relay with `signoff relay`, or see in the log of one that runs what it "
        "waits for",
    )  # fmt: skip
