"""What an incident consists of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

Event = dict[str, Any]
"""The fields of an approval, which may break the contract."""


class Trouble(StrEnum):
    """What is planted."""

    BAD_RELEASE = "bad release"
    MISSING_ROWS = "missing rows"
    CRASH_LOOP = "crash loop"
    SLOW_CLOCK = "slow clock"
    REUSED_IDS = "reused ids"
    OUTBOX = "outbox"
    STRAY_JOBS = "stray jobs"


@dataclass(frozen=True, slots=True)
class Sent:
    """A job that an upstream puts on the queue."""

    job_id: str
    data: bytes
    event_id: UUID | None = None
    deaths: int = 0
    """How many workers died with it in hand."""


class Row(NamedTuple):
    """A row of `interactions` that its upstream inserts late."""

    interaction_id: str
    user_id: str
    ltv_usd: str


@dataclass(frozen=True, slots=True)
class Planted:
    """One trouble: what it is, what is right to do, and what must become of its events."""

    trouble: Trouble
    what: str
    right: str
    apply: tuple[UUID, ...] = ()
    """Events that are applied in the end."""
    settle: tuple[Sent, ...] = ()
    """Jobs that are applied after an edit, or discarded with a reason."""


@dataclass(frozen=True, slots=True)
class Incident:
    """All of it. Times are minutes after the start."""

    sound: tuple[UUID, ...]
    """Events without any trouble."""
    backlog: tuple[Sent, ...]
    """What waits on the queue at the start, the first at its head."""
    live: tuple[tuple[float, Sent], ...]
    """What is sent later, and when."""
    mended: tuple[Event, ...]
    """Events of the bad release that are published again, mended, under the same ids."""
    mended_at: float
    rows: tuple[Row, ...]
    rows_at: float
    outbox: tuple[Event, ...]
    """Events that a plugin wrote into the outbox past `outbox.add`."""
    outbox_mended: tuple[Event, ...]
    """What its upstream replaces them by."""
    outbox_at: float
    planted: tuple[Planted, ...]
