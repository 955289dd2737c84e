"""The account of events, and what operators did: `/audit`, `/v1/audit` and `/v1/actions`."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
import web
from approvals import apply_events, approval
from described import checked
from letters import bury, letters_in
from operations import run_all
from pages import HOSTILE, shown, text_of
from processes import eventually

from signoff_db.audits import stored
from signoff_db.connection import BatchConnection
from signoff_db.operator_actions import Action, note
from signoff_db.selection import Selection
from signoff_ops.audit import Audit, audit
from signoff_ops.audits import keep_audit, latest_audits, request_audit, run_next_audit
from signoff_ops.operating import Operator
from signoff_ops.operating import discard as discard_letters
from signoff_ops.operating import replay as replay_letters
from signoff_ops.operation_run import run_operations
from signoff_ops.operations import OperationAction, start_operation
from signoff_ops.servers import DirectServers, Servers
from signoff_queue.connection import RedisUnavailableError
from signoff_schemas import Settings
from signoff_schemas.access import Scope


@pytest.fixture
def servers(redis_url: str, database_url: str) -> DirectServers:
    """The servers behind the pages."""
    return DirectServers(Settings.load(redis_url=redis_url, database_url=database_url))


@pytest.fixture
def pages(servers: DirectServers) -> Iterator[httpx.Client]:
    """A browser of an operator."""
    settings = servers.settings
    with web.client(
        settings.require("redis_url"),
        settings.require("database_url"),
        authenticate=web.acting_as("ann", Scope.READ, Scope.OPERATE, kind="user"),
    ) as client:
        client.headers["accept"] = "text/html"
        yield client


def test_an_audit_is_asked_for_run_and_shown(
    pages: httpx.Client, servers: DirectServers, connection: BatchConnection
) -> None:
    """Twice asked is one audit; its result is there in words, with who asked, and stays."""
    apply_events(connection, approval(), approval())
    assert "No audit has been run to its end yet." in shown(pages, "/audit")
    for _ in range(2):
        assert pages.post("/audit").headers["location"] == "/audit"
    waiting = shown(pages, "/audit")
    assert "An audit waits since" in waiting
    assert "No process is there that runs it" in waiting
    assert run_next_audit(servers)
    assert not run_next_audit(servers)
    text = shown(pages, "/audit")
    assert (
        "clean 2 events in the ledger. "
        "Every table holds exactly what the ledger's events add up to. "
        "Every job in Redis is accounted for: 0 waiting"
    ) in text
    assert "asked for by user:ann" in text
    assert "An audit waits" not in text
    asked = checked(pages.get("/v1/actions?action=start_audit"), "/v1/actions")["items"]
    assert [one["actor"] for one in asked] == ["user:ann"]


def test_a_script_is_told_when_the_audit_has_ended(
    pages: httpx.Client, servers: DirectServers, connection: BatchConnection
) -> None:
    """While it waits, that part of the page; then the account, with what is not applied yet."""
    amount = {"customer_status": "CUSTOMER", "ltv_amount": "9000.50"}
    apply_events(connection, approval(**amount), approval(**amount), approval(user_id=None))
    request_audit(servers, "user:ann")
    asks = {"HX-Request": "true"}
    waiting = pages.get("/audit", headers=asks)
    assert "An audit waits since" in waiting.text
    assert 'hx-get="/audit"' in waiting.text
    assert "Who did what" not in waiting.text
    run_next_audit(servers)
    ended = pages.get("/audit", headers=asks)
    assert ended.headers["hx-retarget"] == "#audit-account"
    assert "add up to. 1 dead letter is open: not applied yet." in unescape(ended.text)
    assert "<dt>LTV in USD</dt><dd>18,001.00</dd>" in ended.text
    assert "hx-get" not in ended.text


def test_the_batches_of_an_operation_lead_to_it(
    pages: httpx.Client, servers: DirectServers, connection: BatchConnection, database_url: str
) -> None:
    """On the page of what was done, of the event, of the letter and of the customer."""
    event = approval(user_id="zoe")
    bury(connection, event)
    (letter,) = letters_in(connection)
    replay = start_operation(
        servers, Selection(), Operator("user:ann", "mended"), OperationAction.REPLAY
    )
    run_all(database_url)
    assert f"part of operation {replay.id}" in shown(pages, "/audit")
    for path in ("/audit", f"/events/{event.event_id}", f"/ops/dead/{letter.id}", "/customers/zoe"):
        assert f'href="/ops/replays/{replay.id}"' in pages.get(path).text, path
    (noted,) = checked(pages.get("/v1/actions?action=replay"), "/v1/actions")["items"]
    assert noted["operation_id"] == replay.id
    again = approval(user_id=None)
    bury(connection, again)
    discard = start_operation(
        servers, Selection(), Operator("user:ann", "old"), OperationAction.DISCARD
    )
    run_all(database_url)
    answer = pages.get(f"/interactions/{again.interaction_id}")
    assert f'href="/ops/replays/{discard.id}"' in answer.text


def test_differences_are_named_with_links(
    pages: httpx.Client, servers: DirectServers, connection: BatchConnection
) -> None:
    """What the fold says, and what the table has."""
    event = approval(customer_status="CUSTOMER", ltv_amount="5")
    apply_events(connection, event)
    connection.execute("UPDATE interactions SET ltv_usd = 6 WHERE id = %s", [event.interaction_id])
    request_audit(servers, "user:ann")
    run_next_audit(servers)
    answer = pages.get("/audit")
    assert "1 difference between the ledger and the tables." in text_of(answer)
    assert f'href="/interactions/{event.interaction_id}"' in answer.text
    found = checked(pages.get("/v1/audit"), "/v1/audit")
    assert found["done"]["clean"] is False
    assert found["done"]["report"]["differences"][0]["expected"] == "5.00"


def test_an_audit_that_cannot_be_run_says_why(pages: httpx.Client, servers: DirectServers) -> None:
    """And the next one can be asked for."""

    def without_redis(_servers: Servers) -> Audit:
        raise RedisUnavailableError("Redis at redis://x is away")

    request_audit(servers, "user:ann")
    assert run_next_audit(servers, run=without_redis)
    answer = pages.get("/audit")
    assert "failed: Redis at redis://x is away" in text_of(answer)
    assert "Run an audit" in answer.text
    request_audit(servers, "user:ann")
    run_next_audit(servers)
    assert latest_audits(servers).failed is None, "the newer result counts"


def test_an_audit_whose_process_died_is_run_by_the_next(servers: DirectServers) -> None:
    """While the process lives nobody else takes it; its lock ends with its connection."""
    request_audit(servers, "user:ann")
    with servers.database() as dying, stored.alone(dying) as alone:
        assert alone
        assert stored.begin(dying) is not None
        assert not run_next_audit(servers)
        dying.close()
    assert run_next_audit(servers)
    done = latest_audits(servers).done
    assert done
    assert done.clean


def test_the_process_of_the_operations_runs_audits(servers: DirectServers) -> None:
    """One that is asked for while it runs is soon done, beside its operations."""
    stop = threading.Event()
    runner = threading.Thread(target=run_operations, args=(servers.settings, stop))
    runner.start()
    try:
        request_audit(servers, "user:ann")
        eventually(lambda: latest_audits(servers).done is not None, what="the audit is done")
    finally:
        stop.set()
        runner.join()


def test_a_defect_ends_an_audit_with_a_reason(servers: DirectServers) -> None:
    """It is not begun again and again."""

    def broken(_servers: Servers) -> Audit:
        raise ZeroDivisionError

    request_audit(servers, "user:ann")
    assert run_next_audit(servers, run=broken)
    assert not run_next_audit(servers)
    failed = latest_audits(servers).failed
    assert failed
    assert "a defect of Signoff (ZeroDivisionError)" in str(failed.message)


def test_what_a_command_found_is_kept(pages: httpx.Client, servers: DirectServers) -> None:
    """As the last result."""
    keep_audit(servers, "root", datetime.now(UTC) - timedelta(minutes=4), audit(servers))
    assert "it took 4.0 min, asked for by root" in shown(pages, "/audit")


def test_starting_an_audit_answers_at_once(pages: httpx.Client) -> None:
    """202, and where its result will be."""
    answer = pages.post("/v1/audit")
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/audit")
    asked = checked(answer, "/v1/audit")
    assert checked(pages.get("/v1/audit"), "/v1/audit")["open"]["id"] == asked["id"]


def test_who_may_only_read_sees_no_button(redis_url: str, database_url: str) -> None:
    """And is refused without it."""
    with web.client(
        redis_url, database_url, authenticate=web.acting_as("eve", Scope.READ)
    ) as client:
        client.headers["accept"] = "text/html"
        assert "Run an audit" not in client.get("/audit").text
        assert client.post("/audit").status_code == 403
        assert client.post("/v1/audit").status_code == 403


def test_actions_are_filtered_by_the_address(
    pages: httpx.Client, servers: DirectServers, connection: BatchConnection
) -> None:
    """By who, what, letter and time; the same over HTTP."""
    apply_events(connection, *(approval(user_id=None) for _ in range(3)))
    first, second, third = sorted(letter.id for letter in letters_in(connection))
    discard_letters(servers, [first, second], Operator("user:ann", "too old"))
    replay_letters(servers, [third], Operator("user:bob"))
    before = (datetime.now(UTC) - timedelta(days=1)).isoformat()[:16]
    for query, seen in {
        "": {"too old", "Replay"},
        "actor=user:ann": {"too old"},
        "action=replay": {"Replay"},
        f"letter={second}": {"too old"},
        f"letter={third}": {"Replay"},
        f"since={before}": {"too old", "Replay"},
        f"until={before}": set(),
        "actor=user:ann&action=replay": set(),
    }.items():
        rows = pages.get(f"/audit?{query}").text.partition("<tbody>")[2]
        assert {what for what in ("too old", "Replay") if what in rows} == seen, query
    assert "No action of an operator fits these filters." in shown(pages, f"/audit?until={before}")
    assert f'href="/ops/dead/{second}"' in pages.get("/audit").text
    found = checked(pages.get(f"/v1/actions?letter={third}"), "/v1/actions")["items"]
    assert [(one["actor"], one["results"], one["after"]) for one in found] == [
        ("user:bob", {"unknown_interaction": 1}, None)
    ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("letter=abc", "the number of a dead letter is wanted, found 'abc'"),
        ("letter=99999999999999999999", "the number of a dead letter is wanted"),
        ("since=yesterday", "From: a time such as"),
        ("until=0001-01-01T00:00%2B23:00", "Before: a time such as"),
        ("action=fly", "There is no action 'fly'"),
        ("actor=%00", "no NUL"),
    ],
)
def test_a_filter_that_cannot_be_read_is_said(
    pages: httpx.Client, query: str, sentence: str
) -> None:
    """Nothing is listed then, and what was typed stays."""
    answer = pages.get(f"/audit?{query}")
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert "Nothing was looked at." in text_of(answer)


def test_many_actions_come_in_pages(pages: httpx.Client, connection: BatchConnection) -> None:
    """Each once, the newest first, with the filters of the first page."""
    for number in range(120):
        note(connection, "user:ann", Action.DISCARD, [], f"no {number}", before=None, after=None)
        note(connection, "user:bob", Action.EDIT, [], "another", before=None, after=None)
    seen: list[str] = []
    path: str | None = "/audit?actor=user:ann"
    while path:
        answer = pages.get(path)
        seen += re.findall(r"no (\d+)<", answer.text)
        older = re.search(r'href="([^"]+)" rel="next"', answer.text)
        path = unescape(older[1]) if older else None
    assert seen == [str(number) for number in reversed(range(120))]


def test_large_and_hostile_actions_are_bounded(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """A thousand letters are not printed, nor a megabyte of details; texts are shown as texts."""
    note(
        connection,
        HOSTILE,
        Action.EDIT,
        list(range(1, 1001)),
        HOSTILE,
        before={HOSTILE: "x" * 1_000_000},
        after=HOSTILE,
    )
    answer = pages.get("/audit")
    text = text_of(answer)
    assert "and 980 more" in text
    assert "the beginning of 1,000,0" in text
    assert len(answer.text) < 100_000
    (one,) = checked(pages.get("/v1/actions"), "/v1/actions")["items"]
    assert (one["letters"], one["first_letters"]) == (1000, list(range(1, 21)))
    assert len(one["before"]) == 4000
    assert one["before_size"] > 1_000_000
    assert json.loads(one["after"]) == HOSTILE


@pytest.mark.parametrize(
    "query",
    ["actor = 'user:eve'", "action = 'prune'", "dead_letter_ids @> ARRAY[7]::bigint[]", "true"],
)
def test_no_filter_scans(connection: BatchConnection, query: str) -> None:
    """Each has an index in the order of the list, or one that finds the few that fit."""
    connection.execute(
        "INSERT INTO operator_actions (actor, action, dead_letter_ids)"
        " SELECT 'user:ann', 'discard', ARRAY[n + 100] FROM generate_series(1, 20000) AS n"
    )
    connection.execute("ANALYZE operator_actions")
    rows = connection.execute(
        f"EXPLAIN SELECT id FROM operator_actions WHERE {query}"
        " ORDER BY acted_at DESC, id DESC LIMIT 51".encode()
    ).fetchall()
    plan = " ".join(row[0] for row in rows)
    assert "Seq Scan" not in plan, plan
