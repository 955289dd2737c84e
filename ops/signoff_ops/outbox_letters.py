"""Move events that the queue refuses to the dead letters, where they are edited or discarded.

The steps of a batch, in one transaction of the outbox's database, which may be another than the
ledger's:

1. lock refused rows; those that are valid now, or too large for a letter, stay as they are;
2. write the letters and note the action, in a transaction of the ledger's database, and commit it;
3. mark the rows as published, and commit.

If it ends after 2 and before 3, the rows stay refused and the letters are there. Another run finds
the letters, open or settled, writes no second one, and marks the rows. `reconcile` and `prune`
find the letters in the same way.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from signoff_db.delivery import Delivery
from signoff_db.failure import Failure
from signoff_db.locations import locate_events
from signoff_db.operator_actions import Action, note
from signoff_db.record_dead_letters import open_letters_of, record
from signoff_ops.operating import Operator
from signoff_ops.outbox import NothingRefusedError
from signoff_ops.servers import Servers
from signoff_relay.accounted import has_letter
from signoff_relay.connections import current
from signoff_relay.table import Entry, OutboxTable, Place, RefusedRow
from signoff_schemas import InvalidEvent, kind_of

_BATCH: Final = 100
_MOST: Final = 10_000
_EXAMPLES: Final = 50


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of refused events."""

    moved: int = 0
    """They are dead letters, and off the outbox."""
    valid: int = 0
    """They are valid now and stay refused until they are tried again."""
    too_large: int = 0
    """They are too large to be kept whole as dead letters; they stay."""

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.moved + other.moved,
            self.valid + other.valid,
            self.too_large + other.too_large,
        )


def dead_letter_refused(
    servers: Servers, events: Sequence[UUID] | None, operator: Operator
) -> Moved:
    """Move refused events to the dead letters: these, or all, the oldest 10,000.

    Raises:
        NothingRefusedError: none of them is refused (any more).
        DatabaseUnavailableError: Postgres cannot be reached; batches before that are done.
        SettingsError: the database has no outbox, or one that an earlier release made.
    """
    done, seen, behind = Moved(), 0, Place()
    with servers.outbox() as found:
        table = current(found, servers.settings.outbox)
        while seen < _MOST:
            with table.connection.transaction():
                rows = table.lock_refused(events, behind, _BATCH)
                done += _move(servers, table, rows, operator)
            seen += len(rows)
            if len(rows) < _BATCH:
                break
            behind = Place(rows[-1].added_at, str(rows[-1].event_id))
    if not seen:
        raise NothingRefusedError("none of these events is refused any more")
    return done


def _move(
    servers: Servers, table: OutboxTable, rows: Sequence[RefusedRow], operator: Operator
) -> Moved:
    read = [(row, _delivery(row.event_id, row.event)) for row in rows if row.event is not None]
    invalid = [(row, one, one.failure) for row, one in read if one.failure]
    if invalid:
        _record(servers, [(one, failure) for _, one, failure in invalid], operator)
        table.mark_handled([row.address for row, _, _ in invalid])
    return Moved(len(invalid), len(read) - len(invalid), len(rows) - len(read))


def _delivery(event_id: UUID, event: str) -> Delivery:
    """The row as a worker would read it."""
    payload = event.encode()
    with suppress(InvalidEvent):
        return Delivery.of_payload(str(event_id), payload, kind_of(payload))
    return Delivery.of_payload(str(event_id), payload)  # the kind that it names is unknown


def _record(
    servers: Servers, failed: Sequence[tuple[Delivery, Failure]], operator: Operator
) -> None:
    """Write the letters that are not there yet, and note the action."""
    ids = [UUID(delivery.job_id) for delivery, _ in failed]
    with servers.database() as database, database.transaction():
        known = locate_events(database, ids)
        new = [one for one in failed if not has_letter(_entry(one[0]), known)]
        record(database, new)
        letters = open_letters_of(database, [delivery for delivery, _ in failed])
        note(
            database, operator.actor, Action.DEAD_LETTER_OUTBOX, letters, operator.reason,
            before=None,
            after={"events": len(ids), "examples": list(map(str, ids[:_EXAMPLES]))},
        )  # fmt: skip


def _entry(delivery: Delivery) -> Entry:
    now, payload = datetime.now(UTC), delivery.payload
    return Entry(UUID(delivery.job_id), payload.decode(), len(payload), now, None, None)
