"""Edit tags as bits: the same in SQL and in Python."""

from signoff_db.connection import BatchConnection
from signoff_insight.views.selection import tag_bit
from signoff_schemas import EDIT_TAGS


def test_each_tag_has_the_same_bit_in_the_facts_and_in_filters(
    connection: BatchConnection,
) -> None:
    """All tags of the taxonomy, so that a new one is not forgotten."""
    for tag in EDIT_TAGS:
        row = connection.execute("SELECT signoff_tag_bits(%s)", [[tag]]).fetchone()
        assert row == (tag_bit(tag),)
    assert len({tag_bit(tag) for tag in EDIT_TAGS}) == len(EDIT_TAGS)
