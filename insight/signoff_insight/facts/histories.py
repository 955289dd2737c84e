"""Read whole histories: all events of some customers, in order."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final, LiteralString, NamedTuple

from psycopg import Connection, ServerCursor
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.facts.folding import Event
from signoff_insight.facts.kept import as_texts
from signoff_insight.facts.planning import BY_INDEX, IN_BULK
from signoff_insight.facts.rows import to_row
from signoff_insight.facts.state import PACKAGE

_FETCHED: Final = 5_000
"""Rows that are fetched together."""
_CUSTOMERS: Final = 1_000
_EVENTS: Final = 20_000
"""Customers and events of a group, unless one customer has more."""
_COLUMNS: Final = len(Event._fields)


class History(NamedTuple):
    """What the ledger holds of a customer."""

    user_id: str
    customer_status: str
    """Its status now."""
    ltv_usd: Decimal
    began_before: bool
    """Whether some of its events were in detached partitions."""
    events: Sequence[Event]
    """In order; none if it never had one that counts."""


def histories_of(
    connection: Connection[TupleRow], customers: Sequence[str], timezone: str
) -> Sequence[History]:
    """The histories of these customers, which are looked up; of unknown ones there is none.

    Args:
        connection: inside of a transaction, with the settings `BY_INDEX`.
        customers: their user_ids.
        timezone: see `events.sql`.
    """
    parameters = {"customers": [*customers], "timezone": timezone}
    with connection.cursor() as cursor:
        rows = as_texts(cursor).execute(of_some(), parameters, prepare=True).fetchall()
    return [*_histories(rows)]


def histories_between(
    connection: Connection[TupleRow], after: str, upto: str, timezone: str
) -> Iterator[Sequence[History]]:
    """The histories of many customers, group by group; they are never in memory together.

    They are read in bulk, in the way that the planner finds best for so many, and sorted by the
    server. The statements that are run between two groups have the settings `BY_INDEX`.

    Args:
        connection: inside of a transaction.
        after: the user_id before the first one, in the order of `customers.user_id`.
        upto: the last one.
        timezone: see `events.sql`.
    """
    connection.execute(IN_BULK)
    with connection.cursor("histories", scrollable=False) as cursor:
        parameters = {"after": after, "upto": upto, "timezone": timezone}
        as_texts(cursor).execute(_in_range(), parameters)
        connection.execute(BY_INDEX)
        group: list[History] = []
        events = 0
        for history in _histories(_fetched(cursor)):
            group.append(history)
            events += len(history.events)
            if len(group) >= _CUSTOMERS or events >= _EVENTS:
                yield group
                group, events = [], 0
        yield group


def of_some() -> LiteralString:
    """The statement that looks up the events of the users in the parameter `customers`."""
    text = statement("facts/events", PACKAGE)
    text = text.replace("{customers}", "unnest(%(customers)b::text[])")
    return text.replace("{one_by_one}", "OFFSET 0")


def _in_range() -> LiteralString:
    """The statement that reads the events of all users behind `after`, up to `upto`."""
    some = "(SELECT user_id FROM customers WHERE user_id > %(after)s AND user_id <= %(upto)s)"
    text = statement("facts/events", PACKAGE)
    return text.replace("{customers}", some).replace("{one_by_one}", "")


def _fetched(cursor: ServerCursor[TupleRow]) -> Iterator[TupleRow]:
    while rows := cursor.fetchmany(_FETCHED):
        yield from rows


def _histories(rows: Iterable[TupleRow]) -> Iterator[History]:
    for user_id, of_user in groupby(rows, key=itemgetter(0)):
        _, at, _, status, _, _, _, _, _, usd, began_before = next(of_user)
        # Who has no row of customers is not known.
        if at is None:
            events = [to_row(Event, row[:_COLUMNS]) for row in of_user]
            yield History(user_id, status, usd, began_before, events)
