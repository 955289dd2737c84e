"""Readers of the feed: two instances, of which one works, that note each event they are given."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from processes import eventually

from faults.postgres import Postgres
from faults.process_group import ProcessGroup

_INSTANCES: Final = 2
_LEDGER: Final = "SELECT event_id::text FROM approvals"
_NOTED: Final = "SELECT event_id::text FROM signoff.noted"
_HAS_CAUGHT_UP: Final = """
    SELECT (SELECT count(*) FROM signoff.noted) >= (SELECT count(*) FROM approvals)"""


class Readers:
    """The instances, and what they have noted."""

    def __init__(self, postgres: Postgres, log: Path, env: Mapping[str, str]) -> None:
        """Start them."""
        self._postgres = postgres
        postgres.execute("CREATE TABLE signoff.noted (event_id uuid NOT NULL)")
        self.processes = ProcessGroup("crashing_reader", log, dict(env))
        self.processes.start(_INSTANCES)

    def until_caught_up(self) -> None:
        """Wait until they have noted as many events as the ledger holds."""
        eventually(
            lambda: self._postgres.execute(_HAS_CAUGHT_UP) == [(True,)],
            what="the feed is read",
            log=self.processes.log,
        )

    def findings(self) -> Iterator[str]:
        """Events of the ledger that were not noted exactly once, and others that were noted."""
        noted, ledger = Counter(self._ids(_NOTED)), set(self._ids(_LEDGER))
        for event_id in ledger | noted.keys():
            if noted[event_id] != int(event_id in ledger):
                held = "is" if event_id in ledger else "is not"
                yield f"{event_id} {held} in the ledger, and was read {noted[event_id]} times"

    def _ids(self, query: str) -> list[str]:
        return [event_id for (event_id,) in self._postgres.execute(query)]
