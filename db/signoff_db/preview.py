"""What an operator is about to act on: the causes, customers and amounts of some letters."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.dead_letters import choose
from signoff_db.payload_text import fields_of
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_schemas import FailureKind

_MOST: Final = 500
"""Letters that are looked at …"""
_MOST_BYTES: Final = 16_384
"""… and the size of a payload whose amount is read."""
_SHORT: Final = 300
_MOST_CAUSES: Final = 10
_AMOUNT: Final = re.compile(r"\d{1,6}(\.\d{1,2})?")
"""An amount as the contract allows it."""


@dataclass(frozen=True, slots=True)
class PreviewedCause:
    """A cause of the letters that were looked at."""

    fingerprint: str
    kind: FailureKind
    message: str
    """Of the oldest of them."""
    count: int
    named: bool
    """Whether the event_id of the oldest is known."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The oldest of the letters on which an operator is about to act."""

    looked_at: int
    complete: bool
    """Whether these are all of them; else only the oldest."""
    sample_id: int
    """The oldest letter."""
    causes: tuple[PreviewedCause, ...]
    """The biggest first …"""
    other_causes: int
    """… and how many more there are."""
    customers: int
    nameless: int
    """Letters that name no customer."""
    amounts: int
    """Letters whose event names an LTV amount …"""
    amount: Decimal
    """… and the sum of these, in USD."""


def preview(
    connection: Connection[TupleRow], selection: Selection, *, limit: int | None
) -> Preview | None:
    """Look at the oldest of the letters that `choose` would choose; None if there are none."""
    ids = choose(connection, selection, limit=min(limit or _MOST + 1, _MOST + 1))
    looked_at = ids[:_MOST]
    parameters = {"letters": looked_at, "characters": _SHORT, "most_bytes": _MOST_BYTES}
    rows = connection.execute(statement("preview_letters"), parameters, binary=True).fetchall()
    if not rows:
        return None
    causes = _causes(rows)
    users = Counter(user for *_, user, _ in rows)
    nameless = users.pop(None, 0)
    amounts = [
        amount for *_, payload in rows if payload and (amount := _amount(payload)) is not None
    ]
    return Preview(
        looked_at=len(rows),
        complete=len(ids) <= _MOST,
        sample_id=rows[0][0],
        causes=tuple(causes[:_MOST_CAUSES]),
        other_causes=max(0, len(causes) - _MOST_CAUSES),
        customers=len(users),
        nameless=nameless,
        amounts=len(amounts),
        amount=sum(amounts, Decimal(0)),
    )


def payloads_of(connection: Connection[TupleRow], ids: Sequence[int]) -> list[bytes]:
    """The payloads of letters, in their order; those that are large are left out."""
    parameters = {"letters": list(ids), "characters": _SHORT, "most_bytes": _MOST_BYTES}
    rows = connection.execute(statement("preview_letters"), parameters, binary=True).fetchall()
    return [payload for *_, payload in rows if payload is not None]


def _causes(rows: Sequence[TupleRow]) -> list[PreviewedCause]:
    counts = Counter(fingerprint for _, fingerprint, *_ in rows)
    first = {row[1]: row[2:5] for row in reversed(rows)}
    return [
        PreviewedCause(fingerprint, FailureKind(kind), message, count, named=named)
        for fingerprint, count in counts.most_common()
        for kind, message, named in [first[fingerprint]]
    ]


def _amount(payload: bytes) -> Decimal | None:
    """The amount that an event names, if it is one of the contract."""
    given: Any = (fields_of(payload) or {}).get("ltv_amount")
    text = str(given) if isinstance(given, str | int | Decimal) else ""
    return Decimal(text) if text.isascii() and _AMOUNT.fullmatch(text) else None
