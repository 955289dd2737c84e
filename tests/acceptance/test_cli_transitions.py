"""`signoff transitions`: run the rules, list what they propose, decide, undo, stop."""

import re
from datetime import UTC, datetime, timedelta

from approvals import apply_events, approval
from command_line import Signoff
from desk import apply_outbox, servers_of
from insight import keep_facts
from transitions import buyer, propose

from signoff_db.connection import connect_for_batches

NOW = datetime.now(UTC)


def apply_some(database_url: str) -> None:
    """Three customers who bought once and are silent, and one who was answered now."""
    servers_of(database_url)
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(
            connection,
            *(buyer(user, occurred_at=NOW - timedelta(days=400)) for user in ("ann", "bea", "cy")),
            approval(user_id="lively", occurred_at=NOW),
        )
    keep_facts(database_url)


def deliver(database_url: str) -> None:
    """Apply what the outbox holds, as relay and worker do."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_outbox(connection, database_url)


def test_a_manager_decides_what_the_rules_propose(signoff: Signoff, database_url: str) -> None:
    """From the run to the undo: each step says what it did."""
    assert "have not been run yet" in signoff("transitions", "runs").stdout
    apply_some(database_url)
    ran = signoff("transitions", "run", "--actor", "mary").stdout
    assert "churn-silence: 3 customers picked; 3 proposed\n" in ran
    again = signoff.json("transitions", "run", "--rule", "churn-silence")
    assert again["result"]["churn-silence"]["proposed"] == 0

    listed = signoff("transitions", "list").stdout
    assert "Silent 400 days; bought once" in listed
    assert "(churn-silence): waits" in listed
    assert "churn-silence: 3 wait" in listed
    found = signoff.json("transitions", "list")
    first, second, third = (str(one["number"]) for one in found["proposals"])
    assert found["overview"]["switch"]["is_on"] is True

    preview = signoff("transitions", "approve", first, "--dry-run").stdout
    assert "1 proposal would be approved." in preview
    assert "churn-silence: 1 from CUSTOMER to CHURNED" in preview
    assert "Their LTV is 50.00 USD in all." in preview
    assert ": CUSTOMER to CHURNED, LTV 50.00 USD (churn-silence)" in preview
    refused = signoff("transitions", "approve", first, expect=2).stderr
    assert "say --yes" in refused
    done = signoff("transitions", "approve", first, second, "--yes", "--actor", "mary").stdout
    assert "2 proposals approved." in done
    deliver(database_url)
    shown = signoff("transitions", "show", first).stdout
    assert "applied" in shown
    assert "mary" in shown
    assert re.search(r"last approval +[\d-]{10} [\d:]{8} ", shown)
    again = signoff("transitions", "approve", first, "--yes", expect=1).stdout
    assert "1 left out: approved or rejected already." in again

    snoozed = signoff("transitions", "snooze", third, "--for", "7d").stdout
    assert "1 proposal snoozed." in snoozed
    assert signoff.json("transitions", "list")["proposals"] == []
    assert "snoozed until" in signoff("transitions", "list", "--show", "snoozed").stdout
    signoff("transitions", "snooze", third, "--wake")
    rejected = signoff("transitions", "reject", third, "--reason", "a friend").stdout
    assert "1 proposal rejected." in rejected
    assert "rejected: a friend" in signoff("transitions", "list", "--show", "rejected").stdout

    undone = signoff("transitions", "undo", second, "--reason", "she called").stdout
    assert "1 proposal undone." in undone
    again = signoff("transitions", "undo", second, expect=1).stdout
    assert "1 left out: undone already." in again
    deliver(database_url)
    found = signoff.json("transitions", "show", second)
    assert (found["effect"], found["undo_reason"]) == ("undone", "she called")
    shown = signoff("transitions", "show", second).stdout
    assert "undone because: she called" in shown
    assert re.search(rf"undo decision +{found['undo_event_id']}", shown)
    runs = signoff.json("transitions", "runs")["runs"]
    assert [one["started_by"] for one in runs][-1] == "mary"


def test_the_evidence_of_a_proposal_is_shown_in_words(signoff: Signoff, database_url: str) -> None:
    """As its reason says it: shares in percent, customers like this one as a sentence."""
    apply_some(database_url)
    evidence = (
        '{"silent_days": 1214, "return_probability": 0.012815338371505164, "spent_usd": "50.00",'
        ' "last_purchase_on": null, "similar": {"customers": 4, "returned": 0, "weeks": 26}}'
    )
    propose(database_url, "ann", evidence=evidence)
    shown = signoff("transitions", "show", "1").stdout
    for name, value in (
        ("silent, days", "1,214"),
        ("spent", "50.00 USD"),
        ("probability to return", "1.3 %"),
        ("customers like this one", "4, of whom 0 returned within 26 weeks"),
    ):
        assert re.search(rf"^{name} +{re.escape(value)} *$", shown, re.MULTILINE)
    assert "last purchase" not in shown


def test_all_of_a_rule_are_approved(signoff: Signoff, database_url: str) -> None:
    """Those that wait, up to a time if one is given."""
    apply_some(database_url)
    signoff("transitions", "run")
    none = signoff(
        "transitions", "approve", "--rule", "churn-silence", "--until", "1h", "--yes"
    ).stdout
    assert "0 proposals would be approved." in none
    found = signoff.json("transitions", "approve", "--rule", "churn-silence", "--yes")
    assert (found["done"], found["changed"], found["moves"]) == (
        True,
        3,
        [
            {
                "rule": "churn-silence",
                "from_status": "CUSTOMER",
                "to_status": "CHURNED",
                "customers": 3,
            }
        ],
    )


def test_stopped_transitions_are_said(signoff: Signoff, database_url: str) -> None:
    """By whom, why, and how to go on."""
    apply_some(database_url)
    stopped = signoff("transitions", "stop", "--reason", "odd numbers", "--actor", "boss").stdout
    assert "stopped" in stopped
    refused = signoff("transitions", "run", expect=2).stderr
    assert "by boss" in refused
    assert "odd numbers" in refused
    assert "signoff transitions resume" in refused
    assert "Transitions are stopped" in signoff("transitions", "list").stdout
    stop_again = ("transitions", "stop", "--reason", "odd numbers", "--actor", "boss")
    again = signoff(*stop_again).stdout
    assert "by boss: odd numbers\nNothing was changed or noted" in again
    assert signoff.json(*stop_again)["changed"] is False
    assert "Transitions are on" in signoff("transitions", "resume").stdout
    signoff("transitions", "run")
    turned = [
        signoff.json("transitions", "stop", "--reason", "again", "--actor", "boss"),
        signoff.json("transitions", "resume", "--actor", "boss"),
    ]
    shown = ("is_on", "changed_by", "reason", "changed")
    assert [tuple(one[name] for name in shown) for one in turned] == [
        (False, "boss", "again", True),
        (True, "boss", None, True),
    ]


def test_what_is_not_snoozed_is_not_shown_again(signoff: Signoff, database_url: str) -> None:
    """The command says so."""
    apply_some(database_url)
    (made,) = propose(database_url, "ann")
    done = signoff("transitions", "snooze", made, "--wake", expect=1).stdout
    assert done == "0 proposals shown again.\n1 left out: not snoozed, so shown already.\n"


def test_wrong_arguments_are_said(signoff: Signoff, database_url: str) -> None:
    """What was wrong, and what is wanted."""
    servers_of(database_url)
    assert "no proposal 99" in signoff("transitions", "show", 99, expect=1).stderr
    choose = signoff("transitions", "approve", expect=2).stderr
    assert "choose proposals by their numbers" in choose
    assert "--at holds" in signoff("transitions", "run", "--at", "soon", expect=2).stderr
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    future = signoff("transitions", "run", "--at", tomorrow, expect=2).stderr
    assert "in the future" in future
    assert "--for" in signoff("transitions", "snooze", 1, expect=2).stderr
    stale = signoff("transitions", "run", expect=2).stderr
    assert "signoff insight run" in stale
