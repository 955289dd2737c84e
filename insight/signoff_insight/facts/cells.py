"""The numbers of what exposures show: rows of exposure_cells and exposure_reviewers.

Millions of exposures have the same month, status, tags and CTA as many others, or the same month,
status and reviewer. They name both combinations by numbers, which views count by. One number for
all of it would have so many values that the counts would leave the processor's cache.
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
_SHOWN: Final = ("month", "tags", "customer_status", "is_first", "cta")
_REVIEWER: Final = ("month", "customer_status", "is_first", "reviewer_id")
_own: Final = itemgetter(*map(_ROW.index, _OWN))
_MOST: Final = 200_000
"""Combinations that are read beforehand; if there are more, the others are looked up."""


class Cells:
    """The numbers that a transaction knows.

    It is for one transaction: what this one added is not there if it is rolled back.
    """

    def __init__(self, connection: Connection[TupleRow]) -> None:
        """Knows none."""
        self._shown = _Numbers(connection, "cells", _SHOWN)
        self._reviewers = _Numbers(connection, "reviewer_cells", _REVIEWER)

    def recall(self) -> None:
        """Read all of them: that is quicker for who is about to write most of them."""
        self._shown.recall()
        self._reviewers.recall()

    def stored(self, exposures: Sequence[Row]) -> Iterator[Row]:
        """The rows of customer_exposures, as `copy_exposures.sql` has them.

        Args:
            exposures: customers, each with the values of an `Exposure`.
        """
        shown, reviewers = self._shown.of(exposures), self._reviewers.of(exposures)
        rows = zip(map(_own, exposures), shown, reviewers, strict=True)
        return ((*own, cell, reviewer_cell) for own, cell, reviewer_cell in rows)


class _Numbers:
    """The numbers of the combinations of some columns."""

    def __init__(self, connection: Connection[TupleRow], name: str, columns: Sequence[str]) -> None:
        self._connection = connection
        self._name = name
        self._columns = columns
        self._combination = itemgetter(*map(_ROW.index, columns))
        self._known: dict[Row, int] = {}

    def recall(self) -> None:
        self._know(rows_of(self._connection, f"kept_{self._name}", {"most": _MOST}))

    def of(self, exposures: Iterable[Row]) -> Iterator[int]:
        """The number of each; those that are not known are looked up, or added."""
        combinations = [*map(self._combination, exposures)]
        if unknown := {*combinations} - self._known.keys():
            self._know(rows_of(self._connection, self._name, arrays(self._columns, unknown)))
        return map(self._known.__getitem__, combinations)

    def _know(self, rows: Iterable[TupleRow]) -> None:
        self._known.update((row[1:], row[0]) for row in rows)
