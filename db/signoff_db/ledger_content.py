"""Check by their hashes that the events of the ledger were not changed."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from signoff_db.sql import statement
from signoff_schemas import ApprovalEvent, InvalidEvent, content_hash

_AT_A_TIME: Final = 2000
_EXACT: Final = 10**16
"""The least float that Python writes with an exponent, which jsonb does not keep."""


def altered(connection: Connection[TupleRow]) -> Iterator[tuple[UUID, str, str]]:
    """The events whose content differs from their hash: id, noted hash, computed hash.

    Args:
        connection: inside a transaction, whose snapshot is read, in bounded memory.
    """
    with connection.cursor(name="ledger_content", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_A_TIME
        for row in cursor.execute(statement("ledger_content")):
            noted = bytes(row.pop("content_hash")).hex()
            found = _hash_of(row)
            if found != noted and not _rewritten_by_jsonb(row["cta_data"]):
                yield row["event_id"], noted, found


def _hash_of(event: dict[str, Any]) -> str:
    try:
        return content_hash(ApprovalEvent.parse(event).canonical_json()).hex()
    except InvalidEvent as error:
        return f"no valid event: {error}"


def _rewritten_by_jsonb(value: object) -> bool:
    """Whether it holds a number that jsonb may write differently, so that hashes do not compare."""
    match value:
        case dict():
            return any(map(_rewritten_by_jsonb, value.values()))
        case list():
            return any(map(_rewritten_by_jsonb, value))
        case int() | float():
            return abs(value) >= _EXACT or (value == 0 and isinstance(value, float))
    return False
