"""The law of standings by `applied`: what came later was not known."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from approvals import apply_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed import mixed_events
from parallel import forget_events
from plain_transitions import everybody, plain_matches, plain_standings

from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_insight.transitions.reading import Instant, matches
from signoff_insight.transitions.rules import Rule
from signoff_insight.transitions.standing import Basis, Standing

DAYS = (datetime(2025, 1, 30, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
RULES = everybody()


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[BatchConnection]:
    """A connection that applies events."""
    with connect_for_batches(module_database_url, application="test") as opened:
        yield opened


def standings(
    connection: BatchConnection, at: datetime, basis: Basis
) -> list[tuple[Rule, Standing]]:
    """Those of all customers."""
    with connection.transaction():
        found = matches(connection, RULES, Instant(at, "UTC", basis))
        return [(match.rule, match.standing) for match in found]


def now(connection: BatchConnection) -> datetime:
    """The clock of Postgres; what is applied after this is applied later."""
    (found,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    assert isinstance(found, datetime)
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    before=st.integers(1, 20),
    after=st.integers(0, 20),
    share=st.floats(0, 1),
)
def test_standings_by_applied_are_those_of_the_ledger_as_it_was(
    connection: BatchConnection, seed: int, before: int, after: int, share: float
) -> None:
    """Whatever arrives later, of whatever time: also decisions that it makes void, or count."""
    forget_events(connection)
    events = mixed_events(random.Random(seed), before + after, *DAYS)
    apply_events(connection, *events[:before])
    at = now(connection)
    seen = standings(connection, at, Basis.OCCURRED)
    apply_events(connection, *events[before:])
    assert standings(connection, at, Basis.APPLIED) == seen
    assert seen == list(
        plain_matches(RULES.rules, plain_standings(events[:before], at).values(), at)
    )
    # By occurrence, any instant is that of a ledger in which nothing ever was late.
    during = DAYS[0] + (DAYS[1] - DAYS[0]) * share
    plain = plain_standings(events, during).values()
    assert standings(connection, during, Basis.OCCURRED) == list(
        plain_matches(RULES.rules, plain, during)
    )
