"""Pruning deletes letters that were settled long ago, keeps dead ones, and is recorded."""

from datetime import UTC, datetime, timedelta

from approvals import apply_events, approval
from letters import EVERY_STATE, letters_in

from signoff_db.connection import BatchConnection
from signoff_db.discard import discard
from signoff_db.locations import unknown_jobs
from signoff_db.operator_actions import actions_of
from signoff_db.prune import Pruned, count_prunable, prunable, prune, pruned
from signoff_schemas import ApprovalEvent

EVERY = ("dead", "resolved", "discarded")


def bury(connection: BatchConnection) -> tuple[ApprovalEvent, ApprovalEvent]:
    """Make three letters: one is dead, one was resolved and one discarded a year ago.

    Returns the events of the latter two.
    """
    events = [approval(n, user_id=None) for n in range(3)]
    apply_events(connection, *events)
    of_event = {one.event_id: one.id for one in letters_in(connection)}
    discarded = of_event[events[2].event_id]
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [events[1].interaction_id])
    assert apply_events(connection, events[1]) == ["applied"]
    discard(connection, [discarded], actor="op", reason="test data")
    connection.execute(
        "UPDATE dead_letters SET first_failed_at = now() - interval '1 year',"
        " last_failed_at = now() - interval '1 year',"
        " resolved_at = resolved_at - interval '1 year'"
    )
    return events[1], events[2]


def left(connection: BatchConnection) -> list[str]:
    """The states of all letters."""
    return sorted(letter.state for letter in letters_in(connection, *EVERY_STATE))


def due(connection: BatchConnection, before: datetime) -> list[int]:
    """The ids of the letters to prune."""
    return [letter_id for ids in prunable(connection, before) for letter_id in ids]


def ago(**age: float) -> datetime:
    """A time before now."""
    return datetime.now(UTC) - timedelta(**age)


def test_only_letters_that_were_settled_long_ago_are_deleted(connection: BatchConnection) -> None:
    """The time of settling counts; a dead letter is never deleted."""
    bury(connection)
    assert count_prunable(connection, ago(days=400)) == Pruned()
    assert due(connection, ago(days=400)) == []
    assert count_prunable(connection, ago(days=300)) == Pruned(resolved=1, discarded=1)

    ids = due(connection, ago(days=300))
    done = prune(connection, ids, ago(days=300), actor="op", reason="old")

    assert done == Pruned(resolved=1, discarded=1)
    assert left(connection) == ["dead"]


def test_a_dead_letter_is_not_deleted_by_its_id(connection: BatchConnection) -> None:
    """The statement itself leaves it out; also a letter that was settled later."""
    bury(connection)
    ids = [letter.id for letter in letters_in(connection, *EVERY_STATE)]

    assert prune(connection, ids, ago(days=400), actor="op", reason="r") == Pruned()
    assert prune(connection, ids, ago(days=0), actor="op", reason="r") == Pruned(1, 1)
    assert left(connection) == ["dead"]


def test_pruning_is_recorded(connection: BatchConnection) -> None:
    """With actor, reason and letters; and with the ids of discarded events."""
    resolved, discarded = bury(connection)
    ids = due(connection, ago(days=300))
    prune(connection, ids, ago(days=300), actor="ann", reason="old")

    action = actions_of(connection, ids[0])[-1]
    assert (action.actor, action.action, action.reason) == ("ann", "prune", "old")
    assert action.before["states"] == {"resolved": 1, "discarded": 1}
    (trace,) = pruned(connection, str(discarded.event_id))
    assert (trace.actor, trace.before) == ("ann", "discarded")
    assert pruned(connection, str(resolved.event_id)) == []


def test_a_pruned_event_is_still_accounted_for(connection: BatchConnection) -> None:
    """The audit does not report the missing job of a discarded and pruned event as lost."""
    _, discarded = bury(connection)
    ids = due(connection, ago(days=300))
    prune(connection, ids, ago(days=300), actor="op", reason="old")

    assert unknown_jobs(connection, [str(discarded.event_id), "never-seen"]) == ["never-seen"]


def test_many_are_pruned_page_by_page(connection: BatchConnection) -> None:
    """In several pages and transactions, each with its own record."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint, state, resolved_at)"
        " SELECT 'j' || n, 'abandoned', 'm', '', 'f', 'discarded', '2020-01-01Z'"
        " FROM generate_series(1, 2500) AS n"
    )
    ids = due(connection, ago(days=1))

    assert len(set(ids)) == 2500
    assert prune(connection, ids, ago(days=1), actor="op", reason="old") == Pruned(discarded=2500)
    noted = connection.execute("SELECT count(*) FROM operator_actions").fetchone()
    assert noted == (3,)
    assert len(pruned(connection, "j2500")) == 1
