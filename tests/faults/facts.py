"""The reader that keeps the customer facts: two instances, and what they have kept."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from fact_tables import Tables, tables_of
from processes import eventually
from psycopg import Connection

from faults.postgres import Postgres
from faults.process_group import ProcessGroup
from signoff_db.connection import connect
from signoff_db.feed_lag import behind
from signoff_insight.facts.reader import READER
from signoff_insight.facts.refreshing import refresh
from signoff_insight.facts.state import state_of

_INSTANCES: Final = 2
TIMEZONE: Final = "Europe/Berlin"
_EMPTY: Final = """
    TRUNCATE customer_facts, customer_purchases, customer_spells, customer_exposures"""
_SHOWN: Final = 5


class Facts:
    """The instances, and the facts in the ledger's database."""

    def __init__(self, postgres: Postgres, log: Path, env: Mapping[str, str]) -> None:
        """Start them."""
        self._postgres = postgres
        self.processes = ProcessGroup("crashing_facts", log, dict(env))
        self.processes.start(_INSTANCES)

    def lose_position(self) -> None:
        """Delete how far the reader has read, so that it has to compute all facts anew."""
        self._postgres.execute("DELETE FROM feed_readers WHERE name = %s", READER)

    def until_caught_up(self) -> None:
        """Wait until every event of the ledger is read, and no rebuild is under way."""
        with connect(self._postgres.url) as ledger:
            eventually(
                lambda: _has_caught_up(ledger), what="the facts are kept", log=self.processes.log
            )

    def rows(self) -> Tables:
        """The facts that are there."""
        with connect(self._postgres.url) as ledger:
            return tables_of(ledger)

    def findings(self) -> Iterator[str]:
        """Rows that differ from those of a rebuild."""
        with connect(self._postgres.url) as ledger:
            yield from differences(ledger)


def differences(ledger: Connection[Any]) -> Iterator[str]:
    """Rows of facts that differ from those which follow from the ledger now."""
    with ledger.transaction(force_rollback=True):
        kept = tables_of(ledger)
        users = [user for (user,) in ledger.execute("SELECT user_id FROM customers")]
        ledger.execute(_EMPTY)
        refresh(ledger, users, TIMEZONE)
        yield from _differing(kept, tables_of(ledger))


def _has_caught_up(ledger: Connection[Any]) -> bool:
    found, state = behind(ledger, READER), state_of(ledger)
    is_read = found is not None and found.oldest_unread_at is None and found.failure is None
    return is_read and state is not None and state.rebuilt_at is not None


def _differing(kept: Tables, due: Tables) -> Iterator[str]:
    for name, rows in due.items():
        if kept[name] != rows:
            held, given = list(map(str, kept[name])), list(map(str, rows))
            yield f"{len(held)} rows of {name} were kept, and a rebuild gives {len(given)}"
            yield from _only_in(held, given, f"the {name} hold a row that a rebuild does not give")
            yield from _only_in(given, held, f"the {name} lack a row that a rebuild gives")


def _only_in(some: list[str], others: list[str], what: str) -> Iterator[str]:
    known = set(others)
    return (f"{what}: {row}" for row in islice((one for one in some if one not in known), _SHOWN))
