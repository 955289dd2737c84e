"""What people see of proposals: pages, and what became of each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from approvals import apply_events, approval, customer, decision
from psycopg import ClientCursor
from transitions import (
    RULE,
    apply_outbox,
    buyer,
    chosen,
    propose,
    proposed,
    purchase_at,
    servers_of,
    shown,
    sql,
    unknown,
)

from signoff_db.connection import BatchConnection
from signoff_db.sql import statement
from signoff_insight.transitions import counting
from signoff_insight.transitions.counting import BY_INDEX
from signoff_insight.transitions.proposals import PACKAGE
from signoff_ops.transitions import (
    Choice,
    EffectNow,
    ObstacleKind,
    ProposalFilter,
    ProposalState,
    Shown,
    UnknownProposalError,
    approve,
    dated,
    overview,
    proposal,
    proposals_page,
    reject,
    snooze,
    undo,
)


def test_a_proposal_shows_its_customer_and_its_reason(
    database_url: str, connection: BatchConnection
) -> None:
    """One row a proposal: who, from where to where, why, and the customer's LTV now."""
    servers = servers_of(database_url)
    made = proposed(database_url, connection)

    found = proposal(servers, made)

    assert (found.rule, found.version, found.user_id) == (RULE, 1, "user-1")
    assert (found.from_status, found.to_status) == ("CUSTOMER", "CHURNED")
    assert (found.customer_status, str(found.ltv_usd)) == ("CUSTOMER", "50.00")
    assert found.reason == "Silent 214 days; bought once"
    assert found.evidence["return_probability"] == 0.08
    assert (found.state, found.effect, found.obstacle) == (ProposalState.OPEN, None, None)
    with pytest.raises(UnknownProposalError, match="no proposal"):
        proposal(servers, unknown())


def test_pages_follow_one_another(database_url: str, connection: BatchConnection) -> None:
    """Proposals that wait come the oldest first; a cursor leads to the next page."""
    users = [f"user-{n}" for n in range(5)]
    apply_events(connection, *map(buyer, users))
    made = propose(database_url, *users)
    servers = servers_of(database_url)

    first = proposals_page(servers, ProposalFilter(), limit=3)
    second = proposals_page(servers, ProposalFilter(), first.next, limit=3)

    assert [one.id for one in (*first.items, *second.items)] == made
    assert second.next is None
    everything = proposals_page(servers, ProposalFilter(Shown.ALL))
    assert [one.id for one in everything.items] == made[::-1]


def test_filters_choose_proposals(database_url: str, connection: BatchConnection) -> None:
    """By rule, customer, new status, and by what was decided."""
    apply_events(connection, *map(buyer, ("a", "b", "c", "d")))
    a, b, c, d = propose(database_url, "a", "b", "c", "d")
    (other,) = propose(database_url, "a", rule="other", to_status="LEAD_EXHAUSTED")
    servers = servers_of(database_url)
    approve(servers, chosen(a), "ann")
    reject(servers, chosen(b), "ann", "a friend of the house")
    snooze(servers, chosen(c), "ann", datetime.now(UTC) + timedelta(days=1))

    def ids(**wanted: object) -> list[object]:
        return [one.id for one in proposals_page(servers, ProposalFilter(**wanted)).items]  # type: ignore[arg-type]

    assert ids() == [d, other]
    assert ids(shown=Shown.APPROVED) == [a]
    assert ids(shown=Shown.REJECTED) == [b]
    assert ids(shown=Shown.SNOOZED) == [c]
    assert ids(shown=Shown.ALL, rule=RULE) == [d, c, b, a]
    assert ids(shown=Shown.ALL, user_id="a") == [other, a]
    assert ids(to_status="LEAD_EXHAUSTED") == [other]


def test_only_what_is_snoozed_is_shown_again(
    database_url: str, connection: BatchConnection
) -> None:
    """Of others it is said why not; what is in the way of approving them does not matter here."""
    apply_events(connection, *map(buyer, ("a", "b", "c")))
    snoozed, waiting, decided = propose(database_url, "a", "b", "c")
    servers = servers_of(database_url)
    snooze(servers, chosen(snoozed), "ann", datetime.now(UTC) + timedelta(days=1))
    apply_events(connection, buyer("b", 5))
    reject(servers, chosen(decided), "ann", "a friend of the house")

    done = snooze(servers, chosen(snoozed, waiting, decided), "ann", None)
    assert done.changed == 1
    assert done.obstacles == {ObstacleKind.NOT_SNOOZED: 1, ObstacleKind.DECIDED: 1}
    assert snooze(servers, chosen(snoozed), "ann", None).changed == 0
    assert not shown(servers, waiting).is_snoozed
    assert shown(servers, waiting).snoozed_until is None


def test_what_became_of_an_approval(database_url: str, connection: BatchConnection) -> None:
    """It waits, is applied, and is void once a purchase arrives that occurred before it."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")
    waiting = shown(servers, made)
    assert (waiting.effect, waiting.effect_because) == (EffectNow.WAITING, "it is in the outbox")

    sql(database_url, "UPDATE public.signoff_outbox SET published_at = now()")
    assert shown(servers, made).effect_because == "it is on the queue"

    assert apply_outbox(connection, database_url) == ["applied"]
    assert shown(servers, made).effect is EffectNow.APPLIED
    assert shown(servers, made).customer_status == "CHURNED"

    assert waiting.decided_at
    late = purchase_at(waiting.decided_at - timedelta(seconds=1), customer_status=None)
    apply_events(connection, late)
    void = shown(servers, made)
    assert (void.effect, void.customer_status) == (EffectNow.VOID, "CUSTOMER")
    assert str(late.event_id) in str(void.effect_because)


def test_an_approval_that_the_queue_or_postgres_refuses_is_shown(
    database_url: str, connection: BatchConnection
) -> None:
    """A decision that is refused, or a dead letter, is not shown as one that waits."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    approve(servers, chosen(made), "ann")

    sql(database_url, "UPDATE public.signoff_outbox SET refused = 'the queue is full'")
    refused = shown(servers, made)
    assert (refused.effect, refused.effect_because) == (EffectNow.REFUSED, "the queue is full")

    held = shown(servers, made).event_id
    other = decision(0, event_id=held, user_id="somebody else", reason="forged")
    assert apply_events(connection, other) == ["applied"]
    assert apply_outbox(connection, database_url) == ["event_conflict"]
    letter = shown(servers, made)
    assert letter.effect is EffectNow.DEAD_LETTER
    assert "event_conflict" in str(letter.effect_because)


def test_a_customer_who_comes_back_counts_against_the_rule(
    database_url: str, connection: BatchConnection
) -> None:
    """A purchase after the decision is a reactivation: shown at the proposal, counted by rule."""
    apply_events(connection, buyer("a"), buyer("b"), buyer("c"))
    a, b, c = propose(database_url, "a", "b", "c")
    servers = servers_of(database_url)
    approve(servers, chosen(a, b, c), "ann")
    apply_outbox(connection, database_url)
    now = datetime.now(UTC)
    apply_events(
        connection,
        purchase_at(now, "a"),
        # An answer alone, without an amount or the status CUSTOMER, is no return.
        approval(user_id="b", occurred_at=now),
        # An amount counts where its interaction's status is CUSTOMER.
        approval(user_id="c", occurred_at=now, ltv_amount="5"),
    )

    assert shown(servers, a).reactivated_at == now
    assert shown(servers, a).effect is EffectNow.SUPERSEDED
    assert shown(servers, b).reactivated_at is None
    assert shown(servers, c).reactivated_at is None
    (counts,) = overview(servers).rules
    assert (counts.had_effect, counts.reactivated) == (3, 1)
    assert counts.reactivated_share == 1 / 3
    wanted = ProposalFilter(Shown.APPROVED, reactivated=True)
    assert [one.id for one in proposals_page(servers, wanted).items] == [a]


def test_an_open_proposal_says_what_is_in_its_way(
    database_url: str, connection: BatchConnection
) -> None:
    """A customer who was answered since is another one than the rule knew."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    answer = approval(5)
    apply_events(connection, answer)

    obstacle = shown(servers, made).obstacle

    assert obstacle
    assert (obstacle.kind, obstacle.event_id) == (ObstacleKind.NEWER_EVENT, answer.event_id)
    assert customer(connection, "user-1") == ("CUSTOMER", "50.00")


@pytest.mark.parametrize("statement", ["DELETE FROM", "TRUNCATE"])
def test_proposals_are_kept(database_url: str, connection: BatchConnection, statement: str) -> None:
    """They hold what must not be proposed again; so nobody deletes them by mistake."""
    proposed(database_url, connection)
    with pytest.raises(Exception, match="insert-only"):
        sql(database_url, f"{statement} signoff.transition_proposals")


def test_what_was_decided_does_not_change(database_url: str, connection: BatchConnection) -> None:
    """A rejected proposal cannot be opened again in SQL either."""
    made = proposed(database_url, connection)
    reject(servers_of(database_url), chosen(made), "ann", "no")
    with pytest.raises(Exception, match="does not change"):
        sql(
            database_url,
            "UPDATE signoff.transition_proposals"
            " SET state = 'open', decided_by = NULL, decided_at = NULL",
        )


def test_readers_are_told_of_proposals_and_of_what_is_decided(
    database_url: str, connection: BatchConnection
) -> None:
    """A context shows open proposals: its reader computes the customer anew."""
    servers = servers_of(database_url)
    sql(database_url, "SELECT setval('signoff.rapport_tracking', 2)")
    made = proposed(database_url, connection)
    snooze(servers, chosen(made), "ann", datetime.now(UTC) + timedelta(days=1))
    approve(servers, chosen(made), "ann")
    touched = sql(database_url, "SELECT user_id FROM signoff.touched_customers")
    assert touched == [("user-1",)] * 3


def test_counts_do_not_grow_with_the_history(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each state at most so many are counted, and one more, which says that there are more."""
    servers = servers_of(database_url)
    users = [f"user-{n}" for n in range(8)]
    apply_events(connection, *map(buyer, users))
    made = propose(database_url, *users)
    approve(servers, chosen(*made[:4]), "ann")
    apply_outbox(connection, database_url)
    undo(servers, chosen(made[0]), "ann")
    other = propose(database_url, "user-7", rule="another")
    (another, whole) = overview(servers).rules
    assert (another.rule, another.waiting, len(other)) == ("another", 1, 1)
    assert (whole.waiting, whole.approved, whole.undone, whole.had_effect) == (4, 4, 1, 3)
    monkeypatch.setattr(counting, "MOST_COUNTED", 2)
    (_, bounded) = overview(servers).rules
    assert (bounded.waiting, bounded.approved, bounded.undone) == (3, 3, 0)
    assert (bounded.had_effect, bounded.on_their_way) == (2, 0)
    snooze(servers, chosen(*made[4:6]), "ann", datetime.now(UTC) + timedelta(days=1))
    (_, apart) = overview(servers).rules
    assert (apart.waiting, apart.snoozed) == (2, 2)


def test_counts_look_at_the_proposals_of_each_rule_alone(
    connection: BatchConnection,
) -> None:
    """By the index of a rule's proposals, in its order; never by those of all rules."""
    text = statement("transitions/counts", PACKAGE)
    with connection.transaction():
        connection.execute(BY_INDEX)
        explain = f"EXPLAIN (FORMAT JSON) {text}".encode()
        found = ClientCursor(connection).execute(explain, {"rule": None, "most": 2000}).fetchone()
    assert found
    scans = [
        node
        for node in nodes(found[0][0]["Plan"])
        if node.get("Relation Name") == "transition_proposals"
    ]
    assert {node["Index Name"] for node in scans} <= {
        "transition_proposals_of_rule",
        "transition_proposals_waiting",
        "transition_proposals_number_key",
    }
    # The first rule of all is the first of the index.
    assert sum("Index Cond" not in node for node in scans) == 1
    assert not any("Filter" in node for node in scans if "Index Cond" in node)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_the_time_of_a_choice_is_that_of_the_database(database_url: str) -> None:
    """The clocks of other hosts may be wrong; a time in the future is none."""
    servers = servers_of(database_url)
    choice = Choice.of_rule("churn-silence")
    for given in (choice, replace(choice, until=datetime.now(UTC) + timedelta(days=1))):
        ((before,),) = sql(database_url, "SELECT clock_timestamp()")
        found = dated(servers, given).until
        ((after,),) = sql(database_url, "SELECT clock_timestamp()")
        assert found is not None
        assert before <= found <= after
