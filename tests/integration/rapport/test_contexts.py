"""A context is what ledger and reviews hold of a customer, whatever the order of arrival."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from approvals import TEN, apply_events, approval, decision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed import mixed_events
from plain_rapport import PlainReview, plain_contexts
from psycopg import ClientCursor, Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from rapport import catch_up, contexts_of, insert_reviews, rebuilt_texts, texts_of, value_of

from signoff_db.connection import BatchConnection, connect
from signoff_db.sql import statement
from signoff_insight.rapport.computing import BY_INDEX
from signoff_insight.rapport.reader import RapportReader
from signoff_insight.rapport.state import PACKAGE
from signoff_ops.rapport import context_of
from signoff_schemas import EDIT_TAGS, AnyEvent, ApprovalEvent, StatusDecision

DAYS = (datetime(2025, 1, 30, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
KEYS = ("name", "language", "a", "b" * 40)
VALUES = (None, "Ann", 7, 1.5, ["x", {"y": []}], {"deep": {"er": "é"}}, "long " * 1000)


def some_history(
    chance: random.Random, example: UUID, count: int
) -> tuple[list[AnyEvent], list[PlainReview]]:
    """Events of both kinds with tags and CTAs, and reviews, of a few customers of an example."""
    events = [_own(event, chance, example) for event in mixed_events(chance, count, *DAYS)]
    replies = [event.interaction_id for event in events if isinstance(event, ApprovalEvent)]
    free = list({*replies, *(uuid5(example, f"review {n}") for n in range(4))})
    chance.shuffle(free)
    return events, [_review(key, chance, example) for key in free[: chance.randint(0, 8)]]


def _own(event: AnyEvent, chance: random.Random, example: UUID) -> AnyEvent:
    """The same event with other ids, of another customer: the ledger keeps those of before."""

    def other(held: UUID | None) -> UUID | None:
        return held and uuid5(example, str(held))

    changes: dict[str, Any] = {
        "event_id": other(event.event_id),
        "user_id": f"{example}-{event.user_id}",
    }
    if isinstance(event, StatusDecision):
        return event.model_copy(update=changes | {"rests_on": other(event.rests_on)})
    changes |= {
        "interaction_id": other(event.interaction_id),
        "reviewer_id": chance.choice(["rev-1", "rev-2", None]),
        "edit_tags": tuple(chance.sample(EDIT_TAGS[:6], chance.choice([0, 0, 1, 3]))),
        "cta_data": chance.choice([None, {"type": "call"}, {"kind": "x", "n": 1}, {}]),
        "quality_score": chance.randint(1, 5),
        "final_bubbles": ("hello", f"number {chance.random()}"),
    }
    return event.model_copy(update=changes)


def _review(interaction: UUID, chance: random.Random, example: UUID) -> PlainReview:
    customer: Any = {
        key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randint(0, len(KEYS)))
    }
    return PlainReview(
        interaction,
        f"{example}-user-{chance.randrange(4)}",
        DAYS[0] + timedelta(days=chance.randrange(3)),
        chance.choice([None, "hi", "x" * 5000]),
        chance.choice([None, {}, {"customer": customer}, {"customer": customer}, {"customer": 1}]),
        chance.choice(["pending", "pending", "expired"]),
    )


def of_example(held: dict[str, Any], example: UUID) -> dict[str, Any]:
    """Those of an example's customers."""
    return {user: context for user, context in held.items() if user.startswith(str(example))}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    to_rebuild=st.integers(0, 7),
)
def test_they_are_those_of_a_plain_computation(
    *,
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport_url: str,
    seed: int,
    sizes: Sequence[int],
    to_rebuild: int,
) -> None:
    """Events of both kinds, some twice, in any batches, and reviews in between.

    Decisions become void, or count again, when another event arrives late.
    """
    chance, example = random.Random(seed), uuid4()
    events, reviews = some_history(chance, example, sum(sizes))
    arrived: list[AnyEvent] = []
    posted: list[PlainReview] = []
    for number, size in enumerate(sizes):
        batch = [events.pop() for _ in range(size)]
        apply_events(connection, *batch)
        arrived += batch
        apply_events(connection, chance.choice(arrived))
        posted += (new := [reviews.pop() for _ in range(min(2, len(reviews)))])
        insert_reviews(upstream, new)
        if number == to_rebuild:
            reader.begin_rebuild()
        catch_up(reader)
        kept = of_example(contexts_of(rapport_url), example)
        assert kept == plain_contexts(arrived, posted)


def test_a_rebuild_gives_the_same_bytes(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    reader: RapportReader,
    database_url: str,
    rapport_url: str,
) -> None:
    """Of contexts that were kept while 400 events arrived in 40 batches."""
    chance, example = random.Random(16), uuid4()
    events, reviews = some_history(chance, example, 400)
    for number in range(40):
        apply_events(connection, *events[number * 10 : number * 10 + 10])
        insert_reviews(upstream, reviews[number : number + 1])
        if number % 3 == 0:
            reader.turn()
    catch_up(reader)
    kept = texts_of(rapport_url)
    assert {user: value_of(text) for user, text in kept.items()} == plain_contexts(events, reviews)
    assert rebuilt_texts(database_url, rapport_url, chunk=2) == kept


def test_the_last_exchanges_are_shown(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport_url: str,
) -> None:
    """Ten, the latest first; of calls to action twenty; of scores all count for the mean."""
    events = [
        approval(n, edit_tags=["CTA_SOFT"] if n % 2 else [], quality_score=1 + n % 5)
        for n in range(50)
    ]
    apply_events(connection, *events)
    reviews = [
        PlainReview(e.interaction_id, "user-1", TEN, f"message {e.event_id}") for e in events
    ]
    insert_reviews(upstream, reviews)
    catch_up(reader)
    held = contexts_of(rapport_url)
    assert held == plain_contexts(events, reviews)
    assert [len(held["user-1"][name]) for name in ("exchanges", "ctas")] == [10, 20]


def test_rows_of_other_systems_count(
    upstream: Connection[TupleRow], reader: RapportReader, rapport_url: str
) -> None:
    """Replies that were approved before Signoff came; what they hold is bounded."""
    upstream.execute(
        "INSERT INTO interactions (id, user_id, final_bubbles, edit_tags, quality_score,"
        " reviewer_id, cta_data, customer_status, ltv_usd, created_at, review_completed_at) VALUES"
        " (gen_random_uuid(), 'old', array_fill('é'::text || repeat('x', 3000), ARRAY[30]),"
        "  '{CTA_SOFT}', 3, repeat('r', 500), %s, 'CUSTOMER', 5, 'infinity', 'infinity'),"
        " (gen_random_uuid(), 'old', NULL, NULL, NULL, NULL, %s, 'CHURNED', 0, '2024-01-01', NULL),"
        " (gen_random_uuid(), 'old', ARRAY[NULL, 'a'], NULL, NULL, NULL, NULL, 'PROSPECT', 7,"
        "  '2023-01-01', NULL)",
        [Jsonb({"text": "x" * 9000}), Jsonb({"type": "call"})],
    )
    catch_up(reader)
    old = contexts_of(rapport_url)["old"]
    assert (old["customer_status"], old["ltv_usd"]) == ("CUSTOMER", "12.00")
    assert (old["status_since"], old["status_decided_by"]) == (None, None)
    assert old["first_contact_at"] == old["last_contact_at"] == "2023-01-01T00:00:00.000000Z"
    assert old["counts"]["interactions"] == 3
    before, newest = old["exchanges"]
    assert before["reply"] == ["a"]
    assert (len(newest["reply"]), len(newest["reply"][0])) == (20, 1000)
    assert (newest["cta"], newest["replied_at"], len(newest["reviewer_id"])) == (None, None, 200)
    assert (old["tags"], old["scores"]) == ({"CTA_SOFT": 1}, {"mean": 3, "last": [3]})
    assert [cta["label"] for cta in old["ctas"]] == ["other"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"customer": "Ann"}', {}),
        ('{"customer": null}', {}),
        ('{"customer": []}', {}),
        ('{"customer": {"": "", "a\\u0007": "\\u202e"}}', {"": "", "a\a": "\u202e"}),
        ('{"customer": {"n": 1e400, "d": ' + "9" * 5000 + "}}", None),
        ('{"customer": {"deep": ' + "[" * 40 + "]" * 40 + ', "ok": [[1]]}}', {"ok": [[1]]}),
        ('{"customer": {"deep": ' + "[" * 5000 + "]" * 5000 + ', "ok": 1}}', {"ok": 1}),
        ('{"customer": {"big": "' + "x" * 17000 + '", "small": 1}}', {"small": 1}),
    ],
)
def test_what_upstreams_say_may_be_anything(
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport_url: str,
    said: str,
    kept: dict[str, Any] | None,
) -> None:
    """Whatever JSON it is, the context is bounded, and can be read."""
    upstream.execute(
        "INSERT INTO reviews (interaction_id, user_id, context)"
        " VALUES (gen_random_uuid(), 'ann', %s::jsonb)",
        [said],
    )
    catch_up(reader)
    text = texts_of(rapport_url)["ann"]
    assert len(text) < 20_000
    with connect(rapport_url) as connection:
        assert context_of(connection, "ann")
    if kept is not None:
        assert value_of(text)["customer"] == kept


def test_the_last_of_what_was_said_counts(
    upstream: Connection[TupleRow], reader: RapportReader, rapport_url: str
) -> None:
    """By member, in the order in which reviews were received; also a null."""
    reviews = [
        PlainReview(uuid4(), "ann", TEN + timedelta(minutes=minute), context={"customer": said})
        for minute, said in enumerate(
            [{"name": "A", "zone": "x", "gone": 1}, {"name": "Ann", "gone": None}, {"name": 2}]
        )
    ]
    insert_reviews(upstream, reversed(reviews))
    catch_up(reader)
    assert contexts_of(rapport_url)["ann"]["customer"] == {"name": 2, "zone": "x", "gone": None}
    upstream.execute("DELETE FROM reviews WHERE interaction_id = %s", [reviews[2].interaction_id])
    catch_up(reader)
    assert contexts_of(rapport_url)["ann"]["customer"]["name"] == "Ann"


def test_a_message_of_another_customer_is_not_shown(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport_url: str,
) -> None:
    """A review that names the interaction of somebody else tells nothing about that one."""
    event = approval(user_id="ann")
    apply_events(connection, event)
    insert_reviews(upstream, [PlainReview(event.interaction_id, "bob", TEN, "for my eyes only")])
    catch_up(reader)
    held = contexts_of(rapport_url)
    assert held["ann"]["exchanges"][0]["customer_message"] is None
    assert held["bob"]["counts"]["waiting_reviews"] == 1


def test_open_proposals_are_shown(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport_url: str,
) -> None:
    """Until they are decided; also that they are snoozed."""
    event = approval(user_id="ann")
    apply_events(connection, event)
    catch_up(reader)
    upstream.execute(
        "INSERT INTO transition_proposals (rule, version, user_id, from_status, to_status,"
        " evidence_event, rests_on, evidence, reason, evaluated_at)"
        " VALUES"
        " ('silence', 1, 'ann', 'CUSTOMER', 'CHURNED', %(id)s, %(id)s, '{}', 'Silent', now()),"
        " ('other', 1, 'ann', 'CUSTOMER', 'PROSPECT', %(id)s, %(id)s, '{}', 'Other', now())",
        {"id": event.event_id},
    )
    catch_up(reader)
    other, silence = contexts_of(rapport_url)["ann"]["open_proposals"]
    assert (other["rule"], silence["rule"]) == ("other", "silence")
    assert (silence["to_status"], silence["reason"]) == ("CHURNED", "Silent")
    assert (silence["snoozed_until"], silence["proposed_at"][-1]) == (None, "Z")
    upstream.execute(
        "UPDATE transition_proposals SET snoozed_until = '2030-01-01' WHERE rule = 'silence';"
        " UPDATE transition_proposals SET state = 'outdated', decided_by = 'x', decided_at = now()"
        " WHERE rule = 'other'"
    )
    catch_up(reader)
    (left,) = contexts_of(rapport_url)["ann"]["open_proposals"]
    assert left["snoozed_until"] == "2030-01-01T00:00:00.000000Z"


def test_no_table_is_read_as_a_whole(
    connection: BatchConnection, upstream: Connection[TupleRow]
) -> None:
    """However many other customers there are."""
    apply_events(connection, *[approval(user_id=f"user-{n}") for n in range(300)], decision())
    parameters = {"customers": ["user-1", "user-2"], "events": [uuid4()]}
    text = statement("rapport/contexts", PACKAGE).replace(")b::", ")s::")
    upstream.execute(BY_INDEX)
    found = (
        ClientCursor(upstream)
        .execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), parameters)
        .fetchone()
    )
    assert found
    of_tables = [node for node in nodes(found[0][0]["Plan"]) if "Relation Name" in node]
    names = {node["Relation Name"] for node in of_tables}
    assert names == {
        "approvals",
        "customers",
        "interactions",
        "reviews",
        "status_decisions",
        "transition_proposals",
    }
    for node in of_tables:
        assert {"Index Cond", "Recheck Cond"} & node.keys(), node


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]
