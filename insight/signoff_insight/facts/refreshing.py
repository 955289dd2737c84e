"""Compute the facts of some customers, and keep them.

The facts of a customer follow from all events of this customer that the ledger holds, in order of
occurrence. So it does not matter in which order events arrive, or how often a customer is computed:
the facts that are kept from the feed, and those of a rebuild, come from the same fold.

New events that all are newer than what is known of their customer are added to the facts that are
kept (`advancing.py`). In any other case the customer's whole history is read, here.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed import FeedEvent
from signoff_db.sql import statement
from signoff_insight.facts.advancing import advance, news_of
from signoff_insight.facts.cells import Cells
from signoff_insight.facts.folding import fold, opening_of
from signoff_insight.facts.histories import History, histories_between, histories_of
from signoff_insight.facts.kept import Row, kept_facts, kept_rows, rows_of
from signoff_insight.facts.planning import BY_INDEX
from signoff_insight.facts.state import PACKAGE
from signoff_insight.facts.writing import Computed, delete, values_of, write


def keep(connection: Connection[TupleRow], events: Sequence[FeedEvent], timezone: str) -> None:
    """Bring the facts up to date after these events were applied.

    Args:
        connection: inside of a transaction, which the caller commits.
        events: events of the feed.
        timezone: the name of the time zone whose days count, as `Europe/Berlin`.
    """
    connection.execute(BY_INDEX)
    with _uncollected():
        news = news_of(connection, events, timezone)
        advanced = advance(connection, news)
        latest = max((news[user][-1].occurred_at for user in advanced), default=None)
        others = [user for user in news if user not in advanced]
        note_reach(connection, latest, refresh(connection, others, timezone))


def refresh(
    connection: Connection[TupleRow], customers: Sequence[str], timezone: str
) -> str | None:
    """Compute the facts of these customers from all of their events.

    Args:
        connection: inside of a transaction, which the caller commits.
        customers: their user_ids, each once.
        timezone: the name of the time zone whose days count, as `Europe/Berlin`.

    Returns:
        When the latest of their events occurred.
    """
    if not customers:
        return None
    connection.execute(BY_INDEX)
    with _uncollected():
        histories = histories_of(connection, customers, timezone)
        return _compute(connection, customers, histories, Cells(connection))


def refresh_between(
    connection: Connection[TupleRow], after: str, upto: str, timezone: str
) -> str | None:
    """Compute the facts of many customers from all of their events, some thousand at a time.

    Args:
        connection: inside of a transaction, which the caller commits.
        after: the user_id before the first one, in the order of `customers.user_id`.
        upto: the last one.
        timezone: the name of the time zone whose days count, as `Europe/Berlin`.

    Returns:
        When the latest of their events occurred.
    """
    latest: str | None = None
    connection.execute(BY_INDEX)
    cells = Cells(connection)
    cells.recall()
    with _uncollected():
        for group in histories_between(connection, after, upto, timezone):
            users = [history.user_id for history in group]
            latest = max(_compute(connection, users, group, cells) or "", latest or "") or None
    return latest


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no reference cycles: the folds make none, and the search would take as long as they.

    Their values are freed without it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def note_reach(connection: Connection[TupleRow], *latest: str | None) -> None:
    """Note that the facts hold events that occurred then; in the transaction of `refresh`."""
    known = [one for one in latest if one is not None]
    if known:
        connection.execute(statement("facts/note_reach", PACKAGE), {"until": max(known)})


def _compute(
    connection: Connection[TupleRow],
    users: Sequence[str],
    histories: Sequence[History],
    cells: Cells,
) -> str | None:
    """Make the facts of these users those of these histories; returns when the latest occurred."""
    kept = kept_facts(connection, users)
    computed = list(_computed(connection, histories, kept))
    without_events = kept.keys() - {one.user_id for one in computed}
    delete(connection, [kept[user][0] for user in without_events])
    numbers = [one.customer for one in computed if one.customer is not None]
    write(connection, computed, kept_rows(connection, numbers), cells)
    return max((one.fold.facts.last_event_at for one in computed), default=None)


def _computed(
    connection: Connection[TupleRow],
    histories: Iterable[History],
    kept: Mapping[str, tuple[int, Row]],
) -> Iterator[Computed]:
    """The facts of those that have events."""
    begun = [(history, opening_of(history.events)) for history in histories if history.events]
    openings = _openings(connection, [one.user_id for one, opening in begun if opening is None])
    for (user, status_now, ltv, began_before, events), opening in begun:
        found = fold(events, opening or openings[user], began_before=began_before)
        # Where an event gave it, the status is that after these events, not of another moment.
        is_given = found.facts.first_status_at and not began_before
        row = found.status if is_given else status_now, ltv, *values_of(found.facts)
        customer, held = kept.get(user, (None, None))
        yield Computed(user, customer, row, row == held, found)


def _openings(connection: Connection[TupleRow], users: Sequence[str]) -> Mapping[str, str]:
    """The status before the first event, where no event tells."""
    return dict(rows_of(connection, "openings", {"customers": users})) if users else {}
