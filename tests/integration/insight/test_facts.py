"""The facts are those of the ledger's events, in whatever order these arrive."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from approvals import TEN, apply_events, approval, decision
from cdnow import cdnow_events
from fact_tables import Tables, tables_from, tables_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from insight import answer, apply_all, keep_facts
from mixed import mixed_events
from plain_insight import PlainCustomer, plain_facts
from psycopg import ClientCursor, Connection
from psycopg.rows import TupleRow

from signoff_db.connection import BatchConnection, connect
from signoff_db.feed_reader import Turn
from signoff_db.sql import statement
from signoff_insight.facts.folding import Fold
from signoff_insight.facts.histories import of_some
from signoff_insight.facts.kept import KeptRows
from signoff_insight.facts.planning import BY_INDEX
from signoff_insight.facts.reader import FactsReader, KeptOtherwiseError
from signoff_insight.facts.rows import Exposure, Facts, Purchases, Spell
from signoff_insight.facts.state import PACKAGE, reach_of, state_of
from signoff_insight.facts.writing import Advanced, FactsChangedError, add
from signoff_insight.views.registry import VIEWS
from signoff_schemas import EDIT_TAGS, AnyEvent, ApprovalEvent, StatusDecision

BATCHES = 80


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
    """The same customers shuffled, each event twice, in 80 batches, the facts kept meanwhile.

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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=8),
    others=st.sampled_from([(0, 0), (0, 0.05), (3, 0)]),
)
def test_events_that_arrive_in_order(
    connection: BatchConnection,
    reader: FactsReader,
    seed: int,
    sizes: Sequence[int],
    others: tuple[int, float],
) -> None:
    """They are added to the facts that are kept; but for customers with a decision or a late event.

    What is kept equals a plain computation after each batch.
    """
    late, decisions = others
    chance = random.Random(seed)
    days = (datetime(2025, 1, 30, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
    example = uuid4()
    made = [
        shown(event, chance)
        for event in mixed_events(chance, 4 * sum(sizes), *days, users=4)
        if isinstance(event, ApprovalEvent) or chance.random() < decisions
    ]
    events = sorted(renamed(made, example), key=lambda event: event.occurred_at)
    for _ in range(late if events else 0):
        events.insert(chance.randrange(len(events)), events.pop())
    arrived: list[AnyEvent] = []
    for size in sizes:
        batch, events = events[:size], events[size:]
        if not batch:
            break
        apply_events(connection, *batch)
        arrived += batch
        catch_up(reader)
        assert of_example(tables_of(connection), example) == tables_from(plain_facts(arrived))


def shown(event: AnyEvent, chance: random.Random) -> AnyEvent:
    """The same approval with a reviewer, tags and a CTA, at one of a few times of the day."""
    if not isinstance(event, ApprovalEvent):
        return event
    return event.model_copy(
        update={
            "occurred_at": event.occurred_at.replace(
                minute=0, second=0, microsecond=chance.choice([0, 500_000])
            ),
            "reviewer_id": chance.choice(["ann", "bob", None]),
            "edit_tags": chance.sample(EDIT_TAGS[:4], chance.choice([0, 1, 2])),
            "cta_data": chance.choice([None, {"type": "call"}, {"type": 'x, "y"'}]),
        }
    )


def test_newer_events_are_added_without_reading_the_others(
    connection: BatchConnection, reader: FactsReader
) -> None:
    """So the price of an event does not grow with the customer's history; a late one reads it."""
    key = uuid4()
    events = [
        approval(n, interaction_id=key, user_id="ann", customer_status="LEAD_QUALIFIED")
        for n in (0, 5, 9, 7)
    ]
    apply_events(connection, events[0])
    catch_up(reader)
    connection.execute("UPDATE customer_facts SET first_cta = 'as it was kept'")
    apply_events(connection, *events[1:3])
    catch_up(reader)
    (facts,) = tables_of(connection)["facts"]
    assert (facts["first_cta"], facts["approvals"]) == ("as it was kept", 3)
    apply_events(connection, events[3])
    catch_up(reader)
    assert tables_of(connection) == tables_from(plain_facts(events))


@pytest.mark.parametrize("microseconds", [-1, 0, 1])
def test_days_until_a_conversion_are_rounded_up(
    connection: BatchConnection, reader: FactsReader, microseconds: int
) -> None:
    """To the microsecond, also after centuries: a clock may be wrong."""
    shown_at = datetime(1, 1, 31, 10, tzinfo=UTC)
    bought_at = TEN + timedelta(microseconds=microseconds)
    for at, status in ((shown_at, "PROSPECT"), (bought_at, "CUSTOMER")):
        apply_events(connection, approval(occurred_at=at, customer_status=status))
        catch_up(reader)
    kept = connection.execute("SELECT converted_after FROM customer_exposures").fetchall()
    assert kept == [((TEN - shown_at).days + (microseconds > 0),)]
    reader.begin_rebuild()
    catch_up(reader)
    assert tables_of(connection)["exposures"][0]["converted_after"] == kept[0][0]


def test_events_are_not_added_to_facts_that_somebody_else_wrote(
    connection: BatchConnection, database_url: str, reader: FactsReader
) -> None:
    """Not to a row that is another one now, nor to another customer's."""
    apply_events(connection, *(approval(user_id=user) for user in ("ann", "bob")))
    catch_up(reader)
    with connect(database_url) as own:
        (ann, held_at), (_, of_bob) = own.execute(
            "SELECT customer, ctid::text FROM customer_facts ORDER BY user_id"
        ).fetchall()
        add(own, [advanced(ann, held_at)], KeptRows())
        for wrong in (held_at, of_bob, "(0,99)"):
            with pytest.raises(FactsChangedError):
                add(own, [advanced(ann, wrong)], KeptRows())
    held = connection.execute("SELECT approvals FROM customer_facts ORDER BY user_id").fetchall()
    assert held == [(7,), (1,)]


def advanced(customer: int, held_at: str) -> Advanced:
    """Facts with seven approvals."""
    facts = Facts(str(TEN), str(TEN), approvals=7)
    return Advanced(customer, held_at, Decimal(0), Fold(facts, "PROSPECT"))


@pytest.mark.parametrize("is_later_event", [False, True])
def test_facts_follow_an_interaction_that_another_system_moves(
    connection: BatchConnection, database_url: str, reader: FactsReader, *, is_later_event: bool
) -> None:
    """Its events are the new owner's then, also if a newer event of this one comes at once."""
    key = uuid4()
    moved = [
        approval(n, interaction_id=key, user_id="ann", customer_status="CUSTOMER", ltv_amount="5")
        for n in (0, 9)
    ]
    own = [approval(n, user_id="bob", customer_status="LEAD_QUALIFIED") for n in (3, 12)]
    left = approval(5, user_id="ann", customer_status="CHURNED")
    apply_events(connection, *moved, own[0], left)
    catch_up(reader)
    with connect(database_url) as upstream:
        upstream.execute("UPDATE interactions SET user_id = 'bob' WHERE id = %s", [key])
    if is_later_event:
        apply_events(connection, own[1])
    catch_up(reader)
    now_bob = [event.model_copy(update={"user_id": "bob"}) for event in moved]
    events = [*now_bob, *own[: 1 + is_later_event], left]
    assert tables_of(connection) == tables_from(plain_facts(events))
    assert connection.execute("SELECT count(*) FROM touched_customers").fetchone() == (0,)


def test_facts_end_with_the_interactions_that_another_system_deletes(
    connection: BatchConnection, reader: FactsReader
) -> None:
    """One by one, or all at once."""
    keys = uuid4(), uuid4(), uuid4()
    users = ("ann", "ann", "bob")
    events = [
        approval(n, interaction_id=key, user_id=user, customer_status="CUSTOMER", ltv_amount="5")
        for n, (key, user) in enumerate(zip(keys, users, strict=True))
    ]
    apply_events(connection, *events)
    catch_up(reader)
    connection.execute("DELETE FROM interactions WHERE id = ANY(%s)", [[keys[0], keys[2]]])
    catch_up(reader)
    assert tables_of(connection) == tables_from(plain_facts(events[1:2]))
    connection.execute("TRUNCATE interactions")
    catch_up(reader)
    assert tables_of(connection)["facts"] == []


def test_a_rebuild_goes_through_customers_group_by_group(
    connection: BatchConnection, reader: FactsReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their ids are; who has no event any more has no facts then."""
    monkeypatch.setattr("signoff_insight.facts.histories._CUSTOMERS", 2)
    monkeypatch.setattr("signoff_insight.facts.histories._EVENTS", 3)
    monkeypatch.setattr("signoff_insight.facts.histories._FETCHED", 2)
    users = ["Ann", "ann", "a nn", "zo\u00eb", "\u4e2d", "\U0001f600", "a\\b", "gone"]
    events = [
        approval(5 * minute + n, user_id=user, customer_status=status)
        for n, user in enumerate(users)
        for minute, status in enumerate(["PROSPECT", None, "CUSTOMER", None][: 1 + n % 4])
    ]
    apply_events(connection, *events)
    catch_up(reader)
    connection.execute("DELETE FROM interactions WHERE user_id = 'gone'")
    connection.execute("TRUNCATE touched_customers")
    reader.begin_rebuild()
    catch_up(reader)
    left = [event for event in events if event.user_id != "gone"]
    assert tables_of(connection) == tables_from(plain_facts(left))
    connection.execute(
        "TRUNCATE customer_facts, customer_purchases, customer_spells, customer_exposures"
    )
    reader.begin_rebuild()
    catch_up(reader)
    assert tables_of(connection) == tables_from(plain_facts(left))


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


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("events", {"customers", "interactions", "approvals", "status_decisions"}),
        ("openings", {"interactions"}),
        ("known", {"customers", "customer_facts", "interactions", "approvals"}),
        ("new_events", {"approvals", "interactions"}),
        ("kept_facts", {"customer_facts"}),
        ("numbers", {"customer_facts"}),
        ("kept_purchases", {"customer_purchases"}),
        ("kept_spells", {"customer_spells"}),
        ("kept_exposures", {"customer_exposures", "exposure_cells", "exposure_reviewers"}),
        ("cells", {"exposure_cells"}),
        ("reviewer_cells", {"exposure_reviewers"}),
        ("advance_facts", {"customer_facts"}),
        ("convert_exposures", {"customer_exposures"}),
        ("update_facts", {"customer_facts"}),
        ("update_purchases", {"customer_purchases"}),
        ("update_spells", {"customer_spells"}),
        ("update_exposures", {"customer_exposures"}),
        ("delete_purchases", {"customer_purchases"}),
        ("delete_spells", {"customer_spells"}),
        ("delete_exposures", {"customer_exposures"}),
        ("delete_customers", {"customer_facts", "customer_spells"}),
    ],
)
def test_a_refresh_looks_up_its_customers_alone(
    cdnow_facts: Connection[TupleRow], name: str, tables: set[str]
) -> None:
    """However many others there are: no table is read as a whole, nor an index."""
    rows = cdnow_facts.execute("SELECT user_id, customer FROM customer_facts LIMIT 200").fetchall()
    users, numbers = zip(*rows, strict=True)
    events = cdnow_facts.execute("SELECT event_id FROM approvals LIMIT 200").fetchall()
    text = of_some() if name == "events" else statement(f"facts/{name}", PACKAGE)
    text = text.replace("%(customers)b", "%(customers)s")
    of_users = {"events", "openings", "numbers"}
    days = name.endswith("purchases")
    columns = ["customer", "customer_status", "ltv_usd", *(field.name for field in fields(Facts))]
    columns += [*Purchases._fields, *Spell._fields, *Exposure._fields]
    columns += ["held_at", "converted_at"]
    parameters: dict[str, object] = dict.fromkeys(columns, "{}")
    parameters |= {
        "customers": [*(users if name in of_users else numbers)],
        "users": [*users],
        "news": [1] * len(users),
        "events": [event for (event,) in events],
        "keys": ["2026-01-01" if days else 1] * len(numbers),
        "days": ["2026-01-01"] * len(numbers),
        "timezone": "UTC",
    }
    with cdnow_facts.transaction(force_rollback=True):
        cdnow_facts.execute(BY_INDEX)
        cursor = ClientCursor(cdnow_facts)
        found = cursor.execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), parameters).fetchone()
    assert found
    of_tables = [node for node in nodes(found[0][0]["Plan"]) if "Relation Name" in node]
    scans = [node for node in of_tables if "Scan" in node["Node Type"]]
    assert {node["Relation Name"] for node in scans} >= tables
    for node in scans:
        assert {"Index Cond", "Recheck Cond", "TID Cond"} & node.keys(), node


def test_no_index_holds_what_events_change(connection: BatchConnection) -> None:
    """So a row that changes stays on its page, and none of its indexes changes."""
    changing = {"customer_status", "last_event_at", "approvals", "spent_usd", "ended_at"}
    changing |= {"next_status", "same_before", "converted_after"}
    found = connection.execute(
        "SELECT indexrelid::regclass::text, attname FROM pg_index"
        " JOIN pg_attribute a ON attrelid = indrelid AND attnum = ANY(indkey)"
        " WHERE indrelid::regclass::text = ANY(%s)",
        [["customer_facts", "customer_purchases", "customer_spells", "customer_exposures"]],
    ).fetchall()
    assert found
    assert not [one for one in found if one[1] in changing]


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


def test_a_day_goes_on_after_clocks_went_back_over_midnight(
    connection: BatchConnection, database_url: str
) -> None:
    """Purchases that arrive together: the first is of the next day, the second of the day before.

    Of that day there is one already.
    """
    zone = "America/St_Johns"
    events = [
        approval(user_id="ann", occurred_at=at, customer_status="CUSTOMER", ltv_amount="5")
        for at in (
            datetime(2010, 11, 7, 1, 30, tzinfo=UTC),
            datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC),  # 0:00:30; at 0:01 it is 23:01 again
            datetime(2010, 11, 7, 2, 45, tzinfo=UTC),
        )
    ]
    apply_events(connection, events[0])
    keep_facts(database_url, zone)
    apply_events(connection, *events[1:])
    keep_facts(database_url, zone)
    kept = tables_of(connection)
    assert [row["purchases"] for row in kept["purchases"]] == [2, 1]
    connection.execute("DELETE FROM insight_state")
    keep_facts(database_url, zone)
    assert tables_of(connection) == kept


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
