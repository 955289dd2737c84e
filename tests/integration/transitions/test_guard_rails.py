"""A rule never overrides what happened after its evidence, whoever is first, whatever dies."""

import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from approvals import apply_events, approval, customer, decision, delivery
from blocking import await_blocked
from desk import apply_outbox, at_once, in_outbox, servers_of, sql
from hypothesis import given, settings
from hypothesis import strategies as st
from parallel import apply_in_lanes
from processes import DEADLINE, environment, exit_code, process
from transitions import RULE, buyer, chosen, propose, proposed, purchase_at, shown

from signoff_db.apply import apply, apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_insight.transitions import deciding
from signoff_insight.transitions.deciding import Decider
from signoff_ops.servers import KeptConnection
from signoff_ops.transitions import (
    Choice,
    EffectNow,
    ObstacleKind,
    ProposalFilter,
    ProposalState,
    Shown,
    approve,
    overview,
    proposal,
    proposals_page,
)
from signoff_schemas import AnyEvent, parse_event


def test_a_worker_that_comes_first_is_seen(database_url: str, connection: BatchConnection) -> None:
    """An approval waits for the worker that has the customer, and then sees what it applied."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    answer = purchase_at(datetime.now(UTC))
    with ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            apply_in_transaction(connection, [delivery(answer)])
            approving = pool.submit(approve, servers, chosen(made), "ann")
            await_blocked(database_url)
        effect = approving.result(DEADLINE)

    assert effect.obstacles == {ObstacleKind.NEWER_EVENT: 1}
    assert in_outbox(database_url) == []
    assert shown(servers, made).state is ProposalState.OUTDATED
    assert customer(connection, "user-1") == ("CUSTOMER", "100.00")


@pytest.mark.parametrize("is_between", [True, False], ids=["between", "after"])
def test_a_worker_that_comes_second_is_judged_by_when_it_happened(
    database_url: str, connection: BatchConnection, *, is_between: bool
) -> None:
    """It waits for the approval. A purchase from before the decision voids it; a later one not."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    with connect(database_url) as person, ThreadPoolExecutor(1) as pool:
        with person.transaction():
            deciding._approve(person, [made], Decider("ann"))
            row = person.execute("SELECT clock_timestamp()").fetchone()
            assert row
            moment = row[0] - timedelta(minutes=5) if is_between else row[0]
            bought = purchase_at(moment, customer_status="LEAD_QUALIFIED")
            applying = pool.submit(apply, connection, [delivery(bought)])
            await_blocked(database_url)
        assert [outcome.result for outcome in applying.result(DEADLINE)] == ["applied"]

    verdict = apply_outbox(connection, database_url)

    assert verdict == (["void"] if is_between else ["late"])
    expected = EffectNow.VOID if is_between else EffectNow.SUPERSEDED
    assert shown(servers, made).effect is expected
    assert customer(connection, "user-1") == ("LEAD_QUALIFIED", "100.00")
    assert audit(connection).differing == 0


def test_late_purchases_void_decisions_that_were_applied(
    database_url: str, connection: BatchConnection
) -> None:
    """Whatever arrives later: what occurred between the evidence and the decision wins."""
    users = [f"user-{n}" for n in range(6)]
    apply_events(connection, *map(buyer, users))
    made = propose(database_url, *users)
    servers = servers_of(database_url)
    approve(servers, chosen(*made), "ann")
    assert set(apply_outbox(connection, database_url)) == {"applied"}
    decided = shown(servers, made[0]).decided_at
    assert decided

    late = [purchase_at(decided - timedelta(seconds=1), user) for user in users[:3]]
    apply_events(connection, *late)

    effects = [shown(servers, each).effect for each in made]
    assert effects == [EffectNow.VOID] * 3 + [EffectNow.APPLIED] * 3
    (counts,) = overview(servers).rules
    assert (counts.void, counts.had_effect) == (3, 3)


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_an_approval_that_is_killed_is_whole_in_each_batch(
    database_url: str, connection: BatchConnection, tmp_path: Path, point: str
) -> None:
    """All or none of a batch; approving the same again approves the rest, nothing twice."""
    users = [f"user-{n}" for n in range(1000)]
    apply_events(connection, *map(buyer, users))
    propose(database_url, *users)
    servers = servers_of(database_url)
    env = environment("redis://127.0.0.1:1/0", database_url)
    command = (sys.executable, "-m", "crashing_approver", point)
    with process(*command, env=env, log=tmp_path / "log") as approving:
        assert exit_code(approving, log=tmp_path / "log") == -9

    approved = "SELECT count(event_id), count(*) FROM signoff.transition_proposals"
    expected = 250 if point == "before commit" else 500
    assert sql(database_url, approved) == [(expected, 1000)]
    assert len(in_outbox(database_url)) == expected
    effect = approve(servers, Choice.of_rule(RULE), "ann")
    assert effect.changed == 1000 - expected
    assert len({held["event_id"] for held in in_outbox(database_url)}) == 1000
    assert set(apply_outbox(connection, database_url)) == {"applied"}


def test_people_and_workers_at_the_same_time(
    database_url: str, connection: BatchConnection, lanes: list[BatchConnection]
) -> None:
    """Nothing deadlocks for good, and each customer ends as the ledger says."""
    chance = random.Random(7)
    users = [f"user-{n}" for n in range(60)]
    apply_events(connection, *map(buyer, users))
    made = propose(database_url, *users)
    servers = servers_of(database_url)
    now = datetime.now(UTC)
    purchases = [
        [
            [
                purchase_at(now + timedelta(seconds=chance.uniform(-5, 5)), user)
                for user in chance.sample(users, 15)
            ]
            for _ in range(4)
        ]
        for _ in lanes[:2]
    ]

    def work(n: int) -> Any:
        if n == 0:
            return apply_in_lanes(lanes[:2], purchases)
        return approve(servers, chosen(*chance.sample(made, len(made))), f"person {n}")

    _, first, second = at_once(work, 3)
    approved = first.changed + second.changed
    assert len(in_outbox(database_url)) == approved
    apply_outbox(connection, database_url)

    assert audit(connection).differing == 0
    bought: dict[str, list[datetime]] = {}
    for lane in purchases:
        for batch in lane:
            for event in batch:
                bought.setdefault(str(event.user_id), []).append(event.occurred_at)
    listed = proposals_page(servers, ProposalFilter(Shown.ALL), limit=100).items
    assert len(listed) == len(made)
    for found in listed:
        if found.state is not ProposalState.APPROVED:
            assert found.state is ProposalState.OUTDATED
            continue
        assert found.decided_at
        is_void = any(moment < found.decided_at for moment in bought.get(found.user_id, []))
        assert (found.effect is EffectNow.VOID) is is_void


# Times of what people do, relative to the rule's decision, in minutes: before and after the event
# that the rule knew (-60), and after the decision.
TIMES = st.sampled_from([-90, -70, -50, -30, -10, 1, 2, 3])
DOINGS = st.lists(
    st.tuples(
        TIMES,
        st.sampled_from(["status", "amount", "reply", "decision"]),
        st.sampled_from(["PROSPECT", "LEAD_QUALIFIED", "CUSTOMER", "LEAD_EXHAUSTED"]),
        st.booleans(),
    ),
    max_size=5,
)
_numbers = count(1)


@dataclass(frozen=True)
class Law:
    """What all examples share; each has a customer of its own."""

    servers: KeptConnection
    connection: BatchConnection

    def decision_of(self, proposal_id: UUID) -> list[AnyEvent]:
        """The decision of a proposal, if it was approved."""
        rows = self.connection.execute(
            "SELECT event FROM transition_proposals WHERE id = %s", [proposal_id]
        )
        return [parse_event(event) for (event,) in rows if event]


@pytest.fixture(scope="module")
def law(module_database_url: str) -> Iterator[Law]:
    """A database with an outbox, and connections to it."""
    with (
        connect_for_batches(module_database_url, application="law") as connection,
        KeptConnection(servers_of(module_database_url).settings) as servers,
    ):
        yield Law(servers, connection)


def event_of(user: str, doing: tuple[int, str, str, bool], now: datetime) -> AnyEvent:
    """What a person did."""
    minutes, kind, status, _ = doing
    moment = now + timedelta(minutes=minutes, microseconds=random.randrange(1_000_000))
    if kind == "decision":
        return decision(user_id=user, customer_status=status, occurred_at=moment)
    given: dict[str, Any] = {"status": {"customer_status": status}, "amount": {"ltv_amount": "5"}}
    return approval(user_id=user, occurred_at=moment, **given.get(kind, {}))


def gives(event: AnyEvent) -> bool:
    """Whether it gave a status or an amount."""
    amount = getattr(event, "ltv_amount", None)
    return event.customer_status is not None or amount is not None


@settings(max_examples=50)
@given(doings=DOINGS, chance=st.randoms(use_true_random=False))
def test_a_rule_never_overrides_what_a_person_decided_after_its_evidence(
    law: Law, doings: list[tuple[int, str, str, bool]], chance: random.Random
) -> None:
    """Whatever people do, whenever it occurred, and in whichever order all of it arrives."""
    connection, user, now = law.connection, f"user-{next(_numbers)}", datetime.now(UTC)
    known = buyer(user, occurred_at=now - timedelta(minutes=60))
    done = [(event_of(user, doing, now), doing[3]) for doing in doings]
    before = [event for event, is_early in done if is_early]
    apply_events(connection, known)
    (made,) = propose(law.servers.settings.require("database_url"), user)
    for event in chance.sample(before, len(before)):
        apply_events(connection, event)

    approve(law.servers, chosen(made), "ann")
    own = law.decision_of(made)
    arriving = [*own, *(event for event, is_early in done if not is_early)]
    for event in chance.sample(arriving, len(arriving)):
        apply_events(connection, event)

    people = sorted([known, *(event for event, _ in done)], key=place)
    counting = [
        rule
        for rule in own
        if not any(place(known) < place(each) < place(rule) and gives(each) for each in people)
    ]
    statuses = [e.customer_status for e in sorted([*people, *counting], key=place)]
    held = customer(connection, user)
    assert held
    assert held[0] == [status for status in statuses if status][-1]
    effect = proposal(law.servers, made).effect
    assert (effect is EffectNow.VOID) is (len(own) > len(counting))


def place(event: AnyEvent) -> tuple[datetime, UUID]:
    """An event's place in the order."""
    return event.occurred_at, event.event_id
