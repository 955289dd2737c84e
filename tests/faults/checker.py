"""Compares the tables with what was published, in plain SQL and Python, without the product's code.

Each event with a receipt has to be either in the ledger or in the dead letters; the tables have to
equal the fold of the events in the ledger.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from faults.events import Published
from faults.fold import Row, fold, ledger_row

_LEDGER: Final = """
    SELECT event_id::text, occurred_at, interaction_id::text, user_id, reviewer_id, final_bubbles,
           edit_tags, quality_score, reviewer_notes, cta_data, customer_status, decided_by, reason,
           evidence, rests_on::text, ltv_amount
    FROM approvals"""
_LETTERS: Final = "SELECT job_id, state, kind FROM dead_letters WHERE state <> 'resolved'"
_INTERACTIONS: Final = """
    SELECT id::text, user_id, review_status, customer_status, ltv_usd, final_bubbles, edit_tags,
           quality_score, review_completed_at, reviewer_id, reviewer_notes, cta_data
    FROM interactions"""
_CUSTOMERS: Final = "SELECT user_id, customer_status, ltv_usd FROM customers"
_DECISIONS: Final = "SELECT event_id::text, user_id, customer_status, void FROM status_decisions"


@dataclass(frozen=True)
class Account:
    """The place of every event, and the findings."""

    published: int
    applied: int
    dead: int
    discarded: int
    lost: frozenset[str]
    """Published, and neither in the ledger, nor a dead letter, nor queued."""
    doubled: frozenset[str]
    """In two places."""
    wrong: tuple[str, ...]
    """Other findings, as text."""

    @property
    def exact(self) -> bool:
        """Whether published = applied + dead + discarded, and every value is correct."""
        placed = self.applied + self.dead + self.discarded
        return placed == self.published and not (self.lost or self.doubled or self.wrong)


@dataclass(frozen=True)
class Tables:
    """The rows of the tables, by keys."""

    ledger: dict[str, Row]
    letters: list[tuple[str, str, str]]
    interactions: dict[str, Row]
    customers: dict[str, Row]
    decisions: dict[str, Row]

    @classmethod
    def read(cls, database: Connection[Any]) -> "Tables":
        """All of it, in one snapshot."""
        with database.transaction():
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return cls(
                {row[0]: row[1:] for row in database.execute(_LEDGER)},
                list(database.execute(_LETTERS)),
                {row[0]: row[1:] for row in database.execute(_INTERACTIONS)},
                {row[0]: row[1:] for row in database.execute(_CUSTOMERS)},
                {row[0]: row[1:] for row in database.execute(_DECISIONS)},
            )


def account(published: Mapping[str, Published], database: Connection[Any]) -> Account:
    """Account for everything published; the queue has to be empty."""
    tables = Tables.read(database)
    places = Counter([*tables.ledger, *(job_id for job_id, *_ in tables.letters)])
    states = Counter(state for _, state, _ in tables.letters)
    return Account(
        published=len(published),
        applied=len(tables.ledger),
        dead=states["dead"],
        discarded=states["discarded"],
        lost=frozenset(published.keys() - places.keys()),
        doubled=frozenset(job_id for job_id, times in places.items() if times > 1),
        wrong=(
            *(
                f"{i} is in the tables; nobody published it"
                for i in places.keys() - published.keys()
            ),
            *_misplaced(published, tables),
            *_differing(published, tables),
        ),
    )


def _misplaced(published: Mapping[str, Published], tables: Tables) -> Iterator[str]:
    """Good events that are dead, bad ones that were applied."""
    for job_id, state, kind in tables.letters:
        if job_id in published and published[job_id].expect == "applied":
            yield f"{job_id} is good, and {state} as {kind}"
    for job_id in tables.ledger:
        if job_id in published and published[job_id].expect == "dead":
            yield f"{job_id} is bad, and was applied"


def _differing(published: Mapping[str, Published], tables: Tables) -> Iterator[str]:
    """Rows that differ from the fold of the published events."""
    applied = {job_id: published[job_id].event for job_id in tables.ledger if job_id in published}
    events = {job_id: event for job_id, event in applied.items() if event}
    interactions, customers, decisions = fold(events.values())
    ledger = {job_id: ledger_row(event) for job_id, event in events.items()}
    yield from _between("ledger", ledger, tables.ledger)
    yield from _between("interaction", interactions, tables.interactions)
    yield from _between("customer", customers, tables.customers)
    yield from _between("decision", decisions, tables.decisions)


def _between(what: str, due: Mapping[str, Row], held: Mapping[str, Row]) -> Iterator[str]:
    for key in due.keys() | held.keys():
        if due.get(key) != held.get(key):
            yield f"{what} {key} holds {held.get(key)}, and has to hold {due.get(key)}"
