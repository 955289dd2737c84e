"""Approving proposals: what is decided, what is left out, and what an event holds."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from approvals import apply_events, approval, customer, decision
from blocking import await_blocked
from desk import BODY, at_once, in_outbox, post
from letters import bury
from transitions import (
    apply_outbox,
    buyer,
    chosen,
    propose,
    proposed,
    servers_of,
    shown,
    sql,
    unknown,
)

from signoff_db.connection import BatchConnection, connect
from signoff_db.transactions import RefusedError
from signoff_insight.transitions import choosing, deciding
from signoff_insight.transitions.deciding import Decider
from signoff_ops import reviews
from signoff_ops.servers import DirectServers
from signoff_ops.transition_text import expectation_notes
from signoff_ops.transitions import (
    Choice,
    Move,
    ObstacleKind,
    OutboxMissingError,
    ProposalState,
    SwitchedOffError,
    WrongChoiceError,
    approve,
    preview,
    reject,
    set_switch,
    snooze,
)
from signoff_schemas import Settings, StatusDecision


def test_an_approval_puts_a_decision_into_the_outbox(
    database_url: str, connection: BatchConnection
) -> None:
    """The rule decides, a person approved it: the event says both, and what it rests on."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)

    approve(servers, chosen(made), "ann", "as agreed")

    (held,) = in_outbox(database_url)
    event = StatusDecision.parse(held["event"])
    found = shown(servers, made)
    assert event.decided_by == "rule:churn-silence@1"
    assert (event.user_id, event.customer_status) == ("user-1", "CHURNED")
    assert (event.event_id, event.rests_on) == (found.event_id, found.rests_on)
    assert event.reason == "Silent 214 days; bought once"
    assert event.evidence
    assert event.evidence["approved_by"] == "user:ann"
    assert event.evidence["proposal"] == str(made)
    assert (found.decided_by, found.comment, found.is_automatic) == ("ann", "as agreed", False)
    assert event.occurred_at == found.decided_at
    assert apply_outbox(connection, database_url) == ["applied"]
    assert customer(connection, "user-1") == ("CHURNED", "50.00")


def test_a_preview_tells_the_true_effect(database_url: str, connection: BatchConnection) -> None:
    """What a preview counts is what the approval does; the preview itself writes nothing."""
    apply_events(connection, *map(buyer, ("a", "b", "c")), approval(user_id="d"))
    a, b, c, d = propose(database_url, "a", "b", "c", "d")
    apply_events(connection, approval(5, user_id="b"))
    servers = servers_of(database_url)
    choice = chosen(a, b, c, d)

    before = preview(servers, choice)
    assert in_outbox(database_url) == []
    assert shown(servers, b).state is ProposalState.OPEN
    after = approve(servers, choice, "ann")

    assert (before.changed, before.outdated) == (3, 1)
    assert before.moves == (
        Move("churn-silence", "CUSTOMER", "CHURNED", 2),
        Move("churn-silence", "PROSPECT", "CHURNED", 1),
    )
    assert before.ltv_usd == Decimal("100.00")
    assert before.expected_revenue_usd == Decimal("9.30")
    assert before.expected_returns == pytest.approx(0.24)
    assert before.without_forecast == 0
    assert (after.changed, after.moves, after.obstacles) == (
        before.changed,
        before.moves,
        before.obstacles,
    )
    assert (after.ltv_usd, after.expected_revenue_usd) == (
        before.ltv_usd,
        before.expected_revenue_usd,
    )


def test_a_preview_says_where_the_forecast_expects_too_little(
    database_url: str, connection: BatchConnection
) -> None:
    """Of frequent buyers; and what would become of all, if they did as such customers did."""
    apply_events(connection, *map(buyer, ("a", "b")))
    numbers = {
        "purchase_days": 6,
        "return_probability": 0.001,
        "expected_revenue_usd": "0.01",
        "similar": {"customers": 4, "returned": 3, "weeks": 26},
    }
    frequent = propose(database_url, "a", evidence=json.dumps(numbers))
    effect = preview(servers_of(database_url), chosen(*frequent, *propose(database_url, "b")))
    assert (effect.frequent, effect.with_similar) == (1, 1)
    notes = " ".join(expectation_notes(effect))
    assert "Similar customers are known for 1 of them" in notes
    assert "0.8 return" in notes
    assert "1 of them bought on 3 days or more" in notes


@pytest.mark.parametrize("rule", ["nope", "x" * 5_000, "a\nb"])
def test_a_rule_that_proposed_nothing_is_named(database_url: str, rule: str) -> None:
    """Perhaps it was mistyped."""
    with pytest.raises(WrongChoiceError, match="has proposed anything") as refused:
        preview(servers_of(database_url), Choice.of_rule(rule))
    assert len(str(refused.value)) < 250


def test_what_a_preview_holds_up_is_not_approvable(
    database_url: str, connection: BatchConnection
) -> None:
    """Neither by ids nor by the rule, though it is free by then."""
    apply_events(connection, *map(buyer, ("a", "b")))
    a, b = propose(database_url, "a", "b")
    bury(connection, approval(user_id="b"))
    servers = servers_of(database_url)
    for choice in (chosen(a, b), Choice.of_rule("churn-silence")):
        effect = preview(servers, choice)
        assert (effect.changed, effect.held_up) == (1, (b,))
        assert not preview(servers, effect.approvable).left_out
    connection.execute("DELETE FROM dead_letters")
    assert approve(servers, effect.approvable, "ann").changed == 1
    assert shown(servers, b).state is ProposalState.OPEN


def test_nobody_is_decided_about_who_changed_since(
    database_url: str, connection: BatchConnection
) -> None:
    """Another last event, or another status by a late event: outdated, and the others are done."""
    apply_events(connection, *(buyer(user, 10) for user in ("a", "b", "c")))
    a, b, c = propose(database_url, "a", "b", "c")
    apply_events(
        connection,
        approval(20, user_id="a"),
        decision(5, user_id="b", customer_status="LEAD_QUALIFIED"),
    )
    sql(database_url, "UPDATE signoff.customers SET customer_status = 'PROSPECT' WHERE user_id='b'")
    servers = servers_of(database_url)

    effect = approve(servers, chosen(a, b, c), "ann")

    assert effect.changed == 1
    assert effect.obstacles == {ObstacleKind.NEWER_EVENT: 1, ObstacleKind.OTHER_STATUS: 1}
    assert [shown(servers, each).state for each in (a, b, c)] == [
        ProposalState.OUTDATED,
        ProposalState.OUTDATED,
        ProposalState.APPROVED,
    ]
    assert "last event is another one now" in str(shown(servers, a).comment)
    assert len(in_outbox(database_url)) == 1


def test_a_customer_with_an_event_in_the_dead_letters_waits(
    database_url: str, connection: BatchConnection
) -> None:
    """Nobody knows what that event would change; the proposal stays open until it is settled."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    bury(connection, approval(3, user_id="user-1"))

    effect = approve(servers, chosen(made), "ann")

    assert (effect.changed, effect.obstacles) == (0, {ObstacleKind.DEAD_LETTER: 1})
    assert shown(servers, made).state is ProposalState.OPEN
    sql(database_url, "UPDATE signoff.dead_letters SET state = 'discarded', resolved_at = now()")
    assert approve(servers, chosen(made), "ann").changed == 1


def test_a_customer_who_wrote_since_waits(database_url: str, connection: BatchConnection) -> None:
    """A reply that waits for a reviewer, or is approved and on its way, is no silence."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    review = post(servers, user_id="user-1")
    assert approve(servers, chosen(made), "ann").obstacles == {ObstacleKind.REVIEW: 1}
    reviews.approve(servers, review, "bob", BODY)
    assert approve(servers, chosen(made), "ann").obstacles == {ObstacleKind.REVIEW: 1}
    apply_outbox(connection, database_url)
    assert approve(servers, chosen(made), "ann").obstacles == {ObstacleKind.NEWER_EVENT: 1}


def test_of_two_proposals_of_a_customer_one_is_approved(
    database_url: str, connection: BatchConnection
) -> None:
    """Together, and one after the other while the first decision is on its way."""
    apply_events(connection, buyer("a"), buyer("b"))
    a, b = propose(database_url, "a", "b")
    (a2,) = propose(database_url, "a", rule="other", to_status="LEAD_EXHAUSTED")
    (b2,) = propose(database_url, "b", rule="other", to_status="LEAD_EXHAUSTED")
    servers = servers_of(database_url)

    assert preview(servers, chosen(a, a2)).changed == 1
    effect = approve(servers, chosen(a, a2), "ann")
    assert (effect.changed, effect.obstacles) == (1, {ObstacleKind.OTHER_DECISION: 1})
    approve(servers, chosen(b), "ann")
    assert approve(servers, chosen(b2), "ann").obstacles == {ObstacleKind.OTHER_DECISION: 1}
    assert shown(servers, a2).state is ProposalState.OUTDATED
    assert apply_outbox(connection, database_url) == ["applied", "applied"]


def test_a_wrong_clock_makes_no_void_decision(
    database_url: str, connection: BatchConnection
) -> None:
    """A last event that occurred in the future is waited for."""
    apply_events(connection, buyer(occurred_at=datetime.now(UTC) + timedelta(minutes=4)))
    (made,) = propose(database_url, "user-1")
    servers = servers_of(database_url)
    assert approve(servers, chosen(made), "ann").obstacles == {ObstacleKind.AHEAD: 1}
    assert shown(servers, made).state is ProposalState.OPEN


def test_two_people_approve_the_same_proposals(
    database_url: str, connection: BatchConnection
) -> None:
    """Each proposal is decided once, whoever comes first; the others are told."""
    users = [f"user-{n}" for n in range(40)]
    apply_events(connection, *map(buyer, users))
    made = propose(database_url, *users)
    servers = servers_of(database_url)

    choices = [chosen(*made), chosen(*made[::-1])]
    found = at_once(lambda n: approve(servers, choices[n], f"person {n}"), 2)

    assert sum(effect.changed for effect in found) == len(users)
    assert sum(effect.obstacles.get(ObstacleKind.DECIDED, 0) for effect in found) == len(users)
    assert len(in_outbox(database_url)) == len(users)
    assert set(apply_outbox(connection, database_url)) == {"applied"}


def test_all_of_a_rule_are_approved_that_were_shown(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several transactions; what is proposed after the preview is not approved with it."""
    monkeypatch.setattr(choosing, "BATCH", 3)
    users = [f"user-{n}" for n in range(8)]
    apply_events(connection, *map(buyer, [*users, "late"]))
    made = propose(database_url, *users)
    servers = servers_of(database_url)
    snooze(servers, chosen(made[0]), "ann", datetime.now(UTC) + timedelta(days=1))
    effect = preview(servers, Choice.of_rule("churn-silence"))
    (late,) = propose(database_url, "late")
    seen: list[int] = []

    done = approve(servers, effect.choice, "ann", on_progress=seen.append)

    assert (effect.changed, done.changed) == (7, 7)
    assert seen == [3, 6, 7]
    assert shown(servers, late).state is ProposalState.OPEN
    assert shown(servers, made[0]).state is ProposalState.OPEN


def test_an_approval_ends_when_its_time_is_over(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is answered in time; approving the same again goes on with the rest."""
    monkeypatch.setattr(choosing, "BATCH", 2)
    users = [f"user-{n}" for n in range(5)]
    apply_events(connection, *map(buyer, users))
    propose(database_url, *users)
    servers = servers_of(database_url)
    choice = Choice.of_rule("churn-silence")

    first = approve(servers, choice, "ann", seconds=0.0)
    assert (first.changed, bool(first.stopped_because)) == (2, True)
    rest = approve(servers, choice, "ann")
    assert (rest.changed, rest.stopped_because) == (3, None)


def test_while_transitions_are_stopped_nothing_is_approved(
    database_url: str, connection: BatchConnection
) -> None:
    """The kill switch is read in the transaction that decides; rejecting still works."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    stopped = set_switch(servers, "boss", "numbers look odd", is_on=False).switch
    assert (stopped.is_on, stopped.changed_by) == (False, "boss")

    with pytest.raises(SwitchedOffError, match=r"boss.*numbers look odd.*resume"):
        approve(servers, chosen(made), "ann")
    with pytest.raises(SwitchedOffError, match=r"boss.*numbers look odd.*resume"):
        preview(servers, chosen(made))
    assert reject(servers, chosen(made), "ann", "no").changed == 1
    assert set_switch(servers, "boss", None, is_on=True).switch.is_on
    with pytest.raises(WrongChoiceError, match="reason"):
        set_switch(servers, "boss", " ", is_on=False)


def test_who_stops_transitions_stops_an_approval_under_way(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its transactions reads the switch; what is committed stays, and is told."""
    monkeypatch.setattr(choosing, "BATCH", 2)
    users = [f"user-{n}" for n in range(5)]
    apply_events(connection, *map(buyer, users))
    propose(database_url, *users)
    servers = servers_of(database_url)

    effect = approve(
        servers,
        Choice.of_rule("churn-silence"),
        "ann",
        on_progress=lambda _: set_switch(servers, "boss", "numbers look odd", is_on=False),
    )

    assert effect.changed == 2
    assert "numbers look odd" in str(effect.stopped_because)
    assert len(in_outbox(database_url)) == 2


def test_nobody_becomes_customer_automatically(
    database_url: str, connection: BatchConnection
) -> None:
    """The table itself refuses it, whatever rules and code say."""
    apply_events(connection, approval(user_id="a"))
    (made,) = propose(database_url, "a", to_status="CUSTOMER", evidence='{"ltv_usd": "0.00"}')
    servers_of(database_url)
    decider = Decider("rule:x@1", is_automatic=True)
    with connect(database_url) as own, pytest.raises(RefusedError, match="never_automatic"):
        deciding.approve(own, chosen(made), decider)
    assert in_outbox(database_url) == []


def test_the_switch_waits_for_a_transaction_that_decides(
    database_url: str, connection: BatchConnection
) -> None:
    """Whoever stops transitions knows that nothing is decided afterwards."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE signoff.transition_switch SET is_on = true")
        with ThreadPoolExecutor(1) as pool:
            approving = pool.submit(approve, servers, chosen(made), "ann")
            await_blocked(database_url)
            other.execute(
                "UPDATE signoff.transition_switch SET is_on = false, changed_by = 'boss',"
                " changed_at = now(), reason = 'stop'"
            )
            other.commit()
            with pytest.raises(SwitchedOffError):
                approving.result()
    assert in_outbox(database_url) == []


def test_without_an_outbox_nothing_is_decided(
    database_url: str, connection: BatchConnection
) -> None:
    """The remedy is said."""
    made = proposed(database_url, connection)
    servers = DirectServers(Settings.load(database_url=database_url))
    with pytest.raises(OutboxMissingError, match="signoff outbox create"):
        approve(servers, chosen(made), "ann")
    assert shown(servers, made).state is ProposalState.OPEN


def test_unknown_proposals_and_wrong_choices_are_said(
    database_url: str, connection: BatchConnection
) -> None:
    """An id that there is not is left out; no choice, or two, is refused."""
    made = proposed(database_url, connection)
    servers = servers_of(database_url)
    effect = approve(servers, chosen(made, unknown()), "ann")
    assert (effect.changed, effect.obstacles) == (1, {ObstacleKind.UNKNOWN: 1})
    for choice in (Choice(), Choice(ids=(made,), rule="churn-silence")):
        with pytest.raises(WrongChoiceError, match="by their ids"):
            approve(servers, choice, "ann")
    with pytest.raises(WrongChoiceError, match="comment"):
        approve(servers, chosen(made), "ann", "x" * 501)


def test_an_approval_is_noted(database_url: str, connection: BatchConnection) -> None:
    """Who approved how many of which rule stands among the actions of operators."""
    made = proposed(database_url, connection)
    approve(servers_of(database_url), chosen(made), "ann", "as agreed")
    ((actor, action, reason, after),) = sql(
        database_url, "SELECT actor, action, reason, after FROM signoff.operator_actions"
    )
    assert (actor, action, reason) == ("ann", "approve_proposals", "as agreed")
    assert after == {
        "approved": 1,
        "outdated": 0,
        "rules": ["churn-silence"],
        "first": [str(made)],
    }
