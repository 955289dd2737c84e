"""Act on dead letters: replay, edit, discard, prune; each is recorded in `operator_actions`.

Actions take ids that were chosen before the operator confirmed them (`dead_letters.choose`). Long
actions work in batches: they call `should_stop` before each batch and `on_batch` after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import discard as discarding
from signoff_db import edit as editing
from signoff_db import prune as pruning
from signoff_db import replay as replaying
from signoff_db.batches import never
from signoff_db.edit import Edited
from signoff_db.export import exported
from signoff_db.letter_lines import line_pieces
from signoff_db.prune import Pruned
from signoff_db.replay import Replayed, ReplayReport
from signoff_ops.servers import Servers


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, and why; with `dry_run`, nothing changes."""

    actor: str
    reason: str | None = None
    dry_run: bool = False


def replay(
    servers: Servers,
    ids: Sequence[int],
    operator: Operator,
    *,
    rate: float | None = None,
    keep_going: bool = False,
    balances: int | None = None,
    on_batch: Callable[[Sequence[Replayed]], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> ReplayReport:
    """Apply the events of these letters; see `signoff_db.replay.replay`.

    Raises:
        BlockedError: another transaction held a lock for too long for a dry run.
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
    """
    with servers.batches("signoff dlq replay") as connection:
        return replaying.replay(
            connection,
            ids,
            actor=operator.actor,
            reason=operator.reason,
            dry_run=operator.dry_run,
            rate=rate,
            keep_going=keep_going,
            balances=balances,
            on_batch=on_batch,
            should_stop=should_stop,
        )


def discard(
    servers: Servers,
    ids: Sequence[int],
    operator: Operator,
    *,
    on_batch: Callable[[Sequence[int]], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> list[int]:
    """Discard these letters; returns those that were, or would be, discarded.

    Raises:
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
    """
    with servers.database() as connection:
        return discarding.discard(
            connection,
            ids,
            actor=operator.actor,
            reason=operator.reason or "",
            dry_run=operator.dry_run,
            on_batch=on_batch,
            should_stop=should_stop,
        )


def edit(servers: Servers, letter_id: int, payload: bytes, operator: Operator) -> Edited:
    """Apply an edited event instead of a letter's; if it is not applied, nothing changes.

    Raises:
        NoSuchLetterError: there is no such letter, or it is not dead any more.
        InvalidEvent: the edited event breaks the contract.
        EditError: the edit changes the `event_id`.
        DatabaseUnavailableError: Postgres is unavailable; nothing changed.
    """
    with servers.batches("signoff dlq edit") as connection:
        return editing.edit(
            connection,
            letter_id,
            payload,
            actor=operator.actor,
            reason=operator.reason or "",
            dry_run=operator.dry_run,
        )


def prunable(servers: Servers, before: datetime) -> Pruned:
    """How many letters were settled before a time.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return pruning.count_prunable(connection, before)


def prune(
    servers: Servers,
    before: datetime,
    operator: Operator,
    *,
    export: Path | None = None,
    on_batch: Callable[[Pruned], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> tuple[Pruned, str | None]:
    """Delete letters that were settled before a time; if a file is named, export them to it first.

    Returns:
        How many were deleted, and the SHA-256 of the file, if one was written.

    Raises:
        ExportError: the file cannot be written, or exists already; nothing was deleted.
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
    """
    with servers.database() as connection:
        ids, sha256 = _exported(connection, before, export)
        kept = f"; exported to {export}, SHA-256 {sha256}" if export else ""
        done = pruning.prune(
            connection,
            ids,
            before,
            actor=operator.actor,
            reason=f"{operator.reason or ''}{kept}",
            on_batch=on_batch,
            should_stop=should_stop,
        )
    return done, sha256


def _exported(
    connection: Connection[TupleRow], before: datetime, export: Path | None
) -> tuple[list[int], str | None]:
    """The ids of the letters to delete; if a file is named, they are exported to it."""
    if export is None:
        batches = pruning.prunable(connection, before)
        return [letter_id for ids in batches for letter_id in ids], None
    return exported(
        pruning.prunable_letters(connection, before),
        export,
        key=lambda full: full.letter.id,
        pieces=partial(line_pieces, connection),
    )
