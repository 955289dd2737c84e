"""The console's pages of causes and dead letters, without scripts."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest
import web
from approvals import apply_events, approval, mapping
from letters import EVERY_STATE, letters_in
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.replay import replay
from signoff_schemas import DeadLetterState
from signoff_schemas.access import Scope

PAGE = {"accept": "text/html"}
BIDI = "\N{RIGHT-TO-LEFT OVERRIDE}"


@pytest.fixture
def console(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """An operator's browser, without scripts."""
    authenticate = web.acting_as("ann", Scope.READ, Scope.OPERATE, kind="user")
    with web.client(redis_url, database_url, authenticate=authenticate) as client:
        client.headers.update(PAGE | {"sec-fetch-site": "same-origin"})
        yield client


def bury(connection: BatchConnection, payload: bytes, job_id: str | None = None) -> int:
    """A dead letter of a payload that is no valid event; returns its id."""
    apply(connection, [Delivery.of_payload(job_id or str(uuid4()), payload)])
    return letters_in(connection)[0].id


def text_of(answer: httpx.Response) -> str:
    """What a page shows, on one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def form_of(answer: httpx.Response, action: str, button: str = "") -> dict[str, list[str]]:
    """The hidden fields of the form of a page that has this action, and this text."""
    for found in re.finditer(r"<form method=\"post\"(.*?)</form>", answer.text, re.DOTALL):
        form = found[1]
        if f'action="{action}"' in form and button in form:
            fields: dict[str, list[str]] = {}
            for name, value in re.findall(
                r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form
            ):
                fields.setdefault(name, []).append(unescape(value))
            return fields
    raise AssertionError(f"no form {action} {button}: {answer.text}")


def operation_of(connection: BatchConnection, answer: httpx.Response) -> dict[str, Any]:
    """The operation that an answer leads to."""
    assert answer.status_code == 303, text_of(answer)
    (number,) = re.fullmatch(r"/ops/replays/(\d+)", answer.headers["location"]).groups()  # type: ignore[union-attr]
    row = connection.execute(
        "SELECT action, dry_run, letters, actor, reason, rate,"
        " ARRAY(SELECT letter_id FROM operation_letters WHERE operation_id = o.id ORDER BY 1)"
        " FROM operations o WHERE id = %s",
        [int(number)],
    ).fetchone()
    assert row
    names = ("action", "dry_run", "letters", "actor", "reason", "rate", "ids")
    return dict(zip(names, row, strict=True))


def test_causes_say_what_how_many_and_what_to_do(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """The biggest first; each leads to its own page."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(3)))
    bury(connection, to_json(mapping(surprise=1, user_id="ben")))
    page = console.get("/ops/causes")
    shown = text_of(page)
    assert "2 causes of 4 open dead letters" in shown
    assert shown.index("The interaction is not in Postgres") < shown.index(
        "A field that the contract"
    )
    assert "Have the upstream write the missing rows, then replay" in shown
    fingerprint = letters_in(connection)[0].fingerprint
    one = text_of(console.get(f"/ops/causes/{fingerprint}"))
    assert "1 open letter 1 customer" in one
    assert "surprise is not a field of an approval event" in one
    assert "Replay helps" in one


def test_causes_can_be_filtered_and_have_all_pages(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """By kind and time; nothing is cut off silently."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " SELECT n::text, 'ltv_overflow', 'm', '', 'cause' || n FROM generate_series(1, 120) AS n"
    )
    seen: set[str] = set()
    address: str | None = "/ops/causes?kind=ltv_overflow&since=2h&order=newest"
    while address:
        page = console.get(address)
        seen |= set(re.findall(r'"/ops/causes/(cause\d+)"', page.text))
        older = re.search(r'href="([^"]*)" rel="next"', page.text)
        address = unescape(older[1]) if older else None
    assert len(seen) == 120
    none = text_of(console.get("/ops/causes?kind=abandoned"))
    assert "No cause of open dead letters matches" in none
    assert "with kind abandoned" in none


def test_empty_pages_say_what_was_looked_at(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """Beside how many events were applied, and when the last was."""
    apply_events(connection, approval(), approval())
    for path in ("/ops/causes", "/ops/dead"):
        assert re.search(
            r"No open dead letters\. 2 events were applied, the last one \d+ s ago",
            text_of(console.get(path)),
        )
    assert "None found. Looked at: all open dead letters with user id ann" in text_of(
        console.get("/ops/dead?user_id=ann")
    )
    unknown = console.get("/ops/causes/none")
    assert unknown.status_code == 404
    assert "neither an open nor a settled one" in text_of(unknown)


def test_a_cause_without_open_letters_shows_the_settled_ones(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """It says that none is open any more, and offers nothing to do."""
    letter_id = bury(connection, b"no JSON")
    fingerprint = letters_in(connection)[0].fingerprint
    discard(connection, [letter_id], actor="op", reason="r")
    page = console.get(f"/ops/causes/{fingerprint}")
    assert "No letter of this cause is open any more" in text_of(page)
    found = console.get("/find", params={"q": fingerprint})
    assert found.headers["location"] == f"/ops/causes/{fingerprint}"
    assert f"letter {letter_id} discarded" in text_of(page)
    assert "<form method" not in page.text


def test_an_action_of_a_cause_leaves_what_came_later_alone(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """The form carries the newest letter that the page showed."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(12)))
    shown = [letter.id for letter in letters_in(connection)][::-1]
    fingerprint = letters_in(connection)[0].fingerprint
    page = console.get(f"/ops/causes/{fingerprint}")
    apply_events(connection, approval(user_id=None))
    tried = form_of(page, "/ops/dead/dry-run", "Dry run of all 12")
    found = operation_of(connection, console.post("/ops/dead/dry-run", data=tried))
    assert (found["action"], found["dry_run"], found["actor"]) == ("replay", True, "user:ann")
    assert found["ids"] == shown

    again = console.post("/ops/dead/dry-run", data=tried)
    assert operation_of(connection, again) == found
    assert connection.execute("SELECT count(*) FROM operations").fetchone() == (1,)

    ten = form_of(page, "/ops/dead/replay", "Replay the oldest 10")
    assert operation_of(connection, console.post("/ops/dead/replay", data=ten))["ids"] == shown[:10]
    every = form_of(page, "/ops/dead/replay", "Replay all") | {"rate": ["50"], "reason": ["late"]}
    started = operation_of(connection, console.post("/ops/dead/replay", data=every))
    assert (started["letters"], started["rate"], started["reason"]) == (12, 50.0, "late")
    assert "Recent operations on this cause" in console.get(f"/ops/causes/{fingerprint}").text


def test_a_discard_asks_first_and_wants_a_reason(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """The page says how many, and what it means; nothing happens before it is confirmed."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(3)))
    fingerprint = letters_in(connection)[0].fingerprint
    page = console.get(f"/ops/causes/{fingerprint}")
    asked = console.post("/ops/dead/discard", data=form_of(page, "/ops/dead/discard"))
    assert asked.status_code == 200
    assert "Discard 3 dead letters?" in text_of(asked)
    confirmed = form_of(asked, "/ops/dead/discard")
    unreasoned = console.post("/ops/dead/discard", data=confirmed | {"reason": [" "]})
    assert "A reason is wanted" in text_of(unreasoned)
    assert connection.execute("SELECT count(*) FROM operations").fetchone() == (0,)
    done = console.post("/ops/dead/discard", data=confirmed | {"reason": ["not ours"]})
    found = operation_of(connection, done)
    assert (found["action"], found["letters"], found["reason"]) == ("discard", 3, "not ours")


def test_a_discard_shows_what_is_lost(console: httpx.Client, connection: BatchConnection) -> None:
    """The causes, the customers, the sum of the amounts, and what discarding means."""
    bury(connection, to_json(mapping(surprise=1, user_id="ann", ltv_amount="1200.50")))
    bury(connection, to_json(mapping(surprise=1, user_id="ann", ltv_amount=7)))
    bury(connection, to_json(mapping(surprise=1, user_id="ben")))
    oldest = letters_in(connection)[-1].id
    bury(connection, b"no JSON")
    fields = form_of(console.get("/ops/dead"), "/ops/dead/dry-run") | {"scope": ["all"]}
    asked = console.post("/ops/dead/discard", data=fields)
    shown = text_of(asked)
    assert "Discard 4 dead letters?" in shown
    assert "3: Invalid payload surprise is not a field" in shown
    assert "2; 1 letter names none" in shown
    assert "1,207.50 USD in 2 events" in shown
    assert "publishes again under the same event_id is tried like any other" in shown
    assert "A letter without an event_id is no event that could come again" in shown
    assert f'"/ops/dead/{oldest}"' in asked.text
    fields = form_of(asked, "/ops/dead/discard") | {"reason": ["a test"]}
    done = console.post("/ops/dead/discard", data=fields)
    page = console.get(done.headers["location"])
    assert page.status_code == 200


def test_a_discard_promises_no_return_that_cannot_be(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """What conflicts with the ledger is never applied under its event_id."""
    event = approval(user_id="ann")
    apply_events(connection, event)
    bury(connection, to_json(mapping(event_id=event.event_id, user_id="ann", quality_score=1)))
    asked = text_of(
        console.post(
            "/ops/dead/discard",
            data=form_of(console.get("/ops/dead"), "/ops/dead/dry-run") | {"scope": ["all"]},
        )
    )
    assert "it has to be published under a new event_id" in asked
    assert "tried like any other" not in asked


def test_a_cause_tells_when_letters_came_apart_from_when_they_were_tried(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """A replay that fails brings no new letters; and the rule of stopping is said exactly."""
    letter_id = bury(connection, b"no JSON")
    bury(connection, b"no JSON either")
    connection.execute(
        "UPDATE dead_letters SET first_failed_at = now() - interval '3 hours',"
        " last_failed_at = CASE WHEN id = %s THEN now() ELSE now() - interval '3 hours' END",
        [letter_id],
    )
    fingerprint = letters_in(connection)[0].fingerprint
    shown = text_of(console.get(f"/ops/causes/{fingerprint}"))
    assert re.search(r"last arrived 3 h ago, last tried \d+ s ago", shown)
    assert "0 in the last 10 minutes" in shown
    assert "after 10 failures of one cause in a row without a success between" in shown
    assert "Keep going" in shown
    assert re.search(r"3 h ago last tried \d+ s ago", text_of(console.get("/ops/causes")))


@pytest.mark.parametrize(
    ("payload", "first"),
    [
        (to_json(mapping(quality_score=9)), "Edit…"),
        (b"no JSON", "Discard…"),
        (to_json(mapping(user_id=None)), "Dry run"),
    ],
)
def test_what_helps_stands_first(
    console: httpx.Client, connection: BatchConnection, payload: bytes, first: str
) -> None:
    """A replay is the first button only where a replay helps."""
    letter_id = bury(connection, payload)
    page = console.get(f"/ops/dead/{letter_id}").text.partition('class="dl-acts"')[2]
    buttons = re.findall(r'<(?:button|a role="button")([^>]*)>([^<]*)', page)
    assert buttons[0][1] == first
    assert [text for attributes, text in buttons if "quiet" not in attributes] in (
        [first],
        [first, "Discard…"],
    )


def test_a_replay_of_many_asks_first(console: httpx.Client, connection: BatchConnection) -> None:
    """Unless a dry run of exactly these letters is done."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(101)))
    fingerprint = letters_in(connection)[0].fingerprint
    page = console.get(f"/ops/causes/{fingerprint}")
    every = form_of(page, "/ops/dead/replay", "Replay all")
    ten = form_of(page, "/ops/dead/replay", "Replay the oldest 10")
    assert operation_of(connection, console.post("/ops/dead/replay", data=ten))["letters"] == 10
    asked = console.post("/ops/dead/replay", data=every | {"reason": ["mended"]})
    assert asked.status_code == 200
    assert "Replay 101 dead letters?" in text_of(asked)
    assert "Make one first" in text_of(asked)
    first = console.post("/ops/dead/dry-run", data=form_of(asked, "/ops/dead/dry-run"))
    assert operation_of(connection, first)["dry_run"]
    confirmed = form_of(asked, "/ops/dead/replay") | {"reason": ["mended"]}
    started = operation_of(connection, console.post("/ops/dead/replay", data=confirmed))
    assert (started["letters"], started["reason"]) == (101, "mended")
    connection.execute("UPDATE operations SET state = 'done', ended_at = now() WHERE dry_run")
    tried = console.post("/ops/dead/replay", data=every | {"key": [str(uuid4())]})
    assert operation_of(connection, tried)["letters"] == 101


def test_a_cause_says_how_many_were_resolved(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """And how many of them since their events arrived again."""
    events = [approval(n, user_id=None) for n in range(3)]
    apply_events(connection, *events)
    by_event = {one.event_id: one for one in letters_in(connection)}
    last = by_event[events[2].event_id]
    apply_events(connection, *(approval(interaction_id=one.interaction_id) for one in events))
    replay(connection, [last.id], actor="op", reason="r")
    apply_events(connection, *events[:2])
    shown = text_of(console.get(f"/ops/causes/{last.fingerprint}"))
    assert "3 were resolved, 2 of them since their upstream published them again." in shown


def test_a_cause_can_be_told_to_its_upstream(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """A text to copy with what the events share, and all letters as a file."""
    cta = {"service": "crm", "release": f"1.4{BIDI}</textarea><b>"}
    events = [mapping(quality_score=9, user_id="ann", cta_data=cta | {"n": n}) for n in range(3)]
    ids = [bury(connection, to_json(event)) for event in events]
    fingerprint = letters_in(connection)[0].fingerprint
    page = console.get(f"/ops/causes/{fingerprint}")
    area = re.search(r"<textarea readonly.*?>\n(.*?)</textarea>", page.text, re.DOTALL)
    assert area
    told = unescape(area[1])
    assert "3 events of yours could not be applied" in told
    assert "quality_score must be at most 5" in told
    assert "  cta_data.service: crm" in told
    assert "  cta_data.release: 1.4\\u202e</textarea><b>" in told
    assert all(str(event["event_id"]) in told for event in events)
    assert "ann" not in told
    assert "cta_data.n" not in told
    kept = console.get(f"/ops/causes/{fingerprint}/letters")
    assert kept.headers["content-disposition"].startswith("attachment")
    lines = [json.loads(line) for line in kept.text.splitlines()]
    assert [line["id"] for line in lines] == ids[::-1]
    assert json.loads(lines[0]["payload"])["quality_score"] == 9
    assert console.get("/ops/causes/none/letters").text == ""


def test_a_discard_of_some_stays_one_of_some(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """The number that was asked for is that of the question, and of the operation."""
    first, second, _ = (bury(connection, b"no JSON %d" % n) for n in range(3))
    fields = form_of(console.get("/ops/dead"), "/ops/dead/dry-run") | {"scope": ["all"]}
    asked = console.post("/ops/dead/discard", data=fields | {"limit": ["2"]})
    assert "Discard 2 dead letters?" in text_of(asked)
    confirmed = form_of(asked, "/ops/dead/discard") | {"reason": ["not ours"]}
    found = operation_of(connection, console.post("/ops/dead/discard", data=confirmed))
    assert found["ids"] == [first, second]


def test_the_page_of_a_letter_shows_the_operations_that_named_it(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """Also a dry run, which leaves no action."""
    letter_id = bury(connection, b"x")
    page = console.get(f"/ops/dead/{letter_id}")
    console.post("/ops/dead/dry-run", data=form_of(page, "/ops/dead/dry-run"))
    shown = text_of(console.get(f"/ops/dead/{letter_id}"))
    assert "Operations that named this letter operation 1 : dry run of 1 by user:ann" in shown


def test_filters_are_the_url(console: httpx.Client, connection: BatchConnection) -> None:
    """What is typed stays in the form; an invalid filter is named, and nothing is listed."""
    apply_events(connection, approval(user_id=None))
    bury(connection, b'{"note": "100% {odd}"}', "a job")
    for query, number in [
        ("", 2),
        ("?kind=invalid_payload", 1),
        ("?job_id=a+job", 1),
        ("?text=100%25+%7Bodd%7D", 1),
        ("?text=nothing", 0),
        ("?since=1h&event_type=approval&state=dead&state=resolved", 2),
        ("?event_type=status_decision", 0),
        ("?until=1h", 0),
        ("?unknown=1", 2),
    ]:
        page = console.get(f"/ops/dead{query}")
        assert page.status_code == 200, query
        assert len(re.findall(r'name="letter"', page.text)) == number, query
    assert 'value="100% {odd}"' in unescape(console.get("/ops/dead?text=100%25+%7Bodd%7D").text)
    for query, message in [
        ("since=yesterday", "is an age such as"),
        ("event_id=1", "is a UUID"),
        ("kind=forged", "is one of"),
        ("text=" + "x" * 201, "at most 200 characters"),
        ("up_to_id=0", "is the number of a letter"),
        ("user_id=%00", "no NUL"),
    ]:
        page = console.get(f"/ops/dead?{query}")
        assert page.status_code == 422, query
        assert message in text_of(page), query
        assert "Nothing was looked at" in text_of(page)


def test_pages_of_the_list_keep_their_set(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """Each letter is on one page; what comes meanwhile is counted beside the list, not in it."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " SELECT n::text, 'ltv_overflow', 'm', '', 'f' FROM generate_series(1, 120) AS n"
    )
    first = console.get("/ops/dead")
    bury(connection, b"new")
    seen = re.findall(r'name="letter" value="(\d+)"', first.text)
    page = first
    while older := re.search(r'href="([^"]*)" rel="next"', page.text):
        page = console.get(unescape(older[1]))
        seen += re.findall(r'name="letter" value="(\d+)"', page.text)
    assert [int(one) for one in seen] == list(range(120, 0, -1))
    newer = re.search(r'data-url="([^"]*)"', first.text)
    assert newer
    assert "1 new: show it" in text_of(console.get(unescape(newer[1])))


def test_ticked_letters_or_all_that_match_are_acted_on(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """Without a tick there is nothing to do; letters that are settled are told."""
    first, second, third = (bury(connection, b"no JSON %d" % n) for n in range(3))
    page = console.get("/ops/dead?text=json")
    fields = form_of(page, "/ops/dead/dry-run")
    fourth = bury(connection, b"no JSON 4")
    every = operation_of(
        connection, console.post("/ops/dead/dry-run", data=fields | {"scope": ["all"]})
    )
    assert every["ids"] == [first, second, third]
    ticked = fields | {"scope": ["ticked"], "letter": [str(first), str(third)], "key": [""]}
    assert operation_of(connection, console.post("/ops/dead/replay", data=ticked))["ids"] == [
        first,
        third,
    ]
    none = console.post("/ops/dead/replay", data=fields | {"scope": ["ticked"], "key": [""]})
    assert none.status_code == 422
    assert "No letter is ticked" in text_of(none)
    discard(connection, [first, second, third], actor="op", reason="r")
    gone = console.post("/ops/dead/replay", data=ticked)
    assert gone.status_code == 409
    assert "settled them meanwhile" in text_of(gone)
    assert fourth in [letter.id for letter in letters_in(connection)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": ["fast"]}, "the rate is a number"),
        ({"rate": ["0"]}, "the rate is 0"),
        ({"rate": ["nan"]}, "the rate is nan"),
        ({"limit": ["-1"]}, "must be a number from 1 on"),
        ({"up_to_id": [""]}, "does not say up to which letter"),
        ({"since": ["x"]}, "not as it was sent out"),
    ],
)
def test_a_wrong_form_does_nothing(
    console: httpx.Client,
    connection: BatchConnection,
    wrong: dict[str, list[str]],
    message: str,
) -> None:
    """A sentence says what is wrong."""
    bury(connection, b"x")
    fields = form_of(console.get("/ops/dead"), "/ops/dead/dry-run") | {"scope": ["all"]}
    answer = console.post("/ops/dead/replay", data=fields | wrong)
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert connection.execute("SELECT count(*) FROM operations").fetchone() == (0,)


HOSTILE = {
    "markup": b'{"a": "<script>alert(1)</script>", "b": "\' onload=alert(1) \\""}',
    "no text": b"\xff\xfe\x00\x01<img src=x onerror=alert(1)>",
    "controls": f"{BIDI}moc\x1b[2J\x9b\x7f\u2028\u200b".encode(),
    "escaped controls": json.dumps({"a": f"{BIDI}\x1b"}).encode(),
    "large": b'{"a": "' + b"x" * 1_000_000 + b'"}',
    "deep": b"[" * 900 + b"]" * 900,
    "deeper": b"[" * 100_000,
    "many lines": b'{"a": [' + b"1," * 50_000 + b"1]}",
    "nothing": b"",
    "surrogate": b'{"a": "\\ud800"}',
    "template": b"{{ 7 * 7 }}{% raw %}",
    "textarea": b"</textarea><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_are_shown_harmlessly(
    console: httpx.Client, connection: BatchConnection, name: str
) -> None:
    """Escaped, controls made visible, bounded; and the download has the bytes."""
    payload = HOSTILE[name]
    letter_id = bury(connection, payload, job_id=f"<b>{BIDI}job</b>")
    fingerprint = letters_in(connection)[0].fingerprint
    for path in (
        "/ops/dead",
        f"/ops/dead/{letter_id}",
        f"/ops/causes/{fingerprint}",
        "/ops/causes",
        f"/ops/dead/{letter_id}/edit",
    ):
        page = console.get(path)
        assert page.status_code in {200, 409}, path
        bound = 700_000 if path.endswith("edit") else 200_000
        assert len(page.text) < bound, path
        for raw in ("<script>alert", "<img", "<b>", BIDI, "\x1b", "\x9b", "\u2028", "\u200b"):
            assert raw not in page.text, (path, raw)
    kept = console.get(f"/ops/dead/{letter_id}/payload")
    assert payload.startswith(kept.content)
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert kept.headers["content-disposition"].startswith("attachment")


def edited(console: httpx.Client, letter_id: int, event: Any, **fields: str) -> httpx.Response:
    """Send the form of an edit."""
    text = event if isinstance(event, str) else json.dumps(event, indent=2, default=str)
    return console.post(f"/ops/dead/{letter_id}/edit", data={"event": text, **fields})


def test_an_edit_is_checked_then_applied(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """The check names fields, shows the difference and the true effect, and changes nothing."""
    event = mapping(user_id=None, ltv_amount="7.50", customer_status="CUSTOMER")
    letter_id = bury(connection, to_json({n: v for n, v in event.items() if v is not None}))
    form = console.get(f"/ops/dead/{letter_id}/edit")
    area = re.search(r"<textarea.*?>\n(.*)</textarea>", form.text, re.DOTALL)
    assert area
    typed = json.loads(unescape(area[1]))

    wrong = edited(console, letter_id, typed | {"user_id": "ann", "quality_score": 9})
    assert wrong.status_code == 422
    assert "quality_score must be at most 5" in text_of(wrong)
    line = re.search(r'<tr class="added">.*?quality_score.*?</tr>', wrong.text, re.DOTALL)
    assert line is not None

    checked = edited(console, letter_id, typed | {"user_id": "ann"})
    assert checked.status_code == 200
    shown = text_of(checked)
    assert "not in Postgres → CUSTOMER 7.50" in shown
    assert '"user_id": "ann"' in shown
    assert letters_in(connection)[0].id == letter_id

    unreasoned = edited(console, letter_id, typed | {"user_id": "ann"}, act="apply")
    assert (unreasoned.status_code, "A reason is wanted" in text_of(unreasoned)) == (422, True)

    applied = edited(console, letter_id, typed | {"user_id": "ann"}, act="apply", reason="forgot")
    assert applied.status_code == 303
    assert applied.headers["location"].startswith(f"/ops/dead/{letter_id}?")
    history = text_of(console.get(f"/ops/dead/{letter_id}"))
    assert "edit by user:ann , forgot" in history
    assert re.search(r"What was edited .* \+ \"user_id\": \"ann\"", history)
    assert "No letter of this cause is open any more" in history
    assert "Applied" not in history
    assert "applied Applied: not in Postgres → CUSTOMER 7.50 USD" in text_of(
        console.get(applied.headers["location"])
    )
    (letter,) = letters_in(connection, *EVERY_STATE)
    assert letter.state is DeadLetterState.RESOLVED


def test_after_an_edit_comes_the_next_letter(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """A forged address says nothing about what an edit did."""
    events = [mapping(quality_score=9) for _ in range(2)]
    older, newer = [bury(connection, to_json(event)) for event in events]
    form = console.get(f"/ops/dead/{newer}/edit")
    (area,) = re.findall(r"<textarea.*?>\n(.*)</textarea>", form.text, re.DOTALL)
    unchanged = text_of(edited(console, newer, unescape(area)))
    assert "You changed nothing." in unchanged
    assert "Where" not in unchanged
    answer = edited(console, newer, events[1] | {"quality_score": 5}, act="apply", reason="typo")
    page = console.get(answer.headers["location"])
    assert f'<a href="/ops/dead/{older}">Next open letter of this cause</a>' in page.text
    forged = console.get(f"/ops/dead/{newer}?edited=late&before=a+lie&after=CUSTOMER+1.00")
    assert "CUSTOMER 1.00" not in text_of(forged)


def test_a_resolved_letter_says_by_what(console: httpx.Client, connection: BatchConnection) -> None:
    """Its event arrived again; no operator did it."""
    event = approval(user_id=None)
    apply_events(connection, event)
    (letter,) = letters_in(connection)
    apply_events(connection, approval(interaction_id=event.interaction_id), event)
    shown = text_of(console.get(f"/ops/dead/{letter.id}"))
    assert "Resolved: the event arrived again, and was applied at" in shown


def test_a_conflict_shows_what_differs(console: httpx.Client, connection: BatchConnection) -> None:
    """The ledger's event beside the letter's, line by line."""
    event = approval(quality_score=3)
    apply_events(connection, event)
    letter_id = bury(connection, event.model_copy(update={"quality_score": 5}).canonical_json())
    shown = text_of(console.get(f"/ops/dead/{letter_id}"))
    assert re.search(r'. "quality_score": 3.* \+ "quality_score": 5', shown)
    assert shown.count("final_bubbles") <= 2


def test_a_time_in_the_future_says_how_far(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """On the letter and on the cause; when Postgres' clock says otherwise, a worker's is slow."""
    at = datetime.now(UTC) + timedelta(minutes=6, seconds=30)
    letter_id = bury(connection, to_json(mapping(occurred_at=at)))
    fingerprint = letters_in(connection)[0].fingerprint
    for path in (f"/ops/dead/{letter_id}", f"/ops/causes/{fingerprint}"):
        shown = text_of(console.get(path))
        assert re.search("occurred_at was 6 min.* ahead of the clock of Postgres", shown), path
        assert "now it is still ahead" in shown
    connection.execute(
        "UPDATE dead_letters SET last_failed_at = now() - interval '1 hour', payload = %s",
        [to_json(mapping(occurred_at=datetime.now(UTC) - timedelta(hours=2)))],
    )
    shown = text_of(console.get(f"/ops/dead/{letter_id}"))
    assert "the clock of the worker that checked it was slow; now it is in the past" in shown


def test_an_edit_that_is_not_possible_is_a_sentence(
    console: httpx.Client, connection: BatchConnection
) -> None:
    """Another event_id, a letter that was settled, one that is too large; what was typed stays."""
    event = {n: v for n, v in mapping(user_id=None).items() if v is not None}
    letter_id = bury(connection, to_json(event))
    other = edited(console, letter_id, event | {"event_id": uuid4(), "user_id": "ann"})
    assert (other.status_code, "an edit keeps the event_id" in text_of(other)) == (409, True)
    still = edited(console, letter_id, event, act="apply", reason="r")
    assert (still.status_code, "It would fail again" in text_of(still)) == (409, True)
    broken = edited(console, letter_id, '{\n"event_id": \n<oops>')
    assert broken.status_code == 422
    assert "is not JSON" in text_of(broken)
    assert "<oops>" in text_of(broken) or "&lt;oops&gt;" in broken.text
    discard(connection, [letter_id], actor="op", reason="r")
    settled = edited(console, letter_id, event | {"user_id": "ann"}, act="apply", reason="r")
    assert (settled.status_code, "is discarded already" in text_of(settled)) == (409, True)
    large = bury(connection, b"x" * 300_000)
    refused = console.get(f"/ops/dead/{large}/edit")
    assert (refused.status_code, "too many for an event" in text_of(refused)) == (409, True)
    assert console.get("/ops/dead/999/edit").status_code == 404


def test_looking_needs_no_right_to_act(
    redis_url: str, database_url: str, connection: BatchConnection
) -> None:
    """A viewer sees no form that acts."""
    letter_id = bury(connection, b"x")
    fingerprint = letters_in(connection)[0].fingerprint
    viewer = web.acting_as("vic", Scope.READ, kind="user")
    with web.client(redis_url, database_url, authenticate=viewer) as client:
        for path in (f"/ops/dead/{letter_id}", f"/ops/causes/{fingerprint}"):
            page = client.get(path, headers=PAGE)
            assert page.status_code == 200
            assert '<form method="post"' not in page.text
        assert "Dry run" not in client.get("/ops/dead", headers=PAGE).text
        assert client.post("/ops/dead/replay", data={"id": "1"}).status_code == 403


@pytest.mark.parametrize("act", ["dry-run", "replay", "discard"])
def test_only_the_ticked_letters_are_acted_on_where_the_url_names_some(
    connection: BatchConnection, console: httpx.Client, act: str
) -> None:
    """The letters of the URL are a filter: those that are not ticked are left alone."""
    ids = [bury(connection, b"{}") for _ in range(3)]
    listed = console.get("/ops/dead", params={"id": ids})
    form = form_of(listed, "/ops/dead/dry-run")
    ticked = {"scope": "ticked", "letter": str(ids[1]), "confirmed": "yes", "reason": "r"}

    answer = console.post(f"/ops/dead/{act}", data=form | ticked)

    assert answer.status_code == 303, answer.text
    acted_on = connection.execute("SELECT letter_id FROM operation_letters").fetchall()
    assert acted_on == [(ids[1],)]


@pytest.mark.parametrize("name", ["id", "up_to_id"])
@pytest.mark.parametrize("digits", [300, 5000])
def test_a_very_long_number_of_a_letter_is_refused(
    console: httpx.Client, name: str, digits: int
) -> None:
    """The page says what is wrong with it, whatever its digits are."""
    number = "5".zfill(20) + "0" * digits
    answer = console.get("/ops/dead", params={name: number})
    assert answer.status_code == 422
    assert "is the number of a letter" in text_of(answer)
