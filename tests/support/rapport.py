"""The second database and its contexts, for tests."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from plain_rapport import PlainReview
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from signoff_db.connection import connect
from signoff_db.feed_reader import Turn
from signoff_insight.rapport.reader import RapportReader


@contextmanager
def open_rapport(ledger_url: str, rapport_url: str, **options: Any) -> Iterator[RapportReader]:
    """A reader that keeps contexts."""
    reader = RapportReader(ledger_url, rapport_url, **options)
    try:
        yield reader
    finally:
        reader.close()


def catch_up(reader: RapportReader) -> None:
    """Turns until there is no more."""
    while reader.turn() is not Turn.CAUGHT_UP:
        pass


def keep_contexts(ledger_url: str, rapport_url: str, **options: Any) -> None:
    """Let a reader catch up."""
    with open_rapport(ledger_url, rapport_url, **options) as reader:
        catch_up(reader)


def texts_of(rapport_url: str) -> dict[str, str]:
    """The contexts as they are stored, byte for byte."""
    with connect(rapport_url) as connection:
        return dict(connection.execute("SELECT user_id, context::text FROM contexts"))


def contexts_of(rapport_url: str) -> dict[str, dict[str, Any]]:
    """The contexts as values."""
    return {user: value_of(text) for user, text in texts_of(rapport_url).items()}


def value_of(text: str) -> dict[str, Any]:
    """A context as a value, with exact numbers."""
    value: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return value


def rebuilt_texts(ledger_url: str, rapport_url: str, **options: Any) -> dict[str, str]:
    """The contexts byte for byte, computed anew where there were none."""
    with connect(rapport_url) as connection:
        connection.execute("TRUNCATE contexts")
    with open_rapport(ledger_url, rapport_url, **options) as reader:
        reader.begin_rebuild()
        catch_up(reader)
    return texts_of(rapport_url)


def insert_reviews(connection: Connection[TupleRow], reviews: Iterable[PlainReview]) -> None:
    """Insert reviews, as an upstream does in SQL."""
    for review in reviews:
        connection.execute(
            "INSERT INTO signoff.reviews (interaction_id, user_id, received_at, customer_message,"
            " context, state, decided_at) VALUES (%s, %s, %s, %s, %s, %s,"
            " CASE WHEN %s <> 'pending' THEN now() END)",
            [
                review.interaction_id,
                review.user_id,
                review.received_at,
                review.customer_message,
                None if review.context is None else Jsonb(dict(review.context)),
                review.state,
                review.state,
            ],
        )
