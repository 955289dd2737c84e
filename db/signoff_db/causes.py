"""Open dead letters by cause: pages of causes, how each grew, and whom it touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.pages import Page, key_of, page_of
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import FailureKind

_SHORT: Final = 300
"""Characters of a message in a list."""
_SHORTEST: Final = timedelta(minutes=1)
"""The shortest time that a chart shows."""
_BIGGEST_RANK: Final = 2**63 - 1


class CauseOrder(StrEnum):
    """The order of a list of causes."""

    SIZE = "size"
    """The biggest first."""
    NEWEST = "newest"
    """The one that began last is first."""


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one cause."""

    fingerprint: str
    kind: FailureKind
    event_type: str | None
    """The kind of event of the newest letter."""
    count: int
    first_failed_at: datetime
    last_arrived_at: datetime
    """When the newest letter came."""
    last_failed_at: datetime
    """When one failed last, also one that was tried again."""
    message: str
    """The message of the newest letter."""
    sample_id: int
    """The newest letter …"""
    sample_event_id: UUID | None
    """… its event, if that is known …"""
    first_error: dict[str, Any] | None
    """… and the first of its field errors."""

    @classmethod
    def of_row(cls, *, kind: str, **columns: Any) -> Self:  # noqa: ANN401 -- as it comes
        """One row of the statement that groups letters."""
        return cls(kind=FailureKind(kind), **columns)


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of causes."""

    groups: tuple[Group, ...]
    next: str | None
    """The cursor of the next page; None at the end."""
    causes: int
    """How many causes there are in all."""
    letters: int
    """How many letters these have."""

    @property
    def more(self) -> bool:
        """Whether there are more causes."""
        return self.next is not None


@dataclass(frozen=True, slots=True)
class Trend:
    """When the letters of a cause came: their numbers in equal parts of a time."""

    begins_at: datetime
    ends_at: datetime
    counts: tuple[int, ...]
    recent: int
    """How many came in the last ten minutes."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The customers whom the newest letters of a cause name."""

    customers: int
    complete: bool
    """Whether all open letters were looked at; else there may be more customers."""
    nameless: int
    """Letters among them that name no customer."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A group with its place in the list."""

    group: Group
    rank: int
    causes: int
    letters: int

    @classmethod
    def of_row(cls, *, rank: int, causes: int, letters: int, **columns: Any) -> Self:  # noqa: ANN401
        return cls(Group.of_row(**columns), rank, causes, letters)


def groups(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    order: CauseOrder = CauseOrder.SIZE,
    limit: int = 100,
    cursor: str | None = None,
) -> Groups:
    """A page of the selected dead letters that are still dead, grouped by cause.

    Raises:
        CursorError: the cursor is not one of this list in this order.
    """
    list_name = f"causes by {order}"
    rank, fingerprint = key_of(cursor, list_name, _place) or (None, None)
    parameters = selection.parameters | {
        "limit": limit + 1,
        "characters": _SHORT,
        "sort": str(order),
        "after_rank": rank,
        "after_fingerprint": fingerprint,
    }
    with connection.cursor(row_factory=kwargs_row(_Ranked.of_row)) as rows:
        found = rows.execute(statement("group_dead_letters"), parameters).fetchall()
    page: Page[_Ranked] = page_of(
        found, limit, list_name, lambda one: f"{one.rank} {one.group.fingerprint}"
    )
    causes, letters = (found[0].causes, found[0].letters) if found else (0, 0)
    return Groups(tuple(one.group for one in page.items), page.next, causes, letters)


def trends(
    connection: Connection[TupleRow], shown: Sequence[Group], now: datetime, *, parts: int
) -> Mapping[str, Trend]:
    """How these causes grew in the last day, or since their first letter if that is younger."""
    begins = [
        min(max(group.first_failed_at, now - timedelta(days=1)), now - _SHORTEST) for group in shown
    ]
    counts = {group.fingerprint: [0] * parts for group in shown}
    rows = connection.execute(
        statement("trends_of_causes"),
        {"fingerprints": list(counts), "begins": begins, "ends": now, "parts": parts},
    )
    recent = dict.fromkeys(counts, 0)
    for fingerprint, part, number, newest in rows:
        # A letter that came after `now` counts in the last part.
        counts[fingerprint][min(part, parts) - 1] += number
        recent[fingerprint] += newest
    return {
        group.fingerprint: Trend(
            began, now, tuple(counts[group.fingerprint]), recent[group.fingerprint]
        )
        for group, began in zip(shown, begins, strict=True)
    }


def touched(
    connection: Connection[TupleRow], fingerprints: Sequence[str], *, most: int
) -> Mapping[str, Touched]:
    """The customers of these causes; of each, `most` letters are looked at."""
    rows = connection.execute(
        statement("customers_of_causes"), {"fingerprints": list(fingerprints), "most": most}
    )
    return {
        fingerprint: Touched(customers, letters < most, nameless)
        for fingerprint, customers, letters, nameless in rows
    }


def settled_of(
    connection: Connection[TupleRow], fingerprint: str, *, most: int, limit: int
) -> tuple[list[int], bool]:
    """Letters of a cause that were settled, the newest first, and whether all were looked at.

    Only the newest `most` settled letters are looked at.
    """
    parameters = {"fingerprint": fingerprint, "most": most, "limit": limit}
    row = connection.execute(statement("settled_of_cause"), parameters).fetchone()
    if row is None:
        raise AssertionError
    return row[0], row[1]


def resolved_of(
    connection: Connection[TupleRow], fingerprint: str, *, most: int
) -> tuple[int, int]:
    """How many letters of a cause were resolved, and how many of these without an operator.

    Only the newest `most` settled letters are looked at.
    """
    parameters = {"fingerprint": fingerprint, "most": most}
    row = connection.execute(statement("resolved_of_cause"), parameters).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _place(text: str) -> tuple[int, str]:
    """The place of a cause in a list, from its cursor; raises `ValueError` if it is none."""
    rank, _, fingerprint = text.partition(" ")
    number = int(rank)
    if not 0 <= number <= _BIGGEST_RANK or "\x00" in fingerprint:
        raise ValueError(text)
    return number, fingerprint
