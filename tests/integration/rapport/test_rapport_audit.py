"""The audit tells which contexts are wrong, in which fields, and which are only behind."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from approvals import TEN, apply_events, approval, decision
from plain_rapport import PlainReview
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import catch_up, insert_reviews

from signoff_db.connection import BatchConnection, connect
from signoff_db.feed_state import FeedRestoredError
from signoff_insight.rapport.audit import Difference, RapportAudit
from signoff_insight.rapport.reader import RapportReader
from signoff_ops.rapport_audit import audit_contexts, difference_text
from signoff_schemas import Settings


@pytest.fixture
def settings(database_url: str, empty_database_url: str) -> Settings:
    """With both databases."""
    return Settings.load(database_url=database_url, rapport_url=empty_database_url)


@pytest.fixture
def rapport(
    connection: BatchConnection, reader: RapportReader, rapport_url: str
) -> Iterator[Connection[TupleRow]]:
    """A connection to the second database, with the contexts of three customers."""
    apply_events(connection, *[approval(user_id=user) for user in ("ann", "bob", "cyd")])
    catch_up(reader)
    with connect(rapport_url) as opened:
        yield opened


@pytest.mark.usefixtures("rapport")
def test_contexts_that_are_kept_are_right(settings: Settings) -> None:
    """All are compared."""
    told: list[int] = []
    assert audit_contexts(settings, told.append) == RapportAudit(3, 0, 0, ())
    assert told[-1] == 3


def test_what_is_wrong_is_named(rapport: Connection[TupleRow], settings: Settings) -> None:
    """A missing context, one too many, and fields that differ, also in the digits of a number."""
    rapport.execute("DELETE FROM contexts WHERE user_id = 'ann'")
    rapport.execute(
        'UPDATE contexts SET context = context || \'{"ltv_usd": "7.00", "more": 1,'
        ' "scores": {"mean": 4.0, "last": [4]}}\' WHERE user_id = \'bob\''
    )
    rapport.execute("INSERT INTO contexts (user_id, context) VALUES ('eve', '{}')")
    found = audit_contexts(settings)
    assert (found.customers, found.behind, found.wrong) == (3, 0, 3)
    assert [(one.user_id, difference_text(one)) for one in found.examples] == [
        ("ann", "there is no context"),
        ("bob", "differs in ltv_usd, more, scores"),
        ("eve", "the ledger does not know this customer"),
    ]


def test_what_was_not_read_yet_is_behind(
    connection: BatchConnection,
    reader: RapportReader,
    rapport: Connection[TupleRow],
    settings: Settings,
) -> None:
    """Events of both kinds and noted changes; what is wrong beside them is still found."""
    rapport.execute("UPDATE contexts SET context = '{}' WHERE user_id = 'cyd'")
    apply_events(connection, approval(5, user_id="ann"), decision(6, user_id="new"))
    with connect(settings.require("database_url")) as upstream:
        insert_reviews(upstream, [PlainReview(uuid4(), "bob", TEN)])
    found = audit_contexts(settings)
    assert (found.behind, found.wrong) == (3, 1)
    assert [one.user_id for one in found.examples] == ["cyd"]
    catch_up(reader)
    assert (audit_contexts(settings).behind, audit_contexts(settings).wrong) == (0, 1)


def test_contexts_that_are_being_rebuilt_are_behind(
    reader: RapportReader, rapport: Connection[TupleRow], settings: Settings
) -> None:
    """Until the rebuild is done."""
    rapport.execute("DELETE FROM contexts")
    reader.begin_rebuild()
    assert audit_contexts(settings) == RapportAudit(3, 3, 0, ())
    catch_up(reader)
    assert audit_contexts(settings) == RapportAudit(3, 0, 0, ())


def test_a_reader_that_cannot_go_on_is_told(
    rapport: Connection[TupleRow], settings: Settings
) -> None:
    """Contexts of another ledger are neither late nor wrong."""
    rapport.execute("UPDATE contexts SET context = '{}'")
    rapport.execute(
        "UPDATE feed_readers SET position = regexp_replace(position, '^1\\.\\w+', '1.' || %s)",
        [uuid4().hex],
    )
    with pytest.raises(FeedRestoredError):
        audit_contexts(settings)


def test_few_examples_stand_for_many(rapport: Connection[TupleRow], settings: Settings) -> None:
    """All are counted."""
    rapport.execute(
        "INSERT INTO contexts (user_id, context)"
        " SELECT 'x' || n, '{}' FROM generate_series(1, 700) AS n"
    )
    found = audit_contexts(settings)
    assert (found.wrong, len(found.examples)) == (700, 100)
    assert found.examples[0] == Difference("x1", is_missing=False, is_unknown=True, fields=[])
