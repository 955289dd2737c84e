"""The reader that keeps the customer facts, which kills itself with signal 9.

Run as `python -m crashing_facts [POINT]`, it dies at a point of `mortal`, or within a rebuild:
`when half of a part is committed` or `before a part is committed`; or it reads until SIGTERM.
"""

import sys
from typing import TYPE_CHECKING

from mortal import Mortal, read
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.facts.reader import FactsReader
from signoff_insight.facts.state import State
from signoff_schemas import Settings

if TYPE_CHECKING:
    from concurrent.futures import Future

_PART = 100
"""Customers that a rebuild computes together: few, so that it has several parts."""


class CrashingFacts(Mortal, FactsReader):
    """Kills itself within a rebuild too."""

    def _rebuild_chunk(self, connection: Connection[TupleRow], state: State) -> None:
        super()._rebuild_chunk(connection, state)
        self.crash_at("before a part is committed")

    def _refresh_apart(self, after: str, upto: str) -> "Future[str | None]":
        second = super()._refresh_apart(after, upto)
        second.exception()  # it is done
        self.crash_at("when half of a part is committed")
        return second


if __name__ == "__main__":
    settings = Settings.load()
    facts = CrashingFacts(
        settings.require("database_url"), settings.timezone, poll=0.1, chunk=_PART, together=2
    )
    read(facts, "".join(sys.argv[1:]))
