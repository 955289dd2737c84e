"""Whether what is known is up to date: else customers look silent who are not."""

from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed_lag import behind
from signoff_insight.facts.reader import READER
from signoff_insight.facts.state import State, state_of
from signoff_insight.transitions.decision_errors import StaleDataError
from signoff_insight.transitions.rules import MOST_STALE_HOURS
from signoff_schemas.wording import ago

MOST_BEHIND: Final = timedelta(minutes=5)
"""So long an event may have been applied that the customer facts do not hold."""
_RUN: Final = "`signoff insight run` has to run"


def require_fresh(
    connection: Connection[TupleRow], timezone: str, at: datetime, stale_after: timedelta
) -> State:
    """The state of the customer facts, where a run may rely on them.

    Args:
        connection: to the ledger.
        timezone: the one that is set.
        at: the instant at which customers are judged.
        stale_after: so long before it the newest event may have occurred.

    Raises:
        StaleDataError: they are not complete or not up to date, or there is no recent event.
    """
    state = state_of(connection)
    if state is None:
        raise StaleDataError(f"the customer facts were never built: {_RUN}")
    if state.rebuilt_at is None:
        raise StaleDataError(
            f"the customer facts are being built, {state.customers_rebuilt:,} of "
            f"{state.customers_to_rebuild:,} customers are done: {_RUN} until they are"
        )
    if not state.fits(timezone):
        raise StaleDataError(
            f"the customer facts are those of the time zone {state.timezone}, or of another "
            f"release, or partitions of the ledger were detached since: {_RUN}, with "
            f"SIGNOFF_TIMEZONE={timezone}"
        )
    _require_read(connection)
    _require_recent(state, at, stale_after)
    return state


def _require_read(connection: Connection[TupleRow]) -> None:
    """Check that the facts hold what was applied up to some minutes ago."""
    lag = behind(connection, READER)
    if lag is None:
        raise StaleDataError(f"nobody keeps the customer facts: {_RUN}")
    if lag.failure is not None:
        raise StaleDataError(f"the customer facts cannot be kept up to date: {lag.failure}")
    if lag.oldest_unread_at and (late := datetime.now(UTC) - lag.oldest_unread_at) > MOST_BEHIND:
        raise StaleDataError(
            f"the customer facts lack events that were applied {ago(late)} ago: {_RUN}"
        )


def _require_recent(state: State, at: datetime, stale_after: timedelta) -> None:
    if state.data_until is None:
        raise StaleDataError("the ledger holds no event, so there is nobody to judge")
    if (age := at - state.data_until) > stale_after:
        raise StaleDataError(
            f"the newest event occurred at {state.data_until:%Y-%m-%d %H:%M} UTC, {ago(age)} "
            f"before {at:%Y-%m-%d %H:%M}: all customers would look silent. See whether events "
            "arrive (`signoff status`); for history that was imported, say for which time, such as "
            f"--at {state.data_until:%Y-%m-%d}{_or_raise(age)}"
        )


def _or_raise(age: timedelta) -> str:
    """What else helps, where the rules can say it."""
    return (
        "; or raise stale_after_hours in the rules"
        if age <= timedelta(hours=MOST_STALE_HOURS)
        else ""
    )
