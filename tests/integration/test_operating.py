"""Actions change only what an operator confirmed, and reads are bounded."""

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval
from hypothesis import given
from hypothesis import strategies as st
from letters import EVERY_STATE, bury, chosen, letters_in
from psycopg.errors import DeadlockDetected, LockNotAvailable

from signoff_db.apply import apply
from signoff_db.causes import groups
from signoff_db.connection import BatchConnection, connect
from signoff_db.dead_letters import choose, get_letter, list_letters, read_letters
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.failure import Failure
from signoff_db.letter_lines import line_pieces
from signoff_db.pages import CursorError, Page, follow, key_of, page_of, row_id
from signoff_db.replay import BlockedError, Replayed, replay, rolled_back
from signoff_db.selection import Selection
from signoff_db.transactions import Refusal, in_transactions
from signoff_schemas import DeadLetterState, FailureKind

ALL = Selection()
HUGE = 20_000_000
"""Bytes of a letter of an earlier release, which kept payloads of any size."""


def bury_huge(connection: BatchConnection) -> int:
    """Insert a letter of many megabytes; returns its id."""
    row = connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " VALUES (repeat('j', 1000000), 'invalid_payload', repeat('m', 1000000),"
        f" convert_to(repeat('[', {HUGE}), 'UTF8'), 'f') RETURNING id"
    ).fetchone()
    assert row
    return int(row[0])


def test_only_confirmed_letters_are_discarded(connection: BatchConnection) -> None:
    """Letters that match, but were written after the confirmation, are not changed."""
    bury(connection, approval(), approval())
    confirmed = choose(connection, ALL)
    bury(connection, *(approval() for _ in range(5)))

    assert discard(connection, confirmed, actor="op", reason="r") == confirmed
    assert len(letters_in(connection)) == 5


def test_only_confirmed_letters_are_replayed(connection: BatchConnection) -> None:
    """Letters that were written after the confirmation are not replayed."""
    bury(connection, approval(), approval())
    confirmed = choose(connection, ALL)
    bury(connection, *(approval() for _ in range(5)))

    assert replay(connection, confirmed, actor="op").counts == {"applied": 2}
    assert len(letters_in(connection)) == 5


def test_later_letters_can_be_left_out_by_an_id(connection: BatchConnection) -> None:
    """A front end that keeps no list of ids stores only the newest id that it showed."""
    bury(connection, approval(), approval())
    newest = letters_in(connection)[0].id
    bury(connection, approval())

    assert len(choose(connection, Selection(up_to_id=newest))) == 2


def test_a_dry_run_of_many_pages_has_the_results_of_the_replay(
    connection: BatchConnection,
) -> None:
    """The letters of a later page are tried after the effects of earlier pages."""
    first, last = approval(ltv_amount="1"), uuid4()
    other = approval(**first.model_dump() | {"ltv_amount": "2"})
    without_user = approval(9, interaction_id=last, user_id=None)
    bury(connection, approval(0, interaction_id=last))
    bury(connection, first, *(approval(n) for n in range(20)), other, without_user)
    dry: list[Replayed] = []
    wet: list[Replayed] = []
    ids = chosen(connection)

    dry_report = replay(connection, ids, actor="op", dry_run=True, on_batch=dry.extend)
    assert len(letters_in(connection)) == 24
    wet_report = replay(connection, ids, actor="op", on_batch=wet.extend)

    assert dry == wet
    assert dry_report == wet_report
    assert dry_report.counts == {"applied": 23, "event_conflict": 1}


def test_a_dry_run_stops_at_the_same_letter_as_the_replay(connection: BatchConnection) -> None:
    """At a cause that keeps recurring, unless --keep-going is given."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(30)))
    ids = chosen(connection)

    assert replay(connection, ids, actor="op", dry_run=True).replayed == 10
    assert replay(connection, ids, actor="op", dry_run=True, keep_going=True).replayed == 30
    assert replay(connection, ids, actor="op").replayed == 10


def test_a_dry_run_says_how_many_it_leaves_out(
    connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds locks until its end, so it tries a few thousand at most."""
    monkeypatch.setattr("signoff_db.replay._DRY_RUN_LIMIT", 5)
    bury(connection, *(approval(n) for n in range(8)))

    report = replay(connection, chosen(connection), actor="op", dry_run=True)

    assert (report.replayed, report.left_out) == (5, 3)


def test_a_dry_run_does_not_wait_for_long(
    connection: BatchConnection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds locks itself, so it stops with an error if another transaction blocks it."""
    monkeypatch.setattr("signoff_db.replay._LOCK_TIMEOUT_MS", 20)
    bury(connection, approval())
    ids = chosen(connection)
    with connect(database_url) as other, other.transaction():
        other.execute("SELECT FROM dead_letters FOR UPDATE")
        with pytest.raises(BlockedError, match="nothing was changed"):
            replay(connection, ids, actor="op", dry_run=True)
    assert replay(connection, ids, actor="op").counts == {"applied": 1}


@pytest.mark.parametrize("conflict", [LockNotAvailable, DeadlockDetected])
def test_a_dry_run_that_meets_a_conflict_ends_at_once(
    connection: BatchConnection, conflict: type[psycopg.Error]
) -> None:
    """If it tried again, it would keep the locks that it holds for as long."""
    tries: list[int] = []

    def blocked(items: Sequence[int], _refusal: Refusal | None) -> list[int]:
        tries.extend(items)
        raise conflict

    with pytest.raises(BlockedError), rolled_back(connection):
        in_transactions(connection, [1], blocked)
    assert tries == [1]


def test_long_actions_stop_between_batches(connection: BatchConnection) -> None:
    """The batches before it stay committed."""
    bury(connection, *(approval(n) for n in range(40)))
    ids = chosen(connection)
    done: list[Replayed] = []

    replay(connection, ids, actor="op", on_batch=done.extend, should_stop=lambda: bool(done))

    assert len(done) == 10
    assert len(letters_in(connection)) == 30
    left = chosen(connection)
    assert discard(connection, left, actor="op", reason="r", should_stop=lambda: True) == []
    assert chosen(connection) == left


def test_reads_of_a_letter_of_many_megabytes_are_bounded(connection: BatchConnection) -> None:
    """Lists hold no payloads, and of one letter no more is read than the largest event."""
    huge = bury_huge(connection)

    (listed,) = list_letters(connection, ALL).items
    (group,) = groups(connection, ALL).groups
    full = get_letter(connection, huge)

    assert (listed.payload_size, len(listed.message), len(listed.job_id)) == (HUGE, 300, 300)
    assert len(group.message) == 300
    assert full
    assert not full.payload_complete
    assert len(full.payload) < 300_000


def test_a_letter_of_many_megabytes_is_exported_in_pieces(connection: BatchConnection) -> None:
    """The file holds the whole payload, and no piece is large."""
    (full,) = read_letters(connection, [bury_huge(connection)])

    pieces = list(line_pieces(connection, full))

    assert max(map(len, pieces)) < 10_000_000
    assert sum(map(len, pieces)) > HUGE * 4 / 3


def test_a_letter_of_many_megabytes_fails_again_in_a_replay(connection: BatchConnection) -> None:
    """It is not changed, and its neighbours are applied."""
    huge = bury_huge(connection)
    bury(connection, approval())

    report = replay(connection, chosen(connection), actor="op")

    assert report.counts == {"invalid_payload": 1, "applied": 1}
    assert [letter.id for letter in letters_in(connection)] == [huge]


def test_a_batch_of_large_letters_is_read_in_parts(connection: BatchConnection) -> None:
    """As many as fit into a few megabytes at a time; none is left out."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " SELECT 'j' || n, 'invalid_payload', 'm', convert_to(repeat('[', 250000), 'UTF8'), 'f'"
        " FROM generate_series(1, 150) AS n"
    )
    ids = chosen(connection)
    batches: list[int] = []

    report = replay(
        connection,
        ids,
        actor="op",
        keep_going=True,
        on_batch=lambda some: batches.append(len(some)),
    )

    assert report.replayed == 150
    assert max(batches) < 80

    tracemalloc.start()
    assert [full.letter.id for full in read_letters(connection, ids)] == ids
    assert tracemalloc.get_traced_memory()[1] < 25_000_000
    tracemalloc.stop()


def test_an_exported_letter_is_one_printable_line(connection: BatchConnection) -> None:
    """Whatever its message and its payload hold; a reader of JSON gets the same text."""
    harm = "a\nb\x1b[2J\x7f\x9b\u202e"
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " VALUES ('j', 'invalid_payload', %s, %s, 'f')",
        [harm, harm.encode()],
    )
    (full,) = read_letters(connection, choose(connection, ALL))
    line = "".join(line_pieces(connection, full)).removesuffix("\n")
    assert line.isprintable()
    assert (json.loads(line)["message"], json.loads(line)["payload"]) == (harm, harm)


def test_groups_say_if_there_are_more(connection: BatchConnection, tmp_path: Path) -> None:
    """The hundred biggest are returned, with a flag that there are more; no more are read."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " SELECT 'j' || n, 'invalid_payload', 'm', '', 'f' || n FROM generate_series(1, 150) AS n"
    )

    with (tmp_path / "protocol").open("w+") as protocol:
        connection.pgconn.trace(protocol.fileno())
        found = groups(connection, ALL)
        connection.pgconn.untrace()
        protocol.seek(0)
        rows = protocol.read().count("\tDataRow\t")

    assert (len(found.groups), found.more) == (100, True)
    assert rows == 101


def test_letters_of_several_states_are_in_one_order(connection: BatchConnection) -> None:
    """Each state is read separately; the newest of all are first."""
    bury(connection, *(approval(n) for n in range(9)))
    ids = chosen(connection)
    discard(connection, ids[::3], actor="op", reason="r")
    replay(connection, ids[1::3], actor="op")

    read = follow(
        lambda cursor: list_letters(
            connection, Selection(states=EVERY_STATE), limit=2, cursor=cursor
        )
    )

    assert [letter.id for page in read for letter in page.items] == ids[::-1]
    (resolved,) = list_letters(
        connection, Selection(states=(DeadLetterState.RESOLVED,)), limit=1
    ).items
    assert resolved.id == ids[7]


def test_a_replay_of_a_truncated_letter_keeps_its_details(
    connection: BatchConnection,
) -> None:
    """The place of the whole payload and its hash are still there afterwards."""
    cut = Delivery.cut_short("j", b"[[[", size=10**9, sha1="ab" * 20, kept_at="rq:job:j")
    detail = {"code": "id_too_long", "size": 10**9, "sha1": "cd" * 20, "kept_at": "rq:job:x…"}
    too_long = Failure(FailureKind.INVALID_PAYLOAD, "the id is long", "", "", (detail,))
    apply(connection, [cut, Delivery("x", b"", None, too_long)])
    before = [get_letter(connection, letter.id) for letter in letters_in(connection)]
    done: list[Replayed] = []

    replay(connection, chosen(connection), actor="op", on_batch=done.extend)

    first, second = done
    assert "all of it is still at rq:job:j" in str(first.message)
    assert second.message == "the id is long"
    assert [get_letter(connection, letter.id) for letter in letters_in(connection)] == before
    assert [full.letter.payload_size for full in before if full] == [0, 10**9]


@given(st.lists(st.integers(0, 1000), unique=True, max_size=30), st.integers(1, 9))
def test_pages_hold_every_item_once(items: list[int], size: int) -> None:
    """With any page size, without gaps and repetitions, to the end."""
    items.sort()

    def read(cursor: str | None) -> Page[int]:
        after = key_of(cursor, "numbers", int)
        found = [item for item in items if after is None or item > after]
        return page_of(found[: size + 1], size, "numbers", lambda item: item)

    pages = list(follow(read))

    assert [item for page in pages for item in page.items] == items
    assert all(len(page.items) <= size for page in pages)


@given(st.text(max_size=30) | st.just("x" * 5000))
def test_an_invalid_cursor_is_refused(text: str) -> None:
    """It may come from a URL, and be any text."""
    with pytest.raises(CursorError):
        key_of(text, "numbers", row_id)


@pytest.mark.parametrize("key", ["a", "-1", str(2**63), "9" * 500])
def test_a_cursor_with_another_kind_of_key_is_refused(key: str) -> None:
    """A forged cursor can only lead to another page."""
    page = page_of([key, key], 1, "numbers", lambda item: item)
    with pytest.raises(CursorError):
        key_of(page.next, "numbers", row_id)


def test_a_cursor_of_another_list_is_refused() -> None:
    """Its key would mean something else."""
    page = page_of([1, 2], 1, "others", lambda item: item)
    with pytest.raises(CursorError):
        key_of(page.next, "numbers", row_id)
