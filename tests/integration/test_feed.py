"""The feed: each applied event once, whatever commits in whatever order."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from uuid import UUID, uuid4

import psycopg
import pytest
from approvals import apply_events, approval, decision, delivery
from feeds import Reader, all_events, ids

from signoff_db.apply import apply_in_transaction
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.feed import MOST_CHARACTERS, MOST_EVENTS, end, pages, read
from signoff_db.feed_lag import lag
from signoff_db.feed_position import InvalidPositionError, Position, Snapshot
from signoff_db.feed_state import FeedRestoredError
from signoff_schemas import AnyEvent, ApprovalEvent, content_hash, parse_event


@contextmanager
def workers(url: str, count: int) -> Iterator[list[BatchConnection]]:
    """So many connections."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(connect_for_batches(url, application=f"worker {n}"))
            for n in range(count)
        ]


def apply_inside(connection: BatchConnection, *events: ApprovalEvent) -> None:
    """Apply events in the transaction at hand."""
    apply_in_transaction(connection, [delivery(event) for event in events])


def new_event(worker: int = 0) -> ApprovalEvent:
    """An event that locks no row that another worker wants."""
    return approval(user_id=f"user of {worker}")


def test_an_empty_ledger_has_an_empty_feed(connection: BatchConnection) -> None:
    """Its position is followed by what comes later."""
    page = read(connection)
    assert (page.events, page.caught_up) == ((), True)
    event = new_event()
    apply_events(connection, event)
    assert ids(read(connection, page.position).events) == [event.event_id]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_hold_each_event_once(connection: BatchConnection, size: int) -> None:
    """Of whatever size, over transactions of many events and of one."""
    events = [new_event() for _ in range(7)]
    for some in (events[:5], events[5:6], events[6:]):
        apply_events(connection, *some)
    found = all_events(connection, size=size)
    assert sorted(ids(found[:5])) == sorted(event.event_id for event in events[:5])
    assert ids(found[5:]) == [event.event_id for event in events[5:]]


def test_a_reader_may_go_on_behind_any_event(connection: BatchConnection) -> None:
    """Each event has the position of a reader that has read all up to it."""
    apply_events(connection, *[new_event() for _ in range(3)])
    first = read(connection, limit=2)
    apply_events(connection, *[new_event() for _ in range(3)])
    found = [*first.events, *all_events(connection, first.position, size=2)]
    assert len(set(ids(found))) == 6
    for number, event in enumerate(found, start=1):
        assert ids(all_events(connection, event.position)) == ids(found[number:])


def test_an_event_is_given_as_it_was_published(connection: BatchConnection) -> None:
    """Its JSON has the same content, and but for call-to-action data the same bytes."""
    events: list[AnyEvent] = [
        approval(),
        approval(0.5 / 60, user_id=None, interaction_id=uuid4()),
        approval(
            1.000001,
            reviewer_id='"\\\n\u2028é😀',
            final_bubbles=["a", 'b"', "c\u0001\n"],
            edit_tags=["CTA_SOFT", "TONE_CASUAL"],
            reviewer_notes="",
            customer_status="CUSTOMER",
            ltv_amount="0.10",
        ),
        approval(cta_data={"b": [1, 2.5, None], "aaa": {"z": "ü"}}, ltv_amount=0),
        decision(),
        decision(1.5, user_id='"', reason="\\", rests_on=uuid4(), decided_by="rule:é"),
        decision(evidence={"n": 1, "long": []}),
    ]
    interaction = events[1].interaction_id
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [interaction])
    assert set(apply_events(connection, *events)) <= {"applied", "late", "void"}
    found = {event.event_id: event for event in all_events(connection)}
    for event in events:
        given = found[event.event_id]
        assert given.event_type == event.event_type
        assert parse_event(given.event) == event
        if not (event.cta_data if isinstance(event, ApprovalEvent) else event.evidence):
            assert given.event.encode() == event.canonical_json()
            assert content_hash(given.event.encode()) == delivery(event).content_hash


def test_what_was_in_progress_comes_when_it_is_committed(
    connection: BatchConnection, database_url: str
) -> None:
    """A transaction that began first and commits last is missed by nobody, and stalls nobody."""
    early, late, after = (new_event(n) for n in range(3))
    reader = Reader(connection)
    with workers(database_url, 2) as (slow, quick):
        with slow.transaction():
            apply_inside(slow, early)
            apply_events(quick, late)
            assert list(reader.catch_up()) == [late.event_id]
            assert list(reader.catch_up()) == []
        assert list(reader.catch_up()) == [early.event_id]
        apply_events(quick, after)
        assert list(reader.catch_up()) == [after.event_id]


def test_what_is_rolled_back_never_comes(connection: BatchConnection, database_url: str) -> None:
    """Also where it was rolled back to a savepoint, and the transaction went on."""
    gone, kept = new_event(), new_event()
    with workers(database_url, 1) as (worker,), worker.transaction():
        with worker.transaction(force_rollback=True):
            apply_inside(worker, gone)
        with worker.transaction():
            apply_inside(worker, kept)
    with connection.transaction(force_rollback=True):
        apply_inside(connection, gone)
    assert ids(all_events(connection)) == [kept.event_id]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_commits_in_whatever_order_each_event_comes_once(
    connection: BatchConnection, database_url: str, seed: int
) -> None:
    """Several transactions at once, of any length; after each step somebody reads some pages."""
    chance = random.Random(seed)
    if seed % 2:  # the order is made in another way in the epochs after a restore
        connection.execute("SELECT signoff_begin_feed_epoch()")
    readers = [Reader(connection, limit=size) for size in (1, 3, 1000)]
    committed: list[UUID] = []
    with workers(database_url, 4) as crew:
        open_events: list[list[UUID]] = [[] for _ in crew]
        for _ in range(150):
            number = chance.randrange(len(crew))
            worker, pending = crew[number], open_events[number]
            match chance.choice(["apply", "apply", "commit", "roll back", "read"]):
                case "apply":
                    if not pending:
                        worker.execute("BEGIN")
                    events = [new_event(number) for _ in range(chance.randint(1, 4))]
                    apply_inside(worker, *events)
                    pending += [event.event_id for event in events]
                case "commit" if pending:
                    worker.execute("COMMIT")
                    committed += pending
                    pending.clear()
                case "roll back" if pending:
                    worker.execute("ROLLBACK")
                    pending.clear()
            chance.choice(readers).page()
        for worker, pending in zip(crew, open_events, strict=True):
            worker.execute("COMMIT" if pending else "SELECT")
            committed += pending
    for reader in readers:
        list(reader.catch_up())
        assert sorted(reader.seen) == sorted(committed)


def test_a_read_brings_what_was_committed_before_it_before_what_was_after(
    connection: BatchConnection, database_url: str
) -> None:
    """The order of commit, to the precision of the reads."""
    first, second = new_event(0), new_event(1)
    reader = Reader(connection, limit=1)
    with workers(database_url, 2) as (slow, quick):
        with slow.transaction():
            apply_inside(slow, second)
            apply_events(quick, first)
            reader.page()
        list(reader.catch_up())
    assert reader.seen == [first.event_id, second.event_id]


def test_a_transaction_that_reads_and_then_applies_misses_nothing(
    connection: BatchConnection,
) -> None:
    """Its own events come later: its position was taken before they were there."""
    before, within = new_event(), new_event()
    apply_events(connection, before)
    reader = Reader(connection)
    with connection.transaction():
        connection.execute("SELECT pg_current_xact_id()")
        assert list(reader.catch_up()) == [before.event_id]
        apply_inside(connection, within)
    assert list(reader.catch_up()) == [within.event_id]


def test_a_transaction_may_read_what_it_applied_itself(connection: BatchConnection) -> None:
    """Its own events are no sign of a restore."""
    with connection.transaction():
        apply_inside(connection, new_event())
        page = read(connection)
    assert len(all_events(connection, page.position)) + len(page.events) == 1


def test_what_was_applied_before_there_was_a_feed_comes_first(connection: BatchConnection) -> None:
    """Rows without a transaction, by their ids; then the others."""
    old = sorted((new_event() for _ in range(5)), key=lambda event: event.event_id)
    connection.execute("ALTER TABLE approvals ALTER applied_in DROP DEFAULT")
    apply_events(connection, *old)
    connection.execute("ALTER TABLE approvals ALTER applied_in SET DEFAULT pg_current_xact_id()")
    reader = Reader(connection, limit=2)
    reader.page()
    new = new_event()
    apply_events(connection, new)
    list(reader.catch_up())
    assert reader.seen == [event.event_id for event in [*old, new]]
    for size in (1, 2, 5, 6):
        assert ids(all_events(connection, size=size)) == reader.seen


def test_a_reader_may_begin_now(connection: BatchConnection, database_url: str) -> None:
    """It gets what is committed later, be it that its transaction had begun."""
    past, running, future = (new_event(n) for n in range(3))
    apply_events(connection, past)
    with workers(database_url, 1) as (slow,):
        with slow.transaction():
            apply_inside(slow, running)
            position = end(connection)
        apply_events(connection, future)
    assert ids(all_events(connection, position)) == [running.event_id, future.event_id]


def test_four_workers_and_transactions_of_every_length(
    connection: BatchConnection, database_url: str
) -> None:
    """A reader that reads all the while has each event once."""
    over = threading.Event()
    applied: list[list[UUID]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        chance = random.Random(number)
        with connect_for_batches(database_url, application="worker") as worker:
            for _ in range(40):
                with worker.transaction():
                    for _ in range(chance.choice([1, 1, 1, 5, 20])):
                        events = [new_event(number) for _ in range(chance.randint(1, 20))]
                        apply_inside(worker, *events)
                        applied[number] += [event.event_id for event in events]

    crew = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for worker in crew:
        worker.start()

    def wait_for_workers() -> None:
        for worker in crew:
            worker.join()
        over.set()

    threading.Thread(target=wait_for_workers).start()
    reader = Reader(connection, limit=7)
    pages_read = 0
    while not over.is_set():
        reader.page()
        pages_read += 1
    list(reader.catch_up())
    assert sorted(reader.seen) == sorted(chain.from_iterable(applied))
    assert pages_read > 20


def test_a_long_transaction_does_not_have_a_reader_read_everything_again(
    connection: BatchConnection, database_url: str
) -> None:
    """While one is open, a page looks only at its events, and at what came after the last page."""
    reader = Reader(connection)
    with workers(database_url, 1) as (slow,), slow.transaction():
        slow.execute("SELECT pg_current_xact_id()")
        for _ in range(5):
            apply_events(connection, *[new_event() for _ in range(200)])
        list(reader.catch_up())
        assert len(reader.seen) == 1000
        before = _index_reads(connection)
        list(reader.catch_up())
        assert _index_reads(connection) - before < 100


def _index_reads(connection: BatchConnection) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT idx_tup_read FROM pg_stat_user_indexes"
        " WHERE indexrelname = 'approvals_in_feed_order'"
    ).fetchone()
    assert row
    return int(row[0])


def test_a_page_of_large_events_ends_early(connection: BatchConnection) -> None:
    """Its characters are bounded, however many events are asked for; none is left out."""
    connection.execute(
        "INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id,"
        " final_bubbles, edit_tags, quality_score, content_hash)"
        " SELECT gen_random_uuid(), 1, now(), gen_random_uuid(),"
        " array_fill(repeat('x', 500), ARRAY[20]), '{}', 3, '' FROM generate_series(1, 2500)"
    )
    reader = Reader(connection, limit=MOST_EVENTS)
    first = reader.page()
    assert MOST_CHARACTERS < sum(len(event.event) for event in first.events) < 2 * MOST_CHARACTERS
    assert not first.caught_up
    list(reader.catch_up())
    assert len(set(reader.seen)) == len(reader.seen) == 2500


def test_the_events_of_a_transaction_come_by_their_ids(connection: BatchConnection) -> None:
    """However they were written, and however many come at once."""
    with connection.transaction():
        for _ in range(4):
            apply_inside(connection, *[new_event() for _ in range(5)])
    for size in (1, 7, 1000):
        found = ids(all_events(connection, size=size))
        assert (len(found), found) == (20, sorted(found))


def test_the_lag_is_what_was_not_read(connection: BatchConnection) -> None:
    """Counted behind any position, with the time of the first."""
    apply_events(connection, *[new_event() for _ in range(3)])
    apply_events(connection, new_event())
    page = read(connection, limit=1)
    apply_events(connection, new_event())
    assert (lag(connection, None).events, lag(connection, page.position).events) == (5, 4)
    assert lag(connection, page.position).oldest_at == page.events[0].applied_at
    *_, last = pages(connection)
    assert (lag(connection, last.position).events, lag(connection, last.position).oldest_at) == (
        0,
        None,
    )


def test_the_lag_is_counted_without_what_the_events_hold(connection: BatchConnection) -> None:
    """Ten thousand large events would fill the memory of `signoff status`."""
    apply_events(connection, new_event())
    (page,) = pages(connection, contents=False)
    assert [(event.event, event.position) for event in page.events] == [
        ("", event.position) for event in all_events(connection)
    ]


def test_a_position_that_the_server_has_not_reached_is_refused(
    connection: BatchConnection,
) -> None:
    """After a restore to an earlier time, a reader would skip events."""
    apply_events(connection, new_event())
    *_, page = pages(connection)
    position = Position.parse(page.position)
    assert position.done
    ahead = Position(position.feed, 0, Snapshot(position.done.xmax + 1000))
    with pytest.raises(FeedRestoredError, match="restored to an earlier time"):
        read(connection, str(ahead))


def test_a_position_behind_an_event_that_is_not_there_is_refused(
    connection: BatchConnection,
) -> None:
    """What was read is gone, or was applied again by another transaction."""
    event = new_event()
    apply_events(connection, event)
    *_, page = pages(connection)
    position = Position.parse(page.position)
    for last_in, last_event in ((position.last_in, uuid4()), (3, event.event_id)):
        other = Position(position.feed, 0, position.done, None, last_in, last_event)
        with pytest.raises(FeedRestoredError, match="does not hold what was read"):
            read(connection, str(other))


def test_a_position_of_another_feed_is_refused(connection: BatchConnection) -> None:
    """Unless the reader accepts it."""
    other = Position(uuid4(), 0, Snapshot(1))
    with pytest.raises(FeedRestoredError, match="restored from a dump"):
        read(connection, str(other))
    read(connection, str(other), accept_restore=True)


def test_a_text_that_is_no_position_is_refused(connection: BatchConnection) -> None:
    """It comes from outside."""
    with pytest.raises(InvalidPositionError):
        read(connection, "'; DROP TABLE approvals; --")


def test_a_snapshot_that_is_older_than_the_position_is_refused(
    connection: BatchConnection, database_url: str
) -> None:
    """In REPEATABLE READ events of the position's target may not be visible: none is skipped."""
    with workers(database_url, 1) as (old,), old.transaction():
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM approvals")
        apply_events(connection, new_event())
        page = read(connection, limit=1)
        with pytest.raises(FeedRestoredError):
            read(old, page.position)


def test_an_event_keeps_its_transaction(connection: BatchConnection) -> None:
    """Nobody changes its place in the feed."""
    apply_events(connection, new_event())
    with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
        connection.execute("UPDATE approvals SET applied_in = '1'")
