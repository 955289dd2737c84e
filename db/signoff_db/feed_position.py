"""A position in the feed: which events a reader has read, as text that it keeps.

Transactions do not commit in the order of their ids. So a position does not say how far a reader
is, but what was visible to it. `done` is a snapshot of Postgres: all events that are visible in it
were read. `target` is a later snapshot, of which the reader has read a part: all up to `last`. When
it has read all of it, `target` becomes `done`. An event is visible from the commit of its
transaction on, in every later snapshot. So it is in exactly one of these differences.

Before the first difference come the events that were applied before there was a feed. They have no
transaction id, and no more of them come, so they are read by event_id.

The text comes from outside, by HTTP, say. It is bounded and read strictly.
"""

import re
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, Self
from uuid import UUID

from signoff_schemas import SignoffError

MAX_POSITION_LENGTH: Final = 65_536
_VERSION: Final = "1"
_LARGEST: Final = 2**63 - 1
_SNAPSHOT: Final = r"\d{1,20}(?:-\d{1,20})*"
_POSITION: Final = re.compile(
    r"1\.(?P<feed>[0-9a-f]{32})\.(?P<detached>\d{1,9})"
    rf"\.(?P<done>{_SNAPSHOT})?\.(?P<target>{_SNAPSHOT})?"
    r"\.(?P<last_in>\d{1,20})?\.(?P<last_event>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?",
    re.ASCII,
)


class InvalidPositionError(SignoffError):
    """A text is no position of the feed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A `pg_snapshot`: transactions before `xmax` are visible in it, but for the running ones."""

    xmax: int
    running: tuple[int, ...] = ()
    """Those before `xmax` that were in progress, in order."""

    @property
    def xmin(self) -> int:
        """All transactions before this one are visible."""
        return self.running[0] if self.running else self.xmax

    @classmethod
    def of_postgres(cls, text: str) -> Self:
        """Read what Postgres writes."""
        _, xmax, running = text.split(":")
        return cls(int(xmax), tuple(map(int, running.split(","))) if running else ())

    def __str__(self) -> str:
        """As Postgres reads it."""
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, self.running))}"


NOTHING: Final = Snapshot(1)
"""In which no transaction is visible."""


@dataclass(frozen=True, slots=True)
class Position:
    """What a reader has read; see the module."""

    feed: UUID
    """The epoch of the feed that gave the position."""
    detached: int
    """How many partitions of the ledger had been detached when it was given."""
    done: Snapshot | None = None
    """None while the events from before the feed are read."""
    target: Snapshot | None = None
    """None when all of the last target was read."""
    last_in: int | None = None
    """The transaction of the last event that was read; None where it is from before the feed."""
    last_event: UUID | None = None
    """The last event that was read; None where none was."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a position.

        Raises:
            InvalidPositionError: it is none that the feed gave.
        """
        found = _POSITION.fullmatch(text) if len(text) <= MAX_POSITION_LENGTH else None
        if found is None:
            raise _invalid()
        position = cls(
            UUID(found["feed"]),
            int(found["detached"]),
            _read_snapshot(found["done"]),
            _read_snapshot(found["target"]),
            _read_number(found["last_in"]),
            UUID(found["last_event"]) if found["last_event"] else None,
        )
        if not position._makes_sense():
            raise _invalid()
        return position

    def _makes_sense(self) -> bool:
        if self.done is None:
            return self.target is None and self.last_in is None
        if self.target is not None and self.last_in is None:
            return False
        return self.last_in is None or self.last_event is not None

    @property
    def head(self) -> str:
        """The text without the last event."""
        done, target = _written(self.done), _written(self.target)
        return f"{_VERSION}.{self.feed.hex}.{self.detached}.{done}.{target}."

    def __str__(self) -> str:
        """As a reader keeps it."""
        last_in = "" if self.last_in is None else self.last_in
        return f"{self.head}{last_in}.{self.last_event or ''}"


def _invalid() -> InvalidPositionError:
    return InvalidPositionError(
        "the position is none that this feed gave; give one exactly as it was, or begin without "
        "one: then all events come from the first on"
    )


def _written(snapshot: Snapshot | None) -> str:
    """The numbers in order, each but the first as its difference to the one before: it is short."""
    if snapshot is None:
        return ""
    numbers = [*snapshot.running, snapshot.xmax]
    return "-".join(map(str, [numbers[0], *(after - one for one, after in pairwise(numbers))]))


def _read_snapshot(text: str | None) -> Snapshot | None:
    if text is None:
        return None
    steps = list(map(int, text.split("-")))
    *running, xmax = accumulate(steps)
    if min(steps) < 1 or xmax > _LARGEST:
        raise _invalid()
    return Snapshot(xmax, tuple(running))


def _read_number(text: str | None) -> int | None:
    if text is None:
        return None
    number = int(text)
    if not 0 < number <= _LARGEST:
        raise _invalid()
    return number
