"""Operators choose, replay, edit and discard dead letters; also two of them at the same time."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval, balance, delivery, mapping, outcomes
from blocking import await_blocked
from letters import EVERY_STATE, bury, chosen, letters_in, payload_of
from processes import eventually
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic_core import to_json

from signoff_db import causes, dead_letters
from signoff_db.apply import apply, apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.dead_letters import NoSuchLetterError
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.edit import EditError, edit
from signoff_db.operator_actions import actions_of
from signoff_db.pages import CursorError
from signoff_db.replay import Replayed, replay
from signoff_db.selection import Selection
from signoff_schemas import ApprovalEvent, DeadLetterState, FailureKind, InvalidEvent

T = TypeVar("T")
ALL = Selection()


def unknown_interaction(minute: float = 0, **fields: Any) -> ApprovalEvent:
    """An event of an interaction that Postgres does not hold."""
    return approval(minute, user_id=None, **fields)


def create_interaction(connection: BatchConnection, event: ApprovalEvent) -> None:
    """The upstream's own row arrives."""
    connection.execute(
        "INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [event.interaction_id]
    )


def test_a_replay_resolves_what_applies_and_keeps_the_others(connection: BatchConnection) -> None:
    """A letter that fails again stays dead, with one more attempt."""
    mended, broken = unknown_interaction(ltv_amount="5"), unknown_interaction()
    apply_events(connection, mended, broken)
    create_interaction(connection, mended)
    report = replay(connection, chosen(connection), actor="op", reason="row came late")
    assert report.counts == {"applied": 1, "unknown_interaction": 1}
    assert balance(connection, mended.interaction_id) == ("PROSPECT", "5.00")
    (dead,), (resolved,) = letters_in(connection), letters_in(connection, DeadLetterState.RESOLVED)
    assert (dead.event_id, dead.attempts) == (broken.event_id, 2)
    assert (resolved.event_id, resolved.resolved_at is not None) == (mended.event_id, True)
    assert audit(connection).differing == 0


def test_a_dry_run_gives_the_true_verdicts_and_changes_nothing(connection: BatchConnection) -> None:
    """They are those of this moment, with the balance before and after."""
    event = unknown_interaction(customer_status="CUSTOMER", ltv_amount="5")
    apply_events(connection, event)
    create_interaction(connection, event)
    replayed: list[Replayed] = []
    report = replay(
        connection, chosen(connection), actor="op", dry_run=True, on_batch=replayed.extend
    )
    assert report.counts == {"applied": 1}
    (one,) = replayed
    assert one.before is not None
    assert one.after is not None
    assert (str(one.before.ltv_usd), one.after.customer_status, str(one.after.ltv_usd)) == (
        "0.00",
        "CUSTOMER",
        "5.00",
    )
    assert balance(connection, event.interaction_id) == ("PROSPECT", "0.00")
    assert len(letters_in(connection)) == 1
    assert actions_of(connection, letters_in(connection)[0].id) == []


def test_two_operators_at_the_same_time_apply_each_event_once(
    connection: BatchConnection, database_url: str
) -> None:
    """Both replay everything; each letter is resolved by one of them."""
    events = [
        unknown_interaction(n, customer_status="CUSTOMER", ltv_amount="1") for n in range(150)
    ]
    apply_events(connection, *events)
    for event in events:
        create_interaction(connection, event)
    reports = []

    def operate() -> None:
        with connect_for_batches(database_url, application="operator") as mine:
            reports.append(replay(mine, chosen(mine), actor="op"))

    operators = [threading.Thread(target=operate) for _ in range(3)]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join()
    assert sum(report.counts["applied"] for report in reports) == 150
    assert sum(report.replayed for report in reports) == 150
    total = connection.execute("SELECT sum(ltv_usd) FROM customers").fetchone()
    assert str(total and total[0]) == "150.00"
    assert audit(connection).differing == 0


def test_a_letter_that_is_settled_meanwhile_is_left_out(connection: BatchConnection) -> None:
    """The next letters are read ahead; one that is discarded meanwhile is not replayed."""
    events = [unknown_interaction(n) for n in range(15)]
    apply_events(connection, *events)
    for event in events:
        create_interaction(connection, event)
    newest = letters_in(connection)[0].id

    def discard_the_newest(_: Any) -> None:
        discard(connection, [newest], actor="op", reason="meanwhile")

    report = replay(connection, chosen(connection), actor="op", on_batch=discard_the_newest)
    assert report.counts == {"applied": 14}
    assert [letter.id for letter in letters_in(connection, DeadLetterState.DISCARDED)] == [newest]


def test_balances_are_read_for_as_many_letters_as_requested(
    connection: BatchConnection,
) -> None:
    """Reading them takes time, so a caller that shows none requests none."""
    event = unknown_interaction(ltv_amount="5")
    apply_events(connection, event)
    create_interaction(connection, event)
    replayed: list[Replayed] = []
    replay(
        connection,
        chosen(connection),
        actor="op",
        dry_run=True,
        balances=0,
        on_batch=replayed.extend,
    )
    replay(connection, chosen(connection), actor="op", balances=1, on_batch=replayed.extend)
    without_balances, shown = replayed
    assert (without_balances.result, without_balances.before, without_balances.after) == (
        "applied",
        None,
        None,
    )
    assert shown.after is not None
    assert str(shown.after.ltv_usd) == "5.00"


def test_a_replay_stops_when_one_cause_keeps_recurring(connection: BatchConnection) -> None:
    """Thirty failures of one cause are not tried to the end, unless the operator insists."""
    apply_events(connection, *(unknown_interaction(n) for n in range(30)))
    report = replay(connection, chosen(connection), actor="op")
    assert (report.replayed, report.stopped_by) == (10, letters_in(connection)[0].fingerprint)
    report = replay(connection, chosen(connection), actor="op", keep_going=True)
    assert (report.replayed, report.stopped_by) == (30, None)


def test_a_limit_and_a_rate_are_kept(connection: BatchConnection) -> None:
    """Only this many letters are tried, the oldest first, in batches no larger than the rate."""
    apply_events(connection, *(unknown_interaction(n) for n in range(8)))
    oldest = sorted(letter.id for letter in letters_in(connection))
    sizes: list[int] = []
    replayed: list[Replayed] = []

    def note(batch: Any) -> None:
        sizes.append(len(batch))
        replayed.extend(batch)

    replay(connection, chosen(connection, 5), actor="op", rate=1000, keep_going=True, on_batch=note)
    assert [one.letter_id for one in replayed] == oldest[:5]
    sizes.clear()
    replay(connection, chosen(connection, 5), actor="op", rate=40, keep_going=True, on_batch=note)
    assert sizes == [5]
    sizes.clear()
    replay(connection, chosen(connection, 2), actor="op", rate=100, keep_going=True, on_batch=note)
    assert sizes == [2]


def test_a_letter_whose_event_is_in_the_ledger_is_resolved_as_a_duplicate(
    connection: BatchConnection,
) -> None:
    """The event takes effect once."""
    event = approval(customer_status="CUSTOMER", ltv_amount="5")
    apply_events(connection, event)
    apply(connection, [Delivery.of_payload("other-job", b"{}")])
    connection.execute(
        "UPDATE dead_letters SET payload = %s, event_id = %s",
        [event.canonical_json(), event.event_id],
    )
    assert replay(connection, chosen(connection), actor="op").counts == {"duplicate": 1}
    assert len(letters_in(connection, DeadLetterState.RESOLVED)) == 1
    assert balance(connection, event.interaction_id) == ("CUSTOMER", "5.00")


def test_an_event_that_the_database_refuses_does_not_stop_the_others(
    connection: BatchConnection,
) -> None:
    """Replay halves a batch, as workers do."""
    events = [unknown_interaction(n) for n in range(6)]
    apply_events(connection, *events)
    for event in events:
        create_interaction(connection, event)
    rule = f"CHECK (id <> '{events[2].interaction_id}') NOT VALID"
    connection.execute(f"ALTER TABLE interactions ADD CONSTRAINT house_rule {rule}".encode())
    report = replay(connection, chosen(connection), actor="op")
    assert report.counts == {"applied": 5, "refused_by_database": 1}
    assert [letter.event_id for letter in letters_in(connection)] == [events[2].event_id]


def test_letters_are_chosen_by_what_is_given(connection: BatchConnection) -> None:
    """Each criterion narrows the choice; together they all hold."""
    first, second = unknown_interaction(), unknown_interaction()
    apply_events(connection, first, second, approval(interaction_id=(i := uuid4()), user_id="a"))
    apply_events(connection, approval(interaction_id=i, user_id="b"))
    apply(connection, [Delivery.of_payload("x", b"{}")])
    everything = letters_in(connection)
    assert len(everything) == 4
    newest = everything[0]

    def count(**criteria: Any) -> int:
        return len(dead_letters.choose(connection, Selection(**criteria)))

    assert count(ids=(newest.id,)) == 1
    assert count(kinds=(FailureKind.UNKNOWN_INTERACTION,)) == 2
    assert count(kinds=(FailureKind.UNKNOWN_INTERACTION, FailureKind.USER_MISMATCH)) == 3
    assert count(fingerprint=newest.fingerprint) == 1
    assert count(user_id="b") == 1
    assert count(interaction_id=first.interaction_id) == 1
    assert count(since=newest.last_failed_at) == 1
    assert count(until=newest.last_failed_at) == 3
    assert count(since=newest.last_failed_at + timedelta(seconds=1)) == 0
    assert (
        count(kinds=(FailureKind.UNKNOWN_INTERACTION,), interaction_id=second.interaction_id) == 1
    )


def test_letters_of_one_cause_are_one_group(connection: BatchConnection) -> None:
    """Their ids and texts may differ; another cause is another group."""
    bad = [
        Delivery.of_payload(str(n), to_json(mapping(quality_score=9, final_bubbles=[f"t{n}"])))
        for n in range(3)
    ]
    other = Delivery.of_payload("tags", to_json(mapping(edit_tags=["NO_SUCH_TAG"])))
    apply(connection, [*bad, other])
    groups = causes.groups(connection, ALL).groups
    assert [(group.kind, group.count) for group in groups] == [
        ("invalid_payload", 3),
        ("invalid_payload", 1),
    ]


def test_pages_follow_each_other(connection: BatchConnection) -> None:
    """The next page starts below the last id of the previous one, also after new letters."""
    apply_events(connection, *(unknown_interaction(n) for n in range(5)))
    first = dead_letters.list_letters(connection, ALL, limit=3)
    apply_events(connection, unknown_interaction())
    second = dead_letters.list_letters(connection, ALL, limit=3, cursor=first.next)
    assert [letter.id for letter in first.items + second.items] == sorted(
        (letter.id for letter in letters_in(connection)[1:]), reverse=True
    )
    assert second.next is None
    with pytest.raises(CursorError):
        dead_letters.list_letters(connection, ALL, cursor="bm9uZQ")


def test_an_edited_event_is_applied_instead_of_the_letters(connection: BatchConnection) -> None:
    """It keeps its id; the changes are recorded."""
    event = unknown_interaction(ltv_amount="5")
    apply_events(connection, event)
    (letter,) = letters_in(connection)
    payload = json.loads(payload_of(connection, letter)) | {"user_id": "ann"}
    edited = edit(connection, letter.id, to_json(payload), actor="op", reason="forgot the user")
    assert (edited.result, edited.difference) == ("applied", (("user_id", None, "ann"),))
    assert balance(connection, event.interaction_id) == ("PROSPECT", "5.00")
    assert [one.state for one in letters_in(connection, *EVERY_STATE)] == ["resolved"]
    (action,) = actions_of(connection, letter.id)
    assert (action.actor, action.action, action.reason) == ("op", "edit", "forgot the user")
    assert action.after["user_id"] == "ann"


def test_an_edit_that_does_not_apply_changes_nothing(connection: BatchConnection) -> None:
    """If the event still fails, is invalid or has another id, the letter is not changed."""
    event = unknown_interaction()
    apply_events(connection, event)
    before = letters_in(
        connection, DeadLetterState.DEAD, DeadLetterState.RESOLVED, DeadLetterState.DISCARDED
    )
    (letter,) = before
    payload = json.loads(payload_of(connection, letter))

    still_unknown = to_json(payload | {"quality_score": 1})
    assert edit(connection, letter.id, still_unknown, actor="o", reason="r").result == (
        "unknown_interaction"
    )
    with pytest.raises(InvalidEvent, match="quality_score"):
        edit(connection, letter.id, to_json(payload | {"quality_score": 9}), actor="o", reason="r")
    renamed = to_json(payload | {"event_id": uuid4()})
    with pytest.raises(EditError, match="keeps the event_id"):
        edit(connection, letter.id, renamed, actor="o", reason="r")
    with pytest.raises(NoSuchLetterError, match="no dead letter 999"):
        edit(connection, 999, still_unknown, actor="o", reason="r")
    assert (
        letters_in(
            connection, DeadLetterState.DEAD, DeadLetterState.RESOLVED, DeadLetterState.DISCARDED
        )
        == before
    )
    assert actions_of(connection, letter.id) == []


def test_discarding_is_final_and_recorded(connection: BatchConnection) -> None:
    """A discarded letter is not replayed; a dry run discards nothing."""
    apply_events(connection, unknown_interaction(), unknown_interaction())
    assert len(discard(connection, chosen(connection), actor="op", reason="x", dry_run=True)) == 2
    assert len(letters_in(connection)) == 2
    (gone,) = discard(connection, chosen(connection, 1), actor="op", reason="test data")
    assert [letter.id for letter in letters_in(connection, DeadLetterState.DISCARDED)] == [gone]
    assert replay(connection, chosen(connection), actor="op").replayed == 1
    with pytest.raises(NoSuchLetterError, match="discarded already"):
        edit(connection, gone, approval().canonical_json(), actor="o", reason="r")
    (action,) = actions_of(connection, gone)
    assert (action.action, action.reason) == ("discard", "test data")


def test_a_replay_and_a_worker_may_apply_the_same_event(
    connection: BatchConnection, database_url: str
) -> None:
    """It arrives again by the queue while an operator replays it; it takes effect once."""
    events = [unknown_interaction(n, customer_status="CUSTOMER", ltv_amount="1") for n in range(60)]
    apply_events(connection, *events)
    for event in events:
        create_interaction(connection, event)

    def work() -> None:
        with connect_for_batches(database_url, application="worker") as mine:
            for start in range(0, 60, 7):
                outcomes(mine, *events[start : start + 7])

    worker = threading.Thread(target=work)
    worker.start()
    replay(connection, chosen(connection), actor="op")
    worker.join()
    total = connection.execute("SELECT sum(ltv_usd) FROM customers").fetchone()
    assert str(total and total[0]) == "60.00"
    assert letters_in(connection) == []
    assert audit(connection).differing == 0


def test_a_replay_and_a_worker_on_the_same_rows_do_not_deadlock(
    connection: BatchConnection, database_url: str
) -> None:
    """The replay waits for a row that a worker creates, and holds no row that the worker changes.

    Events on rows that the worker changed go through a second transaction with its own record.
    """
    first, second, third, new = (UUID(int=n) for n in range(1, 5))
    apply_events(connection, *(approval(interaction_id=i) for i in (first, second, third)))
    buried = [approval(1, interaction_id=i, ltv_amount="1") for i in (second, third, new)]
    bury(connection, *buried)
    arriving = [approval(2, interaction_id=i, ltv_amount="1") for i in (first, second, new)]
    replayed: list[Sequence[Replayed]] = []
    with connect(database_url) as blocker, ThreadPoolExecutor() as threads:
        with blocker.transaction():
            blocker.execute("SELECT FROM interactions WHERE id = %s FOR UPDATE", [first])
            worker = threads.submit(elsewhere, database_url, lambda own: outcomes(own, *arriving))
            await_blocked(database_url)  # the worker, by the first row
            operator = threads.submit(
                elsewhere,
                database_url,
                lambda own: replay(own, chosen(own), actor="op", on_batch=replayed.append),
            )
            await_blocked(database_url, 2)  # the replay, by the worker
        assert [outcome.result for outcome in worker.result()] == ["applied"] * 3
        assert operator.result().counts == {"applied": 3}
    assert deadlocks(connection) == 0
    assert [{one.event_id for one in part} for part in replayed] == [
        {buried[1].event_id},
        {buried[0].event_id, buried[2].event_id},
    ]
    for part in replayed:
        for one in part:
            (action,) = actions_of(connection, one.letter_id)
            assert (action.before, action.after) == ("abandoned", "applied")
    assert letters_in(connection) == []
    assert audit(connection).differing == 0


def test_a_dry_run_includes_what_others_changed_meanwhile(
    connection: BatchConnection, database_url: str
) -> None:
    """It waits for them, tries again, and still changes nothing."""
    interaction = uuid4()
    apply_events(connection, approval(interaction_id=interaction))
    bury(
        connection,
        approval(1, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="1"),
    )
    replayed: list[Replayed] = []

    def look(own: BatchConnection) -> None:
        replay(own, chosen(own), actor="op", dry_run=True, on_batch=replayed.extend)

    with ThreadPoolExecutor() as threads:
        with connection.transaction():
            apply_in_transaction(
                connection,
                [
                    delivery(
                        approval(
                            2,
                            interaction_id=interaction,
                            customer_status="CUSTOMER",
                            ltv_amount="5",
                        )
                    )
                ],
            )
            dry_run = threads.submit(elsewhere, database_url, look)
            await_blocked(database_url)
        dry_run.result()
    (one,) = replayed
    assert one.before is not None
    assert one.after is not None
    assert (one.result, str(one.before.ltv_usd), str(one.after.ltv_usd)) == ("late", "5.00", "6.00")
    assert balance(connection, interaction) == ("CUSTOMER", "5.00")
    assert [letter.attempts for letter in letters_in(connection)] == [1]


def test_events_that_the_ledger_refuses_are_found_in_a_replay(connection: BatchConnection) -> None:
    """The other letters are resolved together, not in smaller and smaller transactions."""
    events = [approval(n, quality_score=1 if n % 5 == 4 else 3) for n in range(60)]
    bury(connection, *events)
    connection.execute("ALTER TABLE approvals ADD CONSTRAINT no_ones CHECK (quality_score > 1)")
    report = replay(connection, chosen(connection), actor="op")
    assert report.counts == {"applied": 48, "refused_by_database": 12}
    assert [letter.kind for letter in letters_in(connection)] == ["refused_by_database"] * 12
    # A page of ten, another of fifty.
    assert connection.execute("SELECT count(*) FROM operator_actions").fetchone() == (2,)
    assert audit(connection).differing == 0


def test_a_letter_without_event_id_or_hash_is_resolved(connection: BatchConnection) -> None:
    """Once its event can be read, although it could not when the letter was written."""
    event, other = approval(), approval()
    bury(connection, event, other)
    connection.execute(
        "UPDATE dead_letters SET event_id = NULL, content_hash = NULL WHERE event_id = %s",
        [event.event_id],
    )
    connection.execute(
        "UPDATE dead_letters SET content_hash = '' WHERE event_id = %s", [other.event_id]
    )
    assert replay(connection, chosen(connection), actor="op").counts == {"applied": 2}
    assert letters_in(connection) == []


def elsewhere(database_url: str, work: Callable[[BatchConnection], T]) -> T:
    """Run work in a thread, on a separate connection."""
    with connect_for_batches(database_url, application="elsewhere") as own:
        return work(own)


def deadlocks(connection: Connection[TupleRow]) -> int:
    """The number of deadlocks in this database; sessions report theirs when they end."""
    others = "SELECT FROM pg_stat_activity WHERE application_name = 'elsewhere'"
    eventually(lambda: connection.execute(others).rowcount == 0, what="the others have gone")
    row = connection.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    return int(row[0]) if row else -1


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE interactions SET ltv_usd = ltv_usd + 1", "interaction"),
        ("UPDATE interactions SET final_bubbles = '{changed}'", "interaction"),
        ("DELETE FROM interactions", "interaction"),
        ("UPDATE customers SET ltv_usd = 0", "customer"),
        ("UPDATE customers SET customer_status = 'CHURNED'", "customer"),
        ("DELETE FROM customers", "customer"),
        (
            (
                "INSERT INTO dead_letters (event_id, job_id, kind, message, payload, fingerprint,"
                " content_hash) SELECT event_id, 'j', 'abandoned', 'm', '', 'f', content_hash"
                " FROM approvals"
            ),
            "event",
        ),
    ],
)
def test_the_audit_finds_what_differs(connection: BatchConnection, damage: str, what: str) -> None:
    """It names any change that Signoff did not make; without one there is no difference."""
    apply(connection, [delivery(approval(customer_status="CUSTOMER", ltv_amount="5"))])
    assert audit(connection).differing == 0
    connection.execute(damage.encode())
    report = audit(connection)
    assert report.differing >= 1
    assert what in {difference.what for difference in report.differences}
