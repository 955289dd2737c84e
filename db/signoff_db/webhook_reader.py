"""The reader of the feed that writes the deliveries of webhooks.

What is applied and who is told of it are one transaction with the reader's position, so each
message is written once, whenever the reader is killed (see `feed_reader.py`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from signoff_db.feed import FeedEvent
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.sql import statement
from signoff_db.webhook_deliveries import Message, write
from signoff_db.webhooks import READER, WebhookKind
from signoff_schemas.wording import json_text, one_line_json

_ANY: Final = "SELECT EXISTS (SELECT FROM webhooks)"
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
"""Rows are looked up one by one, also where the planner believes that a table is small."""
_KINDS: Final = "SELECT DISTINCT unnest(kinds) FROM webhooks"


class WebhookReader(FeedReader):
    """Reads while there are webhooks: a reader that stands still would count as late."""

    def __init__(self, ledger_url: str, *, wrote: Callable[[], None], poll: float = 1.0) -> None:
        """`wrote` is called when there are new deliveries."""
        super().__init__(READER, self._write, ledger_url, poll=poll)
        self._wrote = wrote
        self._is_new = False

    def turn(self) -> Turn:
        """Read a page and write its deliveries; see `FeedReader.turn`."""
        if self._ledger_connected().execute(_ANY).fetchone() == (False,):
            return Turn.CAUGHT_UP
        self._is_new = False
        turn = super().turn()
        if self._is_new:
            self._wrote()
        return turn

    def _write(self, connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> None:
        self._is_new = write_deliveries(connection, events) > 0


def write_deliveries(connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> int:
    """Write the deliveries that follow from some applied events; returns how many."""
    connection.execute(_BY_INDEX)
    kinds = {row[0] for row in connection.execute(_KINDS).fetchall()}
    messages: list[Message] = []
    if WebhookKind.REVIEW_APPROVED in kinds:
        messages += _approved_reviews(connection, events)
    if WebhookKind.STATUS_CHANGED in kinds:
        messages += _status_changes(connection, events)
    return write(connection, messages)


def body_of(
    kind: str, happened_at: datetime, data: dict[str, Any], *, event: str | None = None
) -> str:
    """The JSON of a message: `type`, `timestamp` (when it happened) and `data`.

    `event` is JSON that `data` gets as its last member, as it is: no number is read and written.
    """
    body = json_text({"type": str(kind), "timestamp": happened_at, "data": data})
    if event is None:
        return body
    return f'{body.removesuffix("}}")}, "event": {one_line_json(event)}}}}}'


def _approved_reviews(
    connection: Connection[TupleRow], events: Sequence[FeedEvent]
) -> list[Message]:
    return [_approved(**row) for row in _rows(connection, "webhook_approved_reviews", events)]


def _approved(*, applied_at: datetime, event: str, **data: Any) -> Message:  # noqa: ANN401 -- as it comes
    kind = WebhookKind.REVIEW_APPROVED
    body = body_of(kind, applied_at, data | {"applied_at": applied_at}, event=event)
    return Message(kind, data["event_id"], applied_at, body)


def _status_changes(connection: Connection[TupleRow], events: Sequence[FeedEvent]) -> list[Message]:
    return [_status_change(**row) for row in _rows(connection, "webhook_status_changes", events)]


def _status_change(*, applied_at: datetime, **data: Any) -> Message:  # noqa: ANN401 -- as it comes
    kind = WebhookKind.STATUS_CHANGED
    return Message(kind, data["event_id"], applied_at, body_of(kind, applied_at, data))


def _rows(
    connection: Connection[TupleRow], name: LiteralString, events: Sequence[FeedEvent]
) -> list[dict[str, Any]]:
    parameters = {"events": [event.event_id for event in events]}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement(name), parameters).fetchall()
