"""Add new events to the facts that are kept, without reading the events before them.

That is done if all new events of a customer are approvals, newer than what the facts hold, and what
they mean does not depend on earlier ones that the facts do not tell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed import FeedEvent
from signoff_insight.facts.arrays import array
from signoff_insight.facts.folding import Event, Fold
from signoff_insight.facts.kept import (
    KeptRows,
    kept_exposures,
    kept_purchases,
    kept_spells,
    rows_of,
)
from signoff_insight.facts.rows import Facts
from signoff_insight.facts.writing import Advanced, add

News = Mapping[str, Sequence[Event]]
"""New events by user_id, those of each user in order."""
_BEGINNING: Final = "0001-01-01"


class _Known(NamedTuple):
    """What `known.sql` tells of a customer."""

    customer: int
    held_at: str
    """Where its row of customer_facts is."""
    ltv_usd: Decimal
    status: str
    facts: Facts


def news_of(connection: Connection[TupleRow], events: Sequence[FeedEvent], timezone: str) -> News:
    """The customers of applied events, with these events."""
    ids = array("events", (event.id_text for event in events))
    parameters = {**ids, "timezone": timezone}
    rows = map(Event._make, rows_of(connection, "new_events", parameters))
    return {user: [*of_user] for user, of_user in groupby(rows, key=itemgetter(0))}


def advance(connection: Connection[TupleRow], news: News) -> set[str]:
    """Add these events to the facts where that can be done; returns of which customers."""
    known = {user: one for user, one in _known(connection, news) if _follow(news[user], one.facts)}
    if not known:
        return set()
    kept = _rows_to_recall(connection, known, news)
    advanced = [_advanced(one, news[user], kept) for user, one in known.items()]
    add(connection, advanced, _rows_to_replace(kept))
    return {*known}


def _known(connection: Connection[TupleRow], news: News) -> Iterator[tuple[str, _Known]]:
    users = [*news]
    numbers = array("news", map(len, news.values()))
    rows = rows_of(connection, "known", {**array("users", users), **numbers})
    for number, customer, held_at, ltv, status, *facts in rows:
        yield users[number - 1], _Known(customer, held_at, ltv, status, Facts(*facts))


def _follow(events: Sequence[Event], facts: Facts) -> bool:
    """Whether these events can be added to the facts."""
    given: set[str | None] = set()
    for event in events:
        if event.customer_status:
            given.add(event.interaction_id)
        elif event.ltv_amount is not None and event.interaction_id not in given:
            return False  # the facts do not tell the status of its interaction
        if event.interaction_id is None or event.day < (facts.last_purchase_on or _BEGINNING):
            return False
    return events[0].occurred_at > facts.last_event_at


def _rows_to_recall(
    connection: Connection[TupleRow], known: Mapping[str, _Known], news: News
) -> KeptRows:
    """What the folds must know of earlier events, beside the facts."""
    statuses = {one.customer: _statuses(one.status, news[user]) for user, one in known.items()}
    moving = [customer for customer, given in statuses.items() if len({*given}) > 1]
    shown = [customer for customer, given in statuses.items() if {*given[1:]} != {"CUSTOMER"}]
    days = {
        one.customer: one.facts.last_purchase_on
        for user, one in known.items()
        # Not only the first may be of that day: see `Fold._buy`.
        if any(event.day == one.facts.last_purchase_on for event in news[user])
    }
    return KeptRows(
        kept_purchases(connection, days),
        kept_spells(connection, moving),
        kept_exposures(connection, shown),
    )


def _statuses(status: str, events: Iterable[Event]) -> Sequence[str]:
    """The status before these events, and after each of them."""
    given = (event.customer_status for event in events)
    return [*accumulate(given, lambda before, now: now or before, initial=status)]


def _advanced(one: _Known, events: Iterable[Event], kept: KeptRows) -> Advanced:
    fold = Fold(one.facts, one.status)
    if spells := kept.spells.get(one.customer):
        fold.recall_spells(spells)
    fold.recall_exposures(kept.exposures.get(one.customer, ()))
    for bought in kept.purchases.get(one.customer, ()):
        fold.recall_day(bought)
    for event in events:
        fold.add(event)
    return Advanced(one.customer, one.held_at, one.ltv_usd, fold)


def _rows_to_replace(kept: KeptRows) -> KeptRows:
    """The rows that are kept, of those that the folds have."""
    last_spells = {customer: spells[-1:] for customer, spells in kept.spells.items()}
    return KeptRows(kept.purchases, last_spells)
