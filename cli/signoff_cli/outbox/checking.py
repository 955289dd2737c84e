"""What `signoff doctor` looks at in an outbox: is it there, does a relay empty it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from signoff_cli.checks import Check, Grade
from signoff_cli.outbox.connections import outbox_of
from signoff_cli.outbox.table import OutboxOverview
from signoff_cli.queue import age
from signoff_cli.terminal import ago, count
from signoff_schemas import Settings, SignoffError

_LATE: Final = timedelta(minutes=1)
"""An event that waits for longer means that no relay gets on: they look every second."""


def check_outbox(settings: Settings) -> Iterator[Check]:
    """Whether the outbox can be reached, and whether anything is left lying in it."""
    try:
        with outbox_of(settings) as table:
            overview = table.overview()
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
