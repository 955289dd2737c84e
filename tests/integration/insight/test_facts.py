"""The facts are those of the ledger's events, in whatever order these arrive."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from approvals import apply_events, approval, decision
from cdnow import cdnow_events
from fact_tables import Tables, tables_from, tables_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from insight import answer, apply_all, keep_facts
from mixed import mixed_events
from plain_insight import PlainCustomer, plain_facts
from psycopg import ClientCursor, Connection
from psycopg.rows import TupleRow

from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_db.sql import statement
from signoff_insight.facts.reader import FactsReader, KeptOtherwiseError
from signoff_insight.facts.refreshing import BY_INDEX
from signoff_insight.facts.state import PACKAGE, reach_of, state_of
from signoff_insight.views.registry import VIEWS
from signoff_schemas import EDIT_TAGS, AnyEvent, StatusDecision

BATCHES = 200


@pytest.fixture
def reader(database_url: str) -> Iterator[FactsReader]:
    """A reader that has built the facts of the empty ledger."""
    reader = FactsReader(database_url, "UTC")
    catch_up(reader)
    yield reader
    reader.close()


def catch_up(reader: FactsReader) -> None:
    """Turns until there is no more."""
    while reader.turn() is not Turn.CAUGHT_UP:
        pass


def test_they_are_those_of_a_plain_computation(
    cdnow_facts: Connection[TupleRow], cdnow_customers: dict[str, PlainCustomer]
) -> None:
    """Each cell of each table, for the purchases of 1,200 customers."""
    assert tables_of(cdnow_facts) == tables_from(cdnow_customers)


def test_the_order_of_arrival_does_not_matter(
    connection: BatchConnection,
    reader: FactsReader,
    cdnow_customers: dict[str, PlainCustomer],
) -> None:
    """The same customers shuffled, each event twice, in 200 batches, the facts kept meanwhile.

    What is kept equals what a rebuild computes, with which another process begins in between.
    """
    events = cdnow_events() * 2
    random.Random(15).shuffle(events)
    size = -(-len(events) // BATCHES)
    for number in range(BATCHES):
        apply_events(connection, *events[number * size : (number + 1) * size])
        if number == BATCHES // 2:
            reader.begin_rebuild()
        if number % 4 == 0:
            reader.turn()
    catch_up(reader)
    kept = tables_of(connection)
    assert kept == tables_from(cdnow_customers)
    connection.execute(
        "TRUNCATE customer_facts, customer_purchases, customer_spells, customer_exposures"
    )
    reader.begin_rebuild()
    catch_up(reader)
    assert tables_of(connection) == kept


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    to_rebuild=st.integers(0, 9),
)
def test_events_of_both_kinds_in_any_batches(
    connection: BatchConnection,
    reader: FactsReader,
    seed: int,
    sizes: Sequence[int],
    to_rebuild: int,
) -> None:
    """Also decisions that become void, or count again, when another event arrives late."""
    days = (datetime(2025, 1, 30, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
    example = uuid4()
    events = renamed(mixed_events(random.Random(seed), sum(sizes), *days), example)
    arrived: list[AnyEvent] = []
    for number, size in enumerate(sizes):
        batch = [events.pop() for _ in range(size)]
        apply_events(connection, *batch)
        arrived += batch
        if number == to_rebuild:
            reader.begin_rebuild()
        catch_up(reader)
        assert of_example(tables_of(connection), example) == tables_from(plain_facts(arrived))


def renamed(events: Sequence[AnyEvent], example: UUID) -> list[AnyEvent]:
    """The same events with other ids, of other customers: the ledger keeps those of before."""

    def other(held: UUID | None) -> UUID | None:
        return held and uuid5(example, str(held))

    return [
        event.model_copy(
            update={
                "event_id": other(event.event_id),
                "user_id": f"{example}-{event.user_id}",
                **(
                    {"rests_on": other(event.rests_on)}
                    if isinstance(event, StatusDecision)
                    else {"interaction_id": other(event.interaction_id)}
                ),
            }
        )
        for event in events
    ]


def of_example(tables: Tables, example: UUID) -> Tables:
    """The rows of an example's customers."""
    return {
        name: [row for row in rows if row["user_id"].startswith(str(example))]
        for name, rows in tables.items()
    }


def test_a_refresh_looks_up_its_customers_alone(cdnow_facts: Connection[TupleRow]) -> None:
    """However many others there are: no table is read as a whole, nor an index."""
    customers = cdnow_facts.execute("SELECT user_id FROM customer_facts LIMIT 200").fetchall()
    parameters = {"customers": [user for (user,) in customers], "timezone": "UTC"}
    text = statement("facts/refresh", PACKAGE).replace("%(customers)b", "%(customers)s")
    with cdnow_facts.transaction(force_rollback=True):
        cdnow_facts.execute(BY_INDEX)
        cursor = ClientCursor(cdnow_facts)
        found = cursor.execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), parameters).fetchone()
    assert found
    of_tables = [node for node in nodes(found[0][0]["Plan"]) if "Relation Name" in node]
    scans = [node for node in of_tables if "Scan" in node["Node Type"]]
    assert {node["Relation Name"] for node in scans} >= {"approvals", "customers", "customer_facts"}
    for node in scans:
        assert {"Index Cond", "Recheck Cond", "TID Cond"} & node.keys(), node


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_days_are_those_of_the_time_zone(connection: BatchConnection, database_url: str) -> None:
    """Two purchases of one day in London are of two days, and two months, in Tokyo."""
    bought = {"user_id": "ann", "customer_status": "CUSTOMER", "ltv_amount": "5"}
    events = [approval(0, **bought), approval(60 * 6, **bought)]
    apply_events(connection, *events)
    for timezone, expected in (("Europe/London", 1), ("Asia/Tokyo", 2)):
        keep_facts(database_url, timezone)
        held = tables_of(connection)
        assert held == tables_from(plain_facts(events), timezone)
        assert held["facts"][0]["purchase_days"] == expected


def test_each_tag_has_its_own_bit(connection: BatchConnection, reader: FactsReader) -> None:
    """In the order of the taxonomy."""
    for tag in EDIT_TAGS:
        apply_events(connection, approval(user_id=tag, edit_tags=[tag]))
    catch_up(reader)
    held = connection.execute("SELECT user_id, first_tags FROM customer_facts").fetchall()
    assert dict(held) == {tag: 1 << place for place, tag in enumerate(EDIT_TAGS)}


@pytest.mark.parametrize(
    ("cta", "label"),
    [
        ({"type": "book a call", "kind": "x"}, "book a call"),
        ({"kind": "link"}, "link"),
        ({"name": "  spring  "}, "spring"),
        ({"url": "https://example.com"}, "other"),
        ({"type": ""}, "other"),
        ({"type": 7}, "7"),
        ({"type": "x" * 200}, "x" * 60),
        ({}, None),
        (None, None),
    ],
)
def test_a_cta_is_called_by_its_type(
    connection: BatchConnection, reader: FactsReader, cta: object, label: str | None
) -> None:
    """Else by its kind or name; charts call all that have neither 'other'."""
    apply_events(connection, approval(cta_data=cta))
    catch_up(reader)
    assert connection.execute("SELECT first_cta FROM customer_facts").fetchone() == (label,)


def test_what_another_system_knew_is_no_step_of_the_funnel(
    connection: BatchConnection, database_url: str
) -> None:
    """A customer that was CUSTOMER before its first event was no prospect here."""
    known = uuid4()
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
        " VALUES (%s, 'ann', 'CUSTOMER', 70)",
        [known],
    )
    events = [
        approval(0, interaction_id=known, user_id="ann", customer_status="CHURNED"),
        approval(9, interaction_id=known, user_id="ann", customer_status="CUSTOMER"),
    ]
    apply_all(database_url, events)
    keep_facts(database_url)
    held = tables_of(connection)
    plain = tables_from(plain_facts(events, adopted={known: "CUSTOMER"}))
    assert held["spells"] == plain["spells"]
    (facts,) = held["facts"]
    assert {
        facts[name] for name in ("prospect_at", "qualified_at", "customer_at", "churned_at")
    } == {None}


def test_a_customer_with_decisions_alone_has_facts(
    connection: BatchConnection, reader: FactsReader
) -> None:
    """Without a first approval."""
    events = [decision(0, user_id="ann", customer_status="LEAD_EXHAUSTED")]
    apply_events(connection, *events)
    catch_up(reader)
    assert tables_of(connection) == tables_from(plain_facts(events))


def test_an_interaction_without_a_user_is_nobodys(
    connection: BatchConnection, reader: FactsReader
) -> None:
    """Its events are no customer's facts."""
    known = uuid4()
    connection.execute("INSERT INTO interactions (id) VALUES (%s)", [known])
    apply_events(connection, approval(interaction_id=known, user_id=None))
    catch_up(reader)
    assert tables_of(connection)["facts"] == []


def test_the_reach_is_the_latest_event(connection: BatchConnection, reader: FactsReader) -> None:
    """Whenever it arrived; also after a rebuild of a ledger that holds less."""
    later, earlier = approval(60), approval(0)
    apply_events(connection, later, earlier)
    catch_up(reader)
    assert reach_of(connection, "UTC").data_until == later.occurred_at
    connection.execute("UPDATE insight_state SET data_until = '2030-01-01Z'")
    reader.begin_rebuild()
    assert reach_of(connection, "UTC").rebuilt == 0
    catch_up(reader)
    assert reach_of(connection, "UTC").data_until == later.occurred_at
    assert reach_of(connection, "UTC").rebuilt is None


def test_two_time_zones_do_not_rebuild_for_ever(
    connection: BatchConnection, database_url: str
) -> None:
    """The process that began later wins; the former goes on once nobody else keeps the facts."""
    bought = approval(60 * 6, user_id="ann", customer_status="CUSTOMER", ltv_amount="5")
    apply_events(connection, bought)
    with (
        closing(FactsReader(database_url, "Europe/London")) as former,
        closing(FactsReader(database_url, "Asia/Tokyo")) as later,
    ):
        catch_up(former)
        catch_up(later)
        for _ in range(2):
            with pytest.raises(KeptOtherwiseError, match="Asia/Tokyo"):
                former.turn()
        assert tables_of(connection) == tables_from(plain_facts([bought]), "Asia/Tokyo")
        connection.execute("UPDATE feed_readers SET updated_at = now() - interval '1 hour'")
        catch_up(former)
        assert tables_of(connection) == tables_from(plain_facts([bought]), "Europe/London")


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_nothing_is_computed_with_another_time_zone_than_the_facts(
    connection: BatchConnection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_rebuilt: bool,
) -> None:
    """Also if another process begins a rebuild right after this one has looked."""
    events = [
        approval(60 * 6, user_id=user, customer_status="CUSTOMER", ltv_amount="5")
        for user in ("ann", "bob")
    ]
    apply_events(connection, events[0])
    with (
        closing(FactsReader(database_url, "Europe/London")) as former,
        closing(FactsReader(database_url, "Asia/Tokyo")) as later,
    ):
        former.turn()
        if is_rebuilt:
            catch_up(former)
        seen = [state_of(connection)]
        later.turn()
        if is_rebuilt:
            later.turn()
            apply_events(connection, events[1])
        monkeypatch.setattr(
            "signoff_insight.facts.reader.state_of",
            lambda connection: seen.pop() if seen else state_of(connection),
        )
        with suppress(KeptOtherwiseError):
            former.turn()
        catch_up(later)
        held = tables_of(connection)
        assert held == tables_from(plain_facts(events[: 1 + is_rebuilt]), "Asia/Tokyo")


@pytest.mark.parametrize("turns", [1, 2, 9])
def test_a_reader_whose_position_was_deleted_computes_all_anew(
    connection: BatchConnection, database_url: str, turns: int
) -> None:
    """Also in the middle of a rebuild."""
    events = [approval(user_id=user) for user in ("ann", "bob", "cid")]
    apply_events(connection, *events)
    with closing(FactsReader(database_url, "UTC", chunk=1)) as reader:
        for _ in range(turns):
            reader.turn()
        connection.execute("DELETE FROM feed_readers")
        assert Turn.CAUGHT_UP in [reader.turn() for _ in range(20)]
        assert tables_of(connection) == tables_from(plain_facts(events))


def test_every_view_answers_in_the_first_moments_of_the_first_build(
    connection: BatchConnection, reader: FactsReader
) -> None:
    """One half of the first customers is there, and how far the facts reach is not noted yet."""
    bought = approval(60, customer_status="CUSTOMER", ltv_amount="5")
    apply_events(connection, approval(), bought, approval(99_999))
    catch_up(reader)
    connection.execute("UPDATE insight_state SET rebuilt_at = NULL, data_until = NULL")
    for name in VIEWS:
        assert answer(connection, name).tables
