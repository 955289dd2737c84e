"""Runs of the rules: whom they propose, whom they leave alone, and when they do not run at all."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approvals import apply_events, approval, decision
from desk import at_once, in_outbox, post
from insight import keep_facts
from letters import bury
from transitions import RULE, apply_outbox, buyer, chosen, servers_of, shown, sql

from signoff_db.connection import BatchConnection, connect
from signoff_insight.transitions import running
from signoff_insight.transitions.rules import RuleSet
from signoff_ops import transition_runs
from signoff_ops.servers import DirectServers
from signoff_ops.transition_data import run_data
from signoff_ops.transition_text import run_lines
from signoff_ops.transitions import (
    ObstacleKind,
    OutboxMissingError,
    ProposalFilter,
    ProposalState,
    Run,
    RunRefusedError,
    Shown,
    ShownProposal,
    StaleDataError,
    SwitchedOffError,
    approve,
    proposals_page,
    reject,
    runs,
    set_switch,
    undo,
)

NOW = datetime.now(UTC)
SILENT: dict[str, Any] = {
    "name": RULE,
    "version": 1,
    "from": ["CUSTOMER"],
    "to": "CHURNED",
    "cap": 200,
    "hold_days": 90,
    "max_wrong": 0.1,
    "when": {"min_silent_days": 180},
}


def rules_of(*rules: dict[str, Any], **settings: Any) -> RuleSet:
    """A set of rules."""
    return RuleSet.of({"format": 1, "rule": list(rules) or [SILENT], **settings}, "test")


def ago(days: float) -> datetime:
    """So many days ago."""
    return NOW - timedelta(days=days)


def silent(user: str, days: float = 214, **fields: Any) -> Any:
    """A customer who bought once, so many days ago."""
    return buyer(user, occurred_at=ago(days), **fields)


def run(
    database_url: str,
    rules: RuleSet | None = None,
    *,
    at: datetime | None = None,
    gate: running.Gate = lambda *_: (),
    facts: bool = True,
    on_progress: Callable[[int], object] = lambda _: None,
) -> dict[str, Any]:
    """Run rules; returns the result of the first of them."""
    if facts:
        keep_facts(database_url)
    wanted = running.Wanted(rules or rules_of(), "UTC", "ann", at)
    with connect(database_url) as reading, connect(database_url) as writing:
        connections = running.RunConnections(reading, writing)
        running.run(connections, wanted, gate=gate, on_progress=on_progress)
    result: dict[str, Any] = last_run(database_url).result
    return next(iter(result.values()))


def last_run(database_url: str) -> Run:
    """The last run."""
    return runs(DirectServers(servers_of(database_url).settings)).items[0]


def proposals(database_url: str, shown: Shown = Shown.ALL) -> list[ShownProposal]:
    """All proposals, the latest first."""
    return list(proposals_page(servers_of(database_url), ProposalFilter(shown), limit=200).items)


@pytest.fixture
def fresh(connection: BatchConnection) -> None:
    """Somebody else was answered a moment ago: events arrive."""
    apply_events(connection, approval(user_id="lively", occurred_at=NOW))


@pytest.mark.usefixtures("fresh")
def test_a_run_proposes_who_is_silent(database_url: str, connection: BatchConnection) -> None:
    """The longest silent comes first; each says why in words, and in numbers."""
    apply_events(connection, silent("a", 200), silent("b", 300), silent("c", 100))

    result = run(database_url)

    assert (result["matched"], result["proposed"]) == (2, 2)
    second, first = proposals(database_url)
    assert (first.user_id, second.user_id) == ("b", "a")
    assert second.reason.startswith("Silent 200 days; bought once")
    assert second.evidence["silent_days"] == 200
    assert second.evidence["ltv_usd"] == "50.00"
    assert (second.rule, second.version, second.run) == (RULE, 1, last_run(database_url).id)
    assert (second.from_status, second.to_status) == ("CUSTOMER", "CHURNED")
    assert last_run(database_url).started_by == "ann"
    assert last_run(database_url).ended_at


@pytest.mark.usefixtures("fresh")
def test_a_second_run_adds_nothing(database_url: str, connection: BatchConnection) -> None:
    """Nor does one with another score: one proposal a rule, customer and evidence."""
    apply_events(connection, silent("a"), silent("b"))
    run(database_url)
    before = proposals(database_url)

    again = run(database_url)
    assert (again["proposed"], again["known"]) == (0, 2)
    newer = run(database_url, rules_of({**SILENT, "version": 2, "when": {"min_silent_days": 90}}))
    assert (newer["proposed"], newer["known"]) == (0, 2)
    assert [one.id for one in proposals(database_url)] == [one.id for one in before]


@pytest.mark.usefixtures("fresh")
def test_a_changed_score_makes_no_conflict(database_url: str, connection: BatchConnection) -> None:
    """What an event holds is written once: deciding again, after other runs, gives the same."""
    apply_events(connection, silent("a"))
    run(database_url)
    (made,) = proposals(database_url)
    servers = servers_of(database_url)
    approve(servers, chosen(made.id), "ann")
    (event,) = in_outbox(database_url)

    run(database_url, rules_of({**SILENT, "version": 2, "when": {"min_silent_days": 100}}))
    approve(servers, chosen(made.id), "bob")

    assert in_outbox(database_url) == [event]
    assert apply_outbox(connection, database_url) == ["applied"]
    assert apply_outbox(connection, database_url) == ["duplicate"]


@pytest.mark.usefixtures("fresh")
def test_a_run_keeps_its_cap(database_url: str, connection: BatchConnection) -> None:
    """The rest is counted, and comes with the next run."""
    apply_events(connection, *(silent(f"user-{n}", 200 + n) for n in range(5)))
    rules = rules_of({**SILENT, "cap": 2})
    first = run(database_url, rules)
    assert (first["proposed"], first["capped"]) == (2, 3)
    assert {one.user_id for one in proposals(database_url)} == {"user-4", "user-3"}
    second = run(database_url, rules)
    assert (second["proposed"], second["known"], second["capped"]) == (2, 2, 1)


@pytest.mark.usefixtures("fresh")
def test_runs_follow_one_another(database_url: str, connection: BatchConnection) -> None:
    """Two at the same time: each keeps its cap, and nobody is proposed twice."""
    apply_events(connection, *(silent(f"user-{n}", 200 + n) for n in range(9)))
    keep_facts(database_url)
    rules = rules_of({**SILENT, "cap": 4})
    at_once(lambda _: run(database_url, rules, facts=False), 2)
    results = [each.result[RULE] for each in runs(servers_of(database_url)).items]
    assert [each["proposed"] for each in results] == [4, 4]
    assert len({one.user_id for one in proposals(database_url)}) == 8


@pytest.mark.usefixtures("fresh")
def test_who_got_a_status_from_a_person_is_held(
    database_url: str, connection: BatchConnection
) -> None:
    """For the rule's days after an approval with a status, or a decision of a person."""
    apply_events(
        connection,
        silent("by review", 185),
        silent("by manager", 214),
        silent("by service", 214),
        decision(user_id="by manager", customer_status="CUSTOMER", occurred_at=ago(10)),
        decision(
            user_id="by service",
            customer_status="CUSTOMER",
            occurred_at=ago(10),
            decided_by="service:billing",
        ),
    )
    result = run(database_url, rules_of({**SILENT, "hold_days": 200}))
    assert (result["matched"], result["held"], result["proposed"]) == (3, 2, 1)
    assert [one.user_id for one in proposals(database_url)] == ["by service"]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("verdict", ["rejected", "undone"])
def test_after_a_verdict_only_new_evidence_counts(
    database_url: str, connection: BatchConnection, verdict: str
) -> None:
    """What was rejected or undone is proposed again only once the customer was answered anew."""
    apply_events(connection, silent("a", 600))
    run(database_url)
    (made,) = proposals(database_url)
    servers = servers_of(database_url)
    if verdict == "rejected":
        reject(servers, chosen(made.id), "ann", "a friend of the house")
    else:
        approve(servers, chosen(made.id), "ann")
        undo(servers, chosen(made.id), "ann")
        apply_outbox(connection, database_url)

    rules = rules_of({**SILENT, "hold_days": 0, "version": 2})
    assert run(database_url, rules)["proposed"] == 0
    apply_events(connection, approval(user_id="a", occurred_at=ago(300)))
    assert run(database_url, rules)["proposed"] == 1


@pytest.mark.usefixtures("fresh")
def test_who_is_not_silent_is_left_out(database_url: str, connection: BatchConnection) -> None:
    """An open dead letter, or a reply that waits since the last approval: nobody is proposed."""
    apply_events(connection, *(silent(user) for user in ("a", "b", "c")))
    servers = servers_of(database_url)
    post(servers, user_id="a")
    bury(connection, approval(user_id="b"))

    result = run(database_url)

    assert result["left_out"] == {"dead_letter": 1, "review": 1}
    assert [one.user_id for one in proposals(database_url)] == ["c"]


@pytest.mark.usefixtures("fresh")
def test_a_run_closes_what_is_outdated_and_makes_it_anew(
    database_url: str, connection: BatchConnection
) -> None:
    """A customer who was answered is no proposal any more; silent again, it is a new one."""
    apply_events(connection, silent("a", 600), silent("b", 600))
    run(database_url)
    apply_events(
        connection,
        approval(user_id="a", occurred_at=ago(5)),
        decision(
            user_id="b",
            customer_status="CUSTOMER",
            occurred_at=ago(1),
            decided_by="service:billing",
        ),
    )

    result = run(database_url)

    # b has no new approval, but another last event: the same proposal waits again.
    assert (result["outdated"], result["proposed"]) == (2, 1)
    states = {one.user_id: one.state for one in proposals(database_url)}
    assert states == {"a": ProposalState.OUTDATED, "b": ProposalState.OPEN}
    (b,) = proposals(database_url, Shown.WAITING)
    assert approve(servers_of(database_url), chosen(b.id), "ann").changed == 1


def test_no_run_where_nothing_is_known_of_late(
    database_url: str, connection: BatchConnection
) -> None:
    """Without recent events everybody looks silent; a time in the past may be asked for."""
    apply_events(connection, silent("a", 300), silent("b", 500))
    with pytest.raises(StaleDataError, match=r"newest event occurred.*--at"):
        run(database_url)
    assert proposals(database_url) == []

    result = run(database_url, at=ago(299))
    assert (result["matched"], result["proposed"]) == (1, 1)
    (made,) = proposals(database_url)
    assert (made.user_id, made.evidence["silent_days"]) == ("b", 201)


@pytest.mark.usefixtures("fresh")
def test_no_run_while_the_facts_are_behind(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never built, under way, or minutes behind the feed: who bought meanwhile is not known."""
    with pytest.raises(StaleDataError, match=r"never built.*signoff insight run"):
        run(database_url, facts=False)
    keep_facts(database_url)
    apply_events(connection, silent("a"))
    assert run(database_url, facts=False)["proposed"] in {0, 1}
    monkeypatch.setattr("signoff_insight.transitions.watermark.MOST_BEHIND", timedelta(0))
    with pytest.raises(StaleDataError, match=r"lack events.*signoff insight run"):
        run(database_url, facts=False)
    keep_facts(database_url)
    assert run(database_url, facts=False)["matched"] == 1
    connection.execute("UPDATE signoff.insight_state SET rebuilt_at = NULL")
    with pytest.raises(StaleDataError, match="being built"):
        run(database_url, facts=False)


@pytest.mark.usefixtures("fresh")
def test_nobody_is_judged_in_the_future(database_url: str) -> None:
    """Everybody would be silent then."""
    with pytest.raises(RunRefusedError, match="in the future"):
        run(database_url, at=datetime.now(UTC) + timedelta(days=1))


@pytest.mark.usefixtures("fresh")
def test_a_run_in_the_past_leaves_later_customers_alone(
    database_url: str, connection: BatchConnection
) -> None:
    """Who was answered after that time is not judged without it; and nothing is decided."""
    apply_events(
        connection,
        silent("a", 600),
        silent("b", 600),
        approval(user_id="b", occurred_at=ago(100)),
    )
    rules = rules_of({**SILENT, "mode": "automatic"})

    result = run(database_url, rules, at=ago(300))

    assert (result["proposed"], result["decided"]) == (1, 0)
    assert result["why_not_automatic"] == "the run is for a time in the past"
    assert [one.user_id for one in proposals(database_url)] == ["a"]
    done = last_run(database_url)
    assert "Customers with an event after that time are left out" in list(run_lines(done))[-1]
    assert run_data(done)["is_of_past"] is True


@pytest.mark.usefixtures("fresh")
def test_a_run_for_now_leaves_out_nobody_for_later_events(database_url: str) -> None:
    """So it says nothing of them."""
    run(database_url)
    done = last_run(database_url)
    assert not any("left out" in line for line in run_lines(done))
    assert run_data(done)["is_of_past"] is False


@pytest.mark.usefixtures("fresh")
def test_while_transitions_are_stopped_nothing_is_run(
    database_url: str, connection: BatchConnection
) -> None:
    """The kill switch is read in the transactions that propose."""
    apply_events(connection, silent("a"))
    set_switch(servers_of(database_url), "boss", "odd numbers", is_on=False)
    with pytest.raises(SwitchedOffError, match=r"boss.*odd numbers"):
        run(database_url)
    assert proposals(database_url) == []


@pytest.mark.usefixtures("fresh")
def test_a_run_that_is_stopped_says_so(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has written stays; the next run adds the rest, and nothing twice."""
    monkeypatch.setattr(running, "_BATCH", 1)
    apply_events(connection, silent("a", 300), silent("b", 200))
    servers = servers_of(database_url)

    run(database_url, on_progress=lambda _: set_switch(servers, "boss", "odd numbers", is_on=False))

    ended = last_run(database_url)
    assert "odd numbers" in str(ended.message)
    assert ended.ended_at
    assert len(proposals(database_url)) == 1

    set_switch(servers, "boss", None, is_on=True)
    run(database_url)
    assert len(proposals(database_url)) == 2


AUTOMATIC = {**SILENT, "mode": "automatic"}


@pytest.mark.usefixtures("fresh")
def test_a_rule_that_passed_decides_itself(database_url: str, connection: BatchConnection) -> None:
    """Its decisions are applied like those of people, and are marked."""
    servers_of(database_url)
    apply_events(connection, silent("a"))

    result = run(database_url, rules_of(AUTOMATIC))

    assert (result["proposed"], result["decided"]) == (1, 1)
    (made,) = proposals(database_url)
    assert (made.state, made.is_automatic, made.decided_by) == (
        ProposalState.APPROVED,
        True,
        "rule:churn-silence@1",
    )
    assert apply_outbox(connection, database_url) == ["applied"]
    assert shown(servers_of(database_url), made.id).customer_status == "CHURNED"


@pytest.mark.usefixtures("fresh")
def test_no_transaction_is_open_while_a_rule_decides(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that only waits would keep Postgres from cleaning up; other runs wait all the same."""
    servers_of(database_url)
    apply_events(connection, silent("a"))
    decide = vars(running)["_decide"]
    seen: list[Any] = []

    def look(*given: Any) -> None:
        seen.extend(
            sql(
                database_url,
                "SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%'),"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted)"
                " FROM pg_stat_activity WHERE datname = current_database()",
            )
        )
        decide(*given)

    monkeypatch.setattr(running, "_decide", look)
    run(database_url, rules_of(AUTOMATIC))
    assert seen == [(0, 1)]


@pytest.mark.usefixtures("fresh")
def test_without_a_passed_backtest_a_rule_only_proposes(
    database_url: str, connection: BatchConnection
) -> None:
    """Why is said with the run."""
    apply_events(connection, silent("a"))
    result = run(database_url, rules_of(AUTOMATIC), gate=lambda *_: ["no backtest has passed"])
    assert (result["proposed"], result["decided"]) == (1, 0)
    assert result["why_not_automatic"] == "no backtest has passed"
    assert proposals(database_url)[0].state is ProposalState.OPEN


@pytest.mark.usefixtures("fresh")
def test_valuable_customers_are_left_to_people(
    database_url: str, connection: BatchConnection
) -> None:
    """Those who bought on two days, and those of high value, are proposed, not decided about."""
    servers_of(database_url)
    apply_events(
        connection,
        silent("once"),
        silent("twice", 220),
        silent("twice", 214),
        silent("rich", ltv_amount="500.00"),
    )

    result = run(database_url, rules_of(AUTOMATIC))

    assert (result["proposed"], result["decided"], result["for_a_person"]) == (3, 1, 2)
    decided = {one.user_id for one in proposals(database_url, Shown.APPROVED)}
    assert decided == {"once"}


@pytest.mark.usefixtures("fresh")
def test_automatic_decisions_keep_the_cap(database_url: str, connection: BatchConnection) -> None:
    """A run decides about no more than that, also where proposals wait from before."""
    servers_of(database_url)
    apply_events(connection, *(silent(f"user-{n}", 200 + n) for n in range(6)))
    rules = rules_of({**AUTOMATIC, "cap": 2})
    refused = run(database_url, rules, gate=lambda *_: ["not yet"])
    assert (refused["proposed"], refused["decided"]) == (2, 0)
    assert run(database_url, rules)["decided"] == 2
    assert len(proposals(database_url, Shown.APPROVED)) == 2


@pytest.mark.usefixtures("fresh")
def test_a_rule_does_not_decide_by_an_old_amount(
    database_url: str, connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An amount that arrives late, between the look and the decision, is left to people."""
    servers_of(database_url)
    made = silent("a")
    apply_events(connection, made)

    decide = vars(running)["_decide"]

    def late(*given: Any) -> None:
        apply_events(connection, silent("a", 300, ltv_amount="7000.00"))
        decide(*given)

    monkeypatch.setattr(running, "_decide", late)
    result = run(database_url, rules_of(AUTOMATIC))
    assert (result["decided"], result["left_out"]) == (0, {str(ObstacleKind.OTHER_AMOUNT): 1})
    assert proposals(database_url)[0].state is ProposalState.OPEN


@pytest.mark.usefixtures("fresh")
def test_a_rule_that_decides_wants_an_outbox(
    database_url: str, connection: BatchConnection
) -> None:
    """Else nothing is run; a rule that proposes needs none."""
    apply_events(connection, silent("a"))
    keep_facts(database_url)
    wanted = running.Wanted(rules_of(AUTOMATIC), "UTC", "ann")
    with (
        connect(database_url) as reading,
        connect(database_url) as writing,
        pytest.raises(OutboxMissingError, match="signoff outbox create"),
    ):
        running.run(running.RunConnections(reading, writing), wanted, gate=lambda *_: ())


@pytest.mark.usefixtures("fresh")
def test_the_rules_of_the_settings_are_run(
    database_url: str, connection: BatchConnection, tmp_path: Path
) -> None:
    """Without a file the default rules apply; without a passed backtest none decides itself."""
    apply_events(connection, silent("a", 400))
    keep_facts(database_url)
    settings = servers_of(database_url).settings
    done = transition_runs.run_rules(settings, "ann", rule="churn-silence")
    assert done.result["churn-silence"]["proposed"] == 1
    assert set(done.result) == {"churn-silence"}
    file = tmp_path / "rules.toml"
    file.write_text(
        'format = 1\n[[rule]]\nname = "x"\nversion = 1\nfrom = ["CUSTOMER"]\nto = "CHURNED"\n'
        'mode = "automatic"\ncap = 9\nhold_days = 0\nmax_wrong = 0.1\n'
        "[rule.when]\nmin_silent_days = 180\n"
    )
    own = servers_of(database_url, transitions_rules=str(file)).settings
    result = transition_runs.run_rules(own, "ann").result["x"]
    assert (result["proposed"], result["decided"]) == (1, 0)
    assert "backtest" in result["why_not_automatic"]


def test_a_run_does_not_block_those_who_decide(
    database_url: str, connection: BatchConnection
) -> None:
    """While rules look at customers, which may take minutes, people approve and stop."""
    apply_events(connection, silent("a"))
    servers = servers_of(database_url)
    with closing(psycopg.connect(database_url)) as reading, running._alone(reading):
        assert set_switch(servers, "boss", "odd", is_on=False).changed
