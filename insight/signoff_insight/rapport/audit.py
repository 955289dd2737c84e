"""Compare all contexts with what the ledger's database gives now, and tell wrong ones from late.

Hashes are compared first, while the reader works. What differs may only be late, or may have
changed meanwhile. So it is compared again while the reader's row is locked: what differs then, and
has nothing that the reader has not read, is wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db import feed
from signoff_db.feed_position import Position
from signoff_db.sql import statement
from signoff_insight.rapport.computing import computed
from signoff_insight.rapport.state import PACKAGE, READER, state_of

_CHUNK: Final = 500
_MOST_EXAMPLES: Final = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A context that is not as it must be."""

    user_id: str
    is_missing: bool
    """There is none."""
    is_unknown: bool
    """There is one, of a customer that the ledger's database does not know."""
    fields: list[str]
    """The members that differ."""


@dataclass(frozen=True, slots=True)
class RapportAudit:
    """What came out."""

    customers: int
    """So many were compared."""
    behind: int
    """So many are not as they must be, since the reader has not read all yet."""
    wrong: int
    """So many are not as they must be, though the reader has read all of them."""
    examples: tuple[Difference, ...]
    """The first of those that are wrong."""


def audit(
    ledger: Connection[TupleRow],
    rapport: Connection[TupleRow],
    on_progress: Callable[[int], None] = lambda _: None,
) -> RapportAudit:
    """Compare the contexts of all customers; it waits for the reader's turn where some differ.

    Args:
        ledger: a connection with the settings `computing.BY_INDEX`.
        rapport: to the second database.
        on_progress: told how many customers were compared.

    Raises:
        FeedRestoredError, FeedGapError: the reader cannot go on from its position.
    """
    compared, behind, wrong, examples = 0, 0, 0, list[Difference]()
    for customers, suspects in _suspects(ledger, rapport):
        compared += customers
        if suspects:
            late, differing = _judged(ledger, rapport, suspects)
            behind, wrong = behind + late, wrong + len(differing)
            examples += differing[: _MOST_EXAMPLES - len(examples)]
        on_progress(compared)
    return RapportAudit(compared, behind, wrong, tuple(examples))


def _suspects(
    ledger: Connection[TupleRow], rapport: Connection[TupleRow]
) -> Iterator[tuple[int, list[str]]]:
    """How many customers were looked at, and those that differ at first sight, some at a time."""
    for customers in _each(ledger, "rapport/next_customers"):
        parameters = {"customers": customers, "events": []}
        must = _hashes(ledger, _computed_hashes(), parameters)
        has = _hashes(rapport, statement("rapport/stored_hashes", PACKAGE), parameters)
        yield len(customers), [one for one in customers if must.get(one) != has.get(one)]
    for customers in _each(rapport, "rapport/next_contexts"):
        parameters = {"customers": customers}
        rows = ledger.execute(statement("rapport/unknown", PACKAGE), parameters)
        yield 0, [user_id for (user_id,) in rows]


def _computed_hashes() -> LiteralString:
    contexts = statement("rapport/contexts", PACKAGE)
    return statement("rapport/computed_hashes", PACKAGE).replace("{contexts}", contexts)


def _hashes(
    connection: Connection[TupleRow], query: LiteralString, parameters: Mapping[str, object]
) -> dict[str, bytes | None]:
    return dict(connection.execute(query, parameters, prepare=False).fetchall())


def _each(connection: Connection[TupleRow], name: LiteralString) -> Iterator[list[str]]:
    """All customers in order, some at a time."""
    after: str | None = None
    while True:
        parameters = {"after": after, "most": _CHUNK}
        rows = connection.execute(statement(name, PACKAGE), parameters, prepare=False)
        customers = [user_id for (user_id,) in rows]
        if customers:
            yield customers
        if len(customers) < _CHUNK:
            return
        after = customers[-1]


def _judged(
    ledger: Connection[TupleRow], rapport: Connection[TupleRow], suspects: Sequence[str]
) -> tuple[int, list[Difference]]:
    """How many of these are late, and those that are wrong."""
    with rapport.transaction():
        # From now on the contexts are those of the reader's position.
        rapport.execute(statement("rapport/wait_for_reader", PACKAGE), {"name": READER})
        differing = [one for part in computed(ledger, suspects) for one in _compare(rapport, part)]
        late = _late(ledger, rapport, [one.user_id for one in differing])
    wrong = [one for one in differing if one.user_id not in late]
    return len(differing) - len(wrong), wrong


def _compare(
    rapport: Connection[TupleRow], contexts: Sequence[tuple[str, str | None]]
) -> list[Difference]:
    parameters = {
        "customers": [user_id for user_id, _ in contexts],
        "contexts": [context for _, context in contexts],
    }
    with rapport.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(statement("rapport/compare", PACKAGE), parameters).fetchall()


def _late(
    ledger: Connection[TupleRow], rapport: Connection[TupleRow], customers: Sequence[str]
) -> set[str]:
    """Those of these customers about whom the reader has not read all."""
    if not customers:
        return set()
    state = state_of(rapport)
    if state is None or state.step is not None:
        return set(customers)
    row = rapport.execute(statement("lock_feed_reader"), {"name": READER}).fetchone()
    position = row[0] if row else None
    if position is None:
        return set(customers)
    feed.read(ledger, position, limit=1, contents=False)
    done = Position.parse(position).done
    parameters = {"customers": list(customers), "name": READER, "done": done and str(done)}
    rows = ledger.execute(statement("rapport/unread", PACKAGE), parameters)
    return {user_id for (user_id,) in rows}
