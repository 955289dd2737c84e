"""Facts in a database, and views of them, for tests."""

from collections.abc import Sequence

from approvals import apply_events
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect, connect_for_batches
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_insight.facts.state import reach_of
from signoff_insight.report import Asked, Report, Value
from signoff_insight.views.registry import VIEWS
from signoff_schemas import AnyEvent

BATCH = 500


def apply_all(database_url: str, events: Sequence[AnyEvent], *, batch: int = BATCH) -> None:
    """Apply the events in this order."""
    with connect_for_batches(database_url, application="test") as connection:
        for first in range(0, len(events), batch):
            apply_events(connection, *events[first : first + batch])


def keep_facts(database_url: str, timezone: str = "UTC") -> None:
    """Let the reader of the facts catch up."""
    reader = FactsReader(database_url, timezone)
    try:
        while reader.turn() is not Turn.CAUGHT_UP:
            pass
    finally:
        reader.close()


def build_facts(database_url: str, events: Sequence[AnyEvent], timezone: str = "UTC") -> None:
    """Apply the events in this order, and compute the facts."""
    apply_all(database_url, events)
    keep_facts(database_url, timezone)


def view(database_url: str, name: str, asked: Asked | None = None) -> Report:
    """The answer of a view to a question."""
    with connect(database_url) as connection:
        return answer(connection, name, asked)


def answer(connection: Connection[TupleRow], name: str, asked: Asked | None = None) -> Report:
    """The answer of a view to a question, on a connection."""
    return VIEWS[name].answer(connection, asked or Asked(), reach_of(connection, "UTC"))


def cells(
    report: Report, table: str, *key: str
) -> dict[Value | tuple[Value, ...], dict[str, Value]]:
    """The rows of a table, by the values of these columns."""
    rows = {}
    for record in report.table(table).records:
        values = tuple(record[name] for name in key)
        rows[values if len(key) > 1 else values[0]] = dict(record)
    return rows
