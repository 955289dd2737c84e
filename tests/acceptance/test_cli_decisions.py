"""Status decisions on the command line: set a status, look at decisions, mend those that failed."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from approvals import decision, mapping
from command_line import Signoff, lines
from processes import KEYS

from signoff_schemas import StatusDecision
from signoff_schemas.keys import JOB_PREFIX


def as_mapping(event: StatusDecision) -> dict[str, Any]:
    """The decision as JSON has it."""
    return event.model_dump(mode="json", exclude_defaults=True)


def known_customer(signoff: Signoff) -> dict[str, Any]:
    """An applied approval of user-1, at ten o'clock."""
    event = mapping(0, customer_status="CUSTOMER", ltv_amount="20")
    signoff.publish(event)
    signoff.work()
    return event


def effects(signoff: Signoff) -> list[tuple[str, bool]]:
    """The ledger of user-1: the status that each event gave, and whether it is void."""
    shown = signoff.json("customer", "user-1")
    return [(entry["given_status"], entry["void"]) for entry in shown["ledger"]]


def test_a_status_is_set_by_hand(signoff: Signoff) -> None:
    """It goes over the queue, and the customer shows who decided; money stays."""
    known_customer(signoff)

    said = signoff.json(
        *("customer", "set-status", "user-1", "CHURNED", "--reason", "said goodbye"),
        *("--evidence", '{"call": 17}'),
    )
    event_id = said["event"]["event_id"]
    assert said["answer"] == "accepted"
    assert [entry["what"] for entry in signoff.json("event", event_id)["history"]] == ["queued"]
    signoff.work()

    shown = signoff.json("customer", "user-1")
    assert (shown["customer_status"], shown["ltv_usd"]) == ("CHURNED", "20.00")
    assert [
        (move["from_status"], move["to_status"], move["decided_by"], move["interaction_id"])
        for move in shown["transitions"][1:]
    ] == [("CUSTOMER", "CHURNED", "user:ann", None)]
    (entry,) = [entry for entry in shown["ledger"] if entry["event_id"] == event_id]
    assert (entry["event_type"], entry["reason"], entry["evidence"]) == (
        "status_decision",
        "said goodbye",
        {"call": 17},
    )
    table = signoff("customer", "show", "user-1").stdout
    assert "user:ann" in table
    history = signoff("event", event_id).stdout
    assert "applied to customer user-1" in history
    assert "by user:ann, because: said goodbye" in history
    assert signoff.json("interaction", shown["interactions"][0])["customer_status"] == "CUSTOMER"


def test_a_status_is_set_once(signoff: Signoff) -> None:
    """The same event_id and time again are a duplicate; with other content they conflict."""
    known_customer(signoff)
    same = ("--event-id", uuid4(), "--occurred-at", "2026-02-01T10:00Z", "--reason", "asked")

    first = signoff.json("customer", "set-status", "user-1", "CHURNED", *same)
    again = signoff.json("customer", "set-status", "user-1", "CHURNED", *same)
    other = signoff.json("customer", "set-status", "user-1", "PROSPECT", *same, expect=1)

    assert [one["answer"] for one in (first, again, other)] == ["accepted", "duplicate", "conflict"]
    assert (
        str(same[1])
        in signoff("customer", "set-status", "user-1", "PROSPECT", *same, expect=1).stderr
    )


def test_a_typing_mistake_makes_no_customer(signoff: Signoff) -> None:
    """A user_id that Postgres does not know is refused with a sentence, unless it is said."""
    to_churned = ("CHURNED", "--reason", "asked")

    refused = signoff("customer", "set-status", "usr-1", *to_churned, expect=2)
    assert "knows no customer 'usr-1'" in refused.stderr
    assert "--new" in refused.stderr
    assert signoff.json("status")["waiting"] == 0

    signoff("customer", "set-status", "usr-1", *to_churned, "--new")
    signoff.work()
    shown = signoff.json("customer", "usr-1")
    assert (shown["customer_status"], shown["interactions"]) == ("CHURNED", [])
    assert signoff.json("customer", "usr-1", "--interactions")["known"] is True


def test_a_dry_run_publishes_nothing(signoff: Signoff) -> None:
    """It checks the customer and the decision, and shows what it would publish."""
    known_customer(signoff)
    to_churned = ("user-1", "CHURNED", "--reason", "asked", "--dry-run")

    said = signoff.json("customer", "set-status", *to_churned)

    assert (said["dry_run"], said["event"]["decided_by"]) == (True, "user:ann")
    assert "nothing was published" in signoff("customer", "set-status", *to_churned).stdout
    assert signoff.json("status")["waiting"] == 0
    signoff("customer", "set-status", "usr-1", *to_churned[1:], expect=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user-1", "FRIEND", "--reason", "x"), "LEAD_EXHAUSTED"),
        (("user-1", "CHURNED", "--reason", " "), "reason"),
        (("user-1", "CHURNED"), "--reason"),
        (("user-1", "CHURNED", "--reason", "x", "--evidence", "[1]"), "evidence"),
        (("user-1", "CHURNED", "--reason", "x", "--evidence", "{"), "a JSON object"),
        (("user-1", "CHURNED", "--reason", "x", "--decided-by", "rule:r@1"), "rests_on"),
        (("user-1", "CHURNED", "--reason", "x", "--occurred-at", "soon"), "--occurred-at"),
        (("user-1", "CHURNED", "--reason", "x", "--occurred-at", "2999-01-01"), "5 minutes"),
    ],
    ids=str,
)
def test_what_breaks_the_contract_is_refused(
    signoff: Signoff, arguments: tuple[str, ...], said: str
) -> None:
    """With a sentence that names it; nothing is published."""
    refused = signoff("customer", "set-status", *arguments, expect=2)

    assert said in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert signoff.json("status")["waiting"] == 0


def test_without_redis_the_decision_can_be_repeated(signoff: Signoff) -> None:
    """It says how to try again so that the decision takes effect once."""
    known_customer(signoff)
    hampered = signoff.having(
        SIGNOFF_REDIS_URL="redis://127.0.0.1:1/0", SIGNOFF_PUBLISH_TIMEOUT="1"
    )

    refused = hampered("customer", "set-status", "user-1", "CHURNED", "--reason", "x", expect=2)

    assert "--event-id" in refused.stderr
    assert "--occurred-at" in refused.stderr


def test_a_void_decision_says_why(signoff: Signoff) -> None:
    """The verdict is that of now: it waits, then applies, then another event stands between."""
    known_customer(signoff)
    ground = mapping(10, customer_status="CUSTOMER")
    rule = decision(60, decided_by="rule:silence@1", rests_on=ground["event_id"])
    signoff.publish(as_mapping(rule))
    signoff.work()
    (waiting,) = signoff.json("event", rule.event_id)["history"]
    assert (waiting["what"], waiting["facts"]["void_because"]["cause"]) == ("void", "not_arrived")
    assert f"waits for event {ground['event_id']}" in signoff("event", rule.event_id).stdout
    assert effects(signoff) == [("CUSTOMER", False), ("CHURNED", True)]

    signoff.publish(ground)
    signoff.work()
    assert [e["what"] for e in signoff.json("event", rule.event_id)["history"]] == ["applied"]
    assert signoff.json("customer", "user-1")["customer_status"] == "CHURNED"

    purchase = mapping(30, ltv_amount="5")
    signoff.publish(purchase)
    signoff.work()
    (void,) = signoff.json("event", rule.event_id)["history"]
    assert void["facts"]["void_because"] == {
        "cause": "stands_between",
        "event_id": str(purchase["event_id"]),
        "occurred_at": "2026-01-31T10:30:00Z",
    }
    assert (
        f"event {purchase['event_id']} stands between it and"
        in signoff("customer", "user-1").stdout
    )
    report = signoff.json("audit")
    assert report["clean"]
    assert (report["database"]["totals"]["decisions"], report["database"]["totals"]["void"]) == (
        1,
        1,
    )
    assert signoff.json("status")["decisions"] == 1
    assert "status decisions" in signoff("status").stdout
    assert "void decisions" in signoff("audit").stdout


def test_both_kinds_are_published_from_one_file(signoff: Signoff) -> None:
    """Each line by its event_type; the refused one is named with its line."""
    broken = {**as_mapping(decision()), "reason": ""}
    typed = lines(mapping(), as_mapping(decision(5)), broken, {"event_type": "review"})

    said = signoff("publish", "-", typed=typed, expect=1)

    assert "2 accepted" in said.stdout
    assert "line 3" in said.stderr
    assert "reason" in said.stderr
    assert "'approval' or 'status_decision'" in said.stderr
    signoff.work()
    assert signoff.json("customer", "user-1")["customer_status"] == "CHURNED"


def refuse_decisions(signoff: Signoff, *, refused: bool) -> None:
    """Let the database refuse every decision, or none, as an installation's own CHECK may."""
    change = "ADD CONSTRAINT refused CHECK (false)" if refused else "DROP CONSTRAINT refused"
    with psycopg.connect(signoff.environment["SIGNOFF_DATABASE_URL"]) as connection:
        connection.execute(f"ALTER TABLE status_decisions {change}")


def dead_decision(signoff: Signoff, redis_url: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    """A decision that another upstream wrote wrongly, as a dead letter; returns its id."""
    event = {**as_mapping(decision(60)), **fields}
    with redis.Redis.from_url(redis_url) as client:
        job = str(event["event_id"])
        body = lines(event).strip()
        data = b'["%s", null, [%s], {}]' % (StatusDecision.function.encode(), body)
        client.hset(JOB_PREFIX + job, mapping={"data": data, "origin": "approvals"})
        client.rpush(KEYS.waiting, job)
    signoff.work()
    (letter,) = signoff.json("dlq", "list")
    return letter["id"], event


def test_a_dead_decision_is_mended(signoff: Signoff, redis_url: str) -> None:
    """Lists tell its kind; an edit shows the customer before and after."""
    known_customer(signoff)
    letter, event = dead_decision(signoff, redis_url, customer_status="GONE")

    (listed,) = signoff.json("dlq", "list")
    assert (listed["event_type"], listed["user_id"], listed["kind"]) == (
        "status_decision",
        "user-1",
        "invalid_payload",
    )
    assert signoff.json("dlq", "groups")[0]["event_type"] == "status_decision"
    for command in (("list",), ("show", letter), ("groups",), ("replay", letter, "--dry-run")):
        assert "status_decision" in signoff("dlq", *command, expect=None).stdout
    assert '"event_type": "status_decision"' in signoff("dlq", "export", "--all").stdout

    edit = ("dlq", "edit", letter, "--set", "customer_status=CHURNED", "--reason", "renamed")
    tried = signoff(*edit, "--dry-run")
    assert "It would be applied; the customer: CUSTOMER 20.00 → CHURNED 20.00." in tried.stdout
    edited = signoff.json(*edit, "--yes")
    assert (edited["result"], edited["event_type"]) == ("applied", "status_decision")
    assert (edited["before"]["customer_status"], edited["after"]["customer_status"]) == (
        "CUSTOMER",
        "CHURNED",
    )
    assert {e["what"] for e in signoff.json("event", event["event_id"])["history"]} == {
        "dead",
        "edit",
        "applied",
        "resolved",
    }


def test_a_replayed_decision_may_be_void(signoff: Signoff, redis_url: str) -> None:
    """A dry run says so, a replay does it, and the letter is resolved: it is in the ledger."""
    ground = known_customer(signoff)
    signoff.publish(mapping(30, ltv_amount="5"))
    signoff.work()
    refuse_decisions(signoff, refused=True)
    letter, event = dead_decision(signoff, redis_url, rests_on=str(ground["event_id"]))
    assert signoff.json("dlq", "show", letter)["kind"] == "refused_by_database"
    refuse_decisions(signoff, refused=False)

    tried = signoff.json("dlq", "replay", letter, "--dry-run")
    assert tried["counts"] == {"void": 1}
    (one,) = tried["replayed"]
    assert one["event_type"] == "status_decision"
    assert one["before"] == one["after"] == {"customer_status": "CUSTOMER", "ltv_usd": "25.00"}

    assert "1 void" in signoff("dlq", "replay", letter).stdout
    assert signoff.json("dlq", "show", letter)["state"] == "resolved"
    assert signoff.json("event", event["event_id"])["history"][-1]["what"] in {"void", "resolved"}
    assert signoff.json("audit")["clean"]
