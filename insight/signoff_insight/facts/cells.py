"""The numbers of what exposures show: rows of exposure_cells.

Millions of exposures have the same month, tags, status, reviewer and CTA as many others. They name
this combination by a number, which views count by.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.facts.arrays import arrays
from signoff_insight.facts.kept import Row, rows_of
from signoff_insight.facts.rows import Exposure

_ROW: Final = ("customer", *Exposure._fields)
_OWN: Final = ("customer", "place", "exposed_at", "converted_after", "first_tags")
_SHARED: Final = ("month", "tags", "customer_status", "is_first", "reviewer_id", "cta")
_own: Final = itemgetter(*map(_ROW.index, _OWN))
_shared: Final = itemgetter(*map(_ROW.index, _SHARED))
_MOST: Final = 200_000
"""Combinations that are read beforehand; if there are more, the others are looked up."""


class Cells:
    """The numbers that a transaction knows.

    It is for one transaction: what this one added is not there if it is rolled back.
    """

    def __init__(self, connection: Connection[TupleRow]) -> None:
        """Knows none."""
        self._connection = connection
        self._known: dict[Row, int] = {}

    def recall(self) -> None:
        """Read all of them: that is quicker for who is about to write most of them."""
        self._know(rows_of(self._connection, "kept_cells", {"most": _MOST}))

    def stored(self, exposures: Sequence[Row]) -> Iterator[Row]:
        """The rows of customer_exposures, as `copy_exposures.sql` has them.

        Args:
            exposures: customers, each with the values of an `Exposure`.
        """
        if unknown := {*map(_shared, exposures)} - self._known.keys():
            self._know(rows_of(self._connection, "cells", arrays(_SHARED, unknown)))
        return ((*_own(row), self._known[_shared(row)]) for row in exposures)

    def _know(self, rows: Iterable[TupleRow]) -> None:
        self._known.update((row[1:], row[0]) for row in rows)
