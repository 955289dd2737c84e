"""The histories of customers and interactions, page by page."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval

from signoff_db.connection import BatchConnection
from signoff_db.pages import CursorError, Page, follow
from signoff_ops.customer import (
    CustomerHistory,
    InteractionHistory,
    customer_history,
    customer_interactions,
    interaction_history,
)
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings

Item = TypeVar("Item")
STATUSES = ["LEAD_QUALIFIED", "CUSTOMER", None, "CHURNED", "CUSTOMER", "CUSTOMER", None, "CHURNED"]


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The servers as commands have them."""
    return DirectServers(Settings.load(database_url=database_url))


def all_of(read: Callable[[str | None], Page[Item]]) -> list[Item]:
    """The items of every page."""
    return [item for page in follow(read) for item in page.items]


def apply_history(connection: BatchConnection, *interactions: UUID) -> list[UUID]:
    """Events of one user, two at each instant; returns their ids in order of occurrence."""
    events = [
        approval(
            place // 2,
            interaction_id=interactions[place % len(interactions)],
            user_id="ann",
            customer_status=status,
            ltv_amount="10",
        )
        for place, status in enumerate(STATUSES)
    ]
    apply_events(connection, *events[::-1])
    return [e.event_id for e in sorted(events, key=lambda e: (e.occurred_at, e.event_id))]


@pytest.mark.parametrize("limit", [1, 3, 8, 50])
def test_the_pages_of_a_customer_are_the_whole_history(
    connection: BatchConnection, servers: DirectServers, limit: int
) -> None:
    """Each event once, the latest first, with its balance; each transition beside its event."""
    expected = apply_history(connection, uuid4(), uuid4(), uuid4())
    apply_events(connection, approval(user_id="bob"))
    whole = customer_history(servers, "ann")
    histories: list[CustomerHistory] = []

    def read(cursor: str | None) -> Page[object]:
        found = customer_history(servers, "ann", limit=limit, cursor=cursor)
        assert found is not None
        histories.append(found)
        assert len(found.ledger.items) <= limit
        return Page(found.ledger.items, found.ledger.next)

    entries = all_of(read)

    assert whole is not None
    assert entries == list(whole.ledger.items)
    assert [entry.event_id for entry in whole.ledger.items] == expected[::-1]
    moves = [move for one in histories[::-1] for move in one.transitions]
    assert moves == list(whole.transitions)
    assert len(moves) > 2


@pytest.mark.parametrize("user_id", ["ann", None])
def test_the_pages_of_an_interaction_are_its_whole_history(
    connection: BatchConnection, servers: DirectServers, user_id: str | None
) -> None:
    """Its own events and what they caused, whether or not it has a customer."""
    chosen, other = uuid4(), uuid4()
    apply_history(connection, chosen, other)
    if user_id is None:
        connection.execute("UPDATE interactions SET user_id = NULL WHERE id = %s", [chosen])
    whole = interaction_history(servers, chosen)
    assert whole is not None
    histories: list[InteractionHistory] = []

    def read(cursor: str | None) -> Page[object]:
        found = interaction_history(servers, chosen, limit=3, cursor=cursor)
        assert found is not None
        histories.append(found)
        return Page(found.ledger.items, found.ledger.next)

    assert all_of(read) == list(whole.ledger.items)
    assert {entry.interaction_id for entry in whole.ledger.items} == {chosen}
    assert (len(whole.ledger.items), len(histories)) == (4, 2)
    assert [m for one in histories[::-1] for m in one.transitions] == list(whole.transitions)
    assert {move.interaction_id for move in whole.transitions} == {chosen}


def test_a_customers_interactions_come_in_pages(
    connection: BatchConnection, servers: DirectServers
) -> None:
    """The newest first; those of which nobody knows the time come last."""
    connection.execute("ALTER TABLE interactions ALTER created_at DROP NOT NULL")
    connection.execute(
        "INSERT INTO interactions (id, user_id, created_at)"
        " SELECT gen_random_uuid(), 'ann',"
        " CASE WHEN n > 4 THEN timestamptz '2026-01-01' + n / 2 * interval '1 day' END"
        " FROM generate_series(1, 12) AS n"
    )
    rows = connection.execute(
        "SELECT id FROM interactions ORDER BY created_at DESC NULLS LAST, id DESC"
    )

    def page(cursor: str | None) -> Page[UUID]:
        found = customer_interactions(servers, "ann", limit=5, cursor=cursor)
        assert found is not None
        return found

    found = all_of(page)
    assert found == [row[0] for row in rows]
    history = customer_history(servers, "ann", limit=5)
    assert history is not None
    assert (history.interactions.items, history.ledger.items) == (tuple(found[:5]), ())


def test_a_cursor_of_another_list_is_refused(
    connection: BatchConnection, servers: DirectServers
) -> None:
    """Lists do not take each other's."""
    apply_history(connection, uuid4(), uuid4())
    found = customer_history(servers, "ann", limit=1)
    assert found is not None
    with pytest.raises(CursorError):
        customer_history(servers, "ann", cursor=found.interactions.next)
    with pytest.raises(CursorError):
        customer_interactions(servers, "ann", cursor=found.ledger.next)
