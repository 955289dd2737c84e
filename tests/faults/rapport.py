"""The reader that keeps contexts on a second server: two instances, and what they have kept."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from processes import eventually
from psycopg import Connection

from faults.postgres import PostgresServer
from faults.process_group import ProcessGroup
from signoff_db.connection import connect
from signoff_db.feed_lag import behind
from signoff_insight.rapport.computing import BY_INDEX, computed
from signoff_insight.rapport.create import create
from signoff_insight.rapport.state import READER, state_of
from signoff_schemas import Settings

_INSTANCES: Final = 2
_TOUCHED: Final = "SELECT FROM touched_customers WHERE reader = %s LIMIT 1"
_CUSTOMERS: Final = "SELECT user_id FROM customers UNION SELECT user_id FROM reviews"
_KEPT: Final = "SELECT user_id, context::text FROM contexts"
_SHOWN: Final = 5


class Rapport:
    """The instances, and the contexts on the second server."""

    def __init__(
        self, ledger: PostgresServer, second: PostgresServer, log: Path, env: Mapping[str, str]
    ) -> None:
        """Make the tables, and start them; `env` leads them through the network."""
        self._ledger = ledger
        self._second = second
        create(self._url)
        self.processes = ProcessGroup("crashing_rapport", log, dict(env))
        self.processes.start(_INSTANCES)

    def lose_position(self) -> None:
        """Delete how far the reader has read, so that it has to compute all contexts anew."""
        with connect(self._url) as second:
            second.execute("DELETE FROM feed_readers")

    def until_caught_up(self) -> None:
        """Wait until all that changed customers is read, and no rebuild is under way."""
        with connect(self._ledger.url) as ledger, connect(self._url) as second:
            eventually(
                lambda: _has_caught_up(ledger, second),
                what="the contexts are kept",
                log=self.processes.log,
            )

    def rows(self) -> dict[str, str]:
        """The contexts that are there."""
        with connect(self._url) as second:
            return dict(second.execute(_KEPT).fetchall())

    def findings(self) -> Iterator[str]:
        """Contexts that differ from those of a rebuild."""
        with connect(self._ledger.url) as ledger, connect(self._url) as second:
            yield from differences(ledger, second)

    @property
    def _url(self) -> str:
        return Settings.load(rapport_url=self._second.url).rapport


def differences(ledger: Connection[Any], second: Connection[Any]) -> Iterator[str]:
    """Contexts that differ, byte for byte, from those which follow from the ledger now."""
    ledger.execute(BY_INDEX)
    users = [user for (user,) in ledger.execute(_CUSTOMERS)]
    given = (one for part in computed(ledger, users) for one in part)
    due = {user: context for user, context in given if context is not None}
    kept = dict(second.execute(_KEPT))
    wrong = [user for user in sorted(due.keys() | kept.keys()) if due.get(user) != kept.get(user)]
    if wrong:
        yield f"{len(kept)} contexts were kept; a rebuild gives {len(due)}, {len(wrong)} others"
    for user in islice(wrong, _SHOWN):
        yield f"the context of {user} is {kept.get(user)}, and a rebuild gives {due.get(user)}"


def _has_caught_up(ledger: Connection[Any], second: Connection[Any]) -> bool:
    found, state = behind(ledger, READER), state_of(second)
    is_read = found is not None and found.oldest_unread_at is None and found.failure is None
    is_whole = state is not None and state.step is None
    return is_read and is_whole and ledger.execute(_TOUCHED, [READER]).fetchone() is None
