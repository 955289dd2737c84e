"""The feed of reviews: every final decision once, none that is undone later."""

import threading
from uuid import UUID

import psycopg
import pytest
from desk import BODY, at_once, decisions_after, in_outbox, post, servers_of, sql

from signoff_db.feed_position import InvalidPositionError
from signoff_ops import review_feed, reviews
from signoff_ops.feed import read_page
from signoff_ops.servers import DirectServers


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """A desk whose decisions are final at once."""
    return servers_of(database_url, undo_seconds=0)


def decisions(servers: DirectServers, after: str | None = None) -> list[tuple[UUID, str]]:
    """The interactions and decisions that follow a position."""
    return [(one.interaction_id, one.decision) for one in decisions_after(servers, after)]


def test_the_feed_tells_each_final_decision(servers: DirectServers, database_url: str) -> None:
    """Approved with the event, rejected with the reason, expired; a position goes on behind one."""
    approved, rejected, expired = post(servers), post(servers), post(servers)
    event_id = reviews.approve(servers, approved, "ann", BODY).event_id
    reviews.reject(servers, rejected, "ann", "too pushy")
    sql(
        database_url,
        "UPDATE signoff.reviews SET expires_at = now() - interval '1 second'"
        " WHERE state = 'pending'",
    )

    page = review_feed.read_decisions(servers, None, limit=2)
    rest = review_feed.read_decisions(servers, page.position)

    first, second, third = (*page.decisions, *rest.decisions)
    (held,) = in_outbox(database_url)
    assert (first.interaction_id, first.event_id, first.event) == (
        approved,
        event_id,
        held["event"],
    )
    assert (second.interaction_id, second.reject_reason) == (rejected, "too pushy")
    assert (third.interaction_id, third.decision, third.reviewer) == (expired, "expired", None)
    assert decisions(servers, first.position) == [(rejected, "rejected"), (expired, "expired")]
    assert decisions(servers, third.position) == []


def test_a_decision_that_can_be_undone_is_not_told_yet(
    servers: DirectServers, database_url: str
) -> None:
    """It holds back those behind it; once undone it is left out, once final it is told."""
    slow = servers_of(database_url, undo_seconds=60)
    first, open_one, later = post(servers), post(servers), post(servers)
    reviews.approve(servers, first, "ann", BODY)
    reviews.approve(slow, open_one, "ann", BODY)
    reviews.reject(servers, later, "ann", "no")

    held_back = review_feed.read_decisions(servers, None)
    assert [one.interaction_id for one in held_back.decisions] == [first]
    assert held_back.caught_up
    again = review_feed.read_decisions(servers, held_back.position)
    assert again.decisions == ()

    reviews.undo(slow, open_one, "ann")

    assert decisions(servers, again.position) == [(later, "rejected")]


def test_an_undo_under_way_is_waited_for(servers: DirectServers, database_url: str) -> None:
    """Its decision is never told: the reader waits until the undo has committed."""
    slow = servers_of(database_url, undo_seconds=60)
    interaction = post(servers)
    reviews.approve(slow, interaction, "ann", BODY)
    with psycopg.connect(database_url) as undoing:
        undoing.execute(
            "UPDATE signoff.review_decisions SET undone_at = now() WHERE interaction_id = %s",
            [interaction],
        )
        found: list[tuple[UUID, str]] = []
        reading = threading.Thread(target=lambda: found.extend(decisions(servers)))
        reading.start()
        reading.join(0.3)
        assert reading.is_alive()
        undoing.commit()
        reading.join()
    assert found == []


def test_nothing_is_missed_while_reviewers_decide_at_once(
    servers: DirectServers, database_url: str
) -> None:
    """Transactions that commit out of order are each told once, to a reader that keeps on."""
    ids = [post(servers) for _ in range(40)]
    done = threading.Event()
    told: list[UUID] = []

    def read() -> None:
        position = None
        while True:
            was_done = done.is_set()
            page = review_feed.read_decisions(servers, position, limit=3)
            position = page.position
            told.extend(one.interaction_id for one in page.decisions)
            if was_done and page.caught_up:
                return

    def decide(lane: int) -> None:
        for interaction in ids[lane::4]:
            reviews.approve(servers, interaction, f"reviewer-{lane}", BODY)

    reader = threading.Thread(target=read)
    # A transaction that began before all decisions, and stays open: it holds nobody up.
    with psycopg.connect(database_url) as idle:
        idle.execute("SELECT pg_current_xact_id()")
        reader.start()
        at_once(decide, 4)
        done.set()
        reader.join()
    assert len(told) == len(ids)
    assert set(told) == set(ids)


@pytest.mark.parametrize("position", ["", "x", "reviews-", "reviews-1", "reviews-" + "9" * 70_000])
def test_a_text_that_is_no_position_is_refused(servers: DirectServers, position: str) -> None:
    """Whatever comes by HTTP is read strictly."""
    with pytest.raises(InvalidPositionError):
        review_feed.read_decisions(servers, position)


def test_a_position_of_the_other_feed_is_refused(servers: DirectServers) -> None:
    """The feed of events and that of reviews do not take each other's positions."""
    with pytest.raises(InvalidPositionError):
        review_feed.read_decisions(servers, read_page(servers, None).position)
    with pytest.raises(InvalidPositionError):
        read_page(servers, review_feed.read_decisions(servers, None).position)
