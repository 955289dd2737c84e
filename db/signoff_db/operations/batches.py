"""The letters of an operation in batches: the next batch is read while one is tried."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.operations.lease import Claimed
from signoff_db.read_ahead import (
    BATCH_BYTES,
    FIRST_BATCH,
    GROWTH,
    LARGEST_BATCH,
    Letter,
    Row,
    validated,
)
from signoff_db.record_dead_letters import MAX_PAYLOAD_BYTES
from signoff_db.sql import statement
from signoff_db.transactions import raising_outages

PAGE: Final = 100
"""The letters of a dry run that are tried in one transaction."""
_MOST_OF_PAGE: Final = 1_000
"""The most of them, if the last group is large."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The letters in some places of an operation."""

    after: int
    """The place before its first letter."""
    upto: int
    """The place of its last letter."""
    letters: Sequence[Letter]
    """Those that were dead when they were read, and are not tried yet."""
    already: frozenset[int]
    """Letters of these places that are tried already."""
    continued: frozenset[int]
    """The letters of its last group, if that goes on in the next batch."""

    @property
    def ids(self) -> frozenset[int]:
        """The ids of its letters."""
        return frozenset(letter.id for letter in self.letters)

    @property
    def gone(self) -> int:
        """How many letters of these places were settled before they were read."""
        return self.upto - self.after - len(self.already) - len(self.letters)


def batches(reading: Connection[TupleRow], claimed: Claimed) -> Iterator[Batch]:
    """The letters that are left, in batches; a thread reads and validates the next one.

    Only that thread uses the connection `reading`.

    Raises:
        DatabaseUnavailableError: letters cannot be read now.
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        left = _read_all(reading, claimed)
        ahead = reader.submit(next, left, None)
        while batch := ahead.result():
            ahead = reader.submit(next, left, None)
            yield batch


def letters_between(
    connection: Connection[TupleRow], claimed: Claimed, after: int, upto: int
) -> list[int]:
    """The ids of the letters after a place and up to another one."""
    parameters = {"operation": claimed.id, "after": after, "upto": upto}
    rows = connection.execute(statement("operations/ids_between"), parameters, binary=True)
    return [row[0] for row in rows]


def _read_all(connection: Connection[TupleRow], claimed: Claimed) -> Iterator[Batch]:
    """Batches, small ones at first, to see early whether events apply; with a rate, one."""
    after = claimed.place
    while after < claimed.letters:
        with raising_outages(connection):
            batch = _read(connection, claimed, after)
        if batch is None:
            return
        yield batch
        if claimed.rate is not None and not claimed.dry_run:
            return
        after = batch.upto


def _read(connection: Connection[TupleRow], claimed: Claimed, after: int) -> Batch | None:
    size, most = _sizes(claimed, after)
    parameters = {
        "operation": claimed.id,
        "after": after,
        "size": size,
        "most": most,
        "tried_ahead": list(claimed.tried_ahead),
        "most_bytes": MAX_PAYLOAD_BYTES,
        "budget": BATCH_BYTES,
    }
    slots = connection.execute(statement("operations/next_slots"), parameters).fetchone()
    if slots is None:
        return None
    upto, goes_on, already = slots
    parameters["upto"] = upto
    found = connection.execute(statement("operations/next_letters"), parameters, binary=True)
    rows = found.fetchall()
    if rows and len(rows) < rows[0][0]:  # the payloads of all are too large for one batch
        upto, goes_on = rows[-1][1], True
    last_group = rows[-1][2] if rows else None
    continued = frozenset(row[3] for row in rows if goes_on and row[2] == last_group)
    read = [Row(*row[3:]) for row in rows]
    of_row = {letter.id: letter for letter in validated(read)}
    letters = [of_row[row.id] for row in read]
    return Batch(after, upto, letters, frozenset(already), continued)


def _sizes(claimed: Claimed, after: int) -> tuple[int, int]:
    """How many letters a batch has, and how many at most to end with a whole group."""
    if claimed.dry_run:
        return PAGE, _MOST_OF_PAGE
    if claimed.rate is not None:
        size = max(1, min(LARGEST_BATCH, int(claimed.rate)))
        return size, size
    size = max(FIRST_BATCH, min(LARGEST_BATCH, GROWTH * after))
    return size, 2 * size
