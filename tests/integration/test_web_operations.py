"""Replays and discards over HTTP: `/v1/replays`, `/v1/discards`, and the pages of the console."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import pytest
import web
from approvals import apply_events, approval
from browsers import Browser
from described import checked
from letters import bury, chosen, letters_in
from operations import run_all

from signoff_db.connection import BatchConnection
from signoff_ops import users
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Role

PASSWORD = "correct horse"


@pytest.fixture
def client(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client of the web service."""
    with web.client(redis_url, database_url) as client:
        yield client


@pytest.fixture
def api(client: httpx.Client, redis_url: str, database_url: str) -> httpx.Client:
    """The same, of a program that may do everything."""
    key = web.key_of(Settings.load(redis_url=redis_url, database_url=database_url))
    client.headers["authorization"] = f"Bearer {key}"
    return client


def operator(client: httpx.Client, database_url: str, role: Role = Role.OPERATOR) -> Browser:
    """A browser in which somebody of this role is signed in."""
    servers = DirectServers(Settings.load(database_url=database_url))
    users.add_user(servers, str(role), [role], "root", password=PASSWORD)
    browser = Browser(client)
    browser.sign_in(str(role), PASSWORD)
    assert browser.token
    return browser


def at(answer: httpx.Response) -> str:
    """Where the answer leads."""
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return answer.headers["location"]


def test_a_program_tries_then_replays(
    connection: BatchConnection, api: httpx.Client, database_url: str
) -> None:
    """A dry run tells the effect; the replay of its letters has it."""
    bury(connection, *(approval(ltv_amount="10", customer_status="CUSTOMER") for _ in range(3)))
    started = api.post("/v1/replays", json={"kind": ["abandoned"], "dry_run": True})
    assert started.status_code == HTTPStatus.ACCEPTED
    dry = checked(started, "/v1/replays")
    assert (dry["state"], dry["letters"]) == ("waiting", 3)

    run_all(database_url)
    tried = checked(api.get(started.headers["location"]), "/v1/replays/{operation_id}")
    assert tried["text"] == "Dry run of 3 letters: 3 would apply, LTV +30.00 USD."
    assert len(letters_in(connection)) == 3

    one = api.post("/v1/replays", json={"of": dry["id"], "limit": 1, "reason": "r"}).json()
    run_all(database_url)
    rest = api.post("/v1/replays", json={"of": dry["id"]}).json()
    run_all(database_url)
    listed = checked(api.get("/v1/replays", params={"limit": 2}), "/v1/replays")
    assert [(item["id"], item["tried"]) for item in listed["items"]] == [
        (rest["id"], 2),
        (one["id"], 1),
    ]
    assert listed["next"] is not None
    again = api.post("/v1/replays", json={"of": dry["id"]})
    assert (again.status_code, again.json()["type"]) == (409, "urn:signoff:problem:nothing-matches")


@pytest.mark.parametrize(
    ("request_line", "body", "pointer", "detail"),
    [
        (
            "GET /v1/dead-letters?limit=x",
            None,
            "/query/limit",
            "limit must be a whole number; found 'x'",
        ),
        (
            "GET /v1/dead-letters?kind=x",
            None,
            "/query/kind/0",
            "kind[0] must be one of 'invalid_payload'",
        ),
        (
            "GET /v1/dead-letters?user_id=%00",
            None,
            "/query/user_id",
            "user_id must not hold the NUL character",
        ),
        (
            "GET /v1/interactions/x",
            None,
            "/path/interaction_id",
            "interaction_id must be a UUID, such as 6f1c",
        ),
        ("POST /v1/replays", {"limit": "x"}, "/limit", "limit must be a whole number; found 'x'"),
        ("POST /v1/queue/pause", {}, "/reason", "reason is required"),
        (
            "POST /v1/queue/pause",
            {"reason": "a\0"},
            "/reason",
            "reason must not hold the NUL character",
        ),
    ],
)
def test_a_request_is_refused_in_the_words_of_events(
    api: httpx.Client, request_line: str, body: Any, pointer: str, detail: str
) -> None:
    """What was wrong, what was found, what is allowed."""
    answer = api.request(*request_line.split(), json=body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["type"] == "urn:signoff:problem:invalid-request"
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)
    assert answer.json()["detail"] == error["detail"]


def test_a_program_discards_for_a_reason(
    connection: BatchConnection, api: httpx.Client, database_url: str
) -> None:
    """Without one it is refused; a discard is no replay, under neither path."""
    bury(connection, approval(), approval())
    ids = chosen(connection)
    refused = api.post("/v1/discards", json={"ids": ids})
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "reason" in refused.json()["detail"]

    started = api.post("/v1/discards", json={"ids": ids[:1], "reason": "spam"})
    checked(started, "/v1/discards")
    number = started.json()["id"]
    assert started.headers["location"] == f"/v1/discards/{number}"
    assert api.get(f"/v1/replays/{number}").status_code == HTTPStatus.NOT_FOUND
    assert api.post(f"/v1/replays/{number}/cancel").status_code == HTTPStatus.NOT_FOUND
    run_all(database_url)
    assert chosen(connection) == ids[1:]
    ended = api.post(f"/v1/discards/{number}/cancel")
    assert (ended.status_code, ended.json()["type"]) == (409, "urn:signoff:problem:operation-ended")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ""),
        ({"dry_run": True}, ""),
        ({"all": True, "kind": ["abandoned"]}, ""),
        ({"all": True, "of": 1}, ""),
        ({"kinds": ["abandoned"]}, "/kinds"),
        ({"all": True, "rate": 0}, "/rate"),
        ({"all": True, "limit": "5"}, "/limit"),
        ({"kind": ["x"]}, "/kind/0"),
        ({"fingerprint": "a\0"}, "/fingerprint"),
    ],
)
def test_what_is_not_clear_is_refused(api: httpx.Client, body: dict[str, Any], where: str) -> None:
    """No choice at all does not mean everything; the place of each error is named."""
    answer = api.post("/v1/replays", json=body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [error["pointer"] for error in answer.json()["errors"]] == [where]


def test_a_repeated_request_gets_the_same_operation(
    connection: BatchConnection, api: httpx.Client
) -> None:
    """By its `Idempotency-Key`; another request with that key is refused."""
    bury(connection, approval())
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (api.post("/v1/replays", json={"all": True}, headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    other = api.post("/v1/replays", json={"all": True, "limit": 1}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:signoff:problem:key-used")


def test_an_operator_follows_a_dry_run_and_replays(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """The page says what waits, what would happen, and leads on to the replay; twice is once."""
    bury(connection, *(approval(ltv_amount="5") for _ in range(2)), approval(user_id=None))
    browser = operator(client, database_url)
    started = client.post(
        "/v1/replays", json={"all": True, "dry_run": True}, headers=_key(database_url)
    )
    path = f"/ops/replays/{started.json()['id']}"
    waiting = browser.open(path).text
    assert "Dry run of 3 letters: it has not begun." in waiting
    assert "no process is there that runs operations" in waiting

    run_all(database_url)
    shown = browser.open(path).text
    assert "Dry run of 3 letters: 2 would apply, 1 would stay, LTV +10.00 USD." in shown
    (cause,) = set(re.findall(r'href="(/ops/causes/[0-9a-f]+)"', shown))
    assert len(re.findall(r'href="/ops/dead/\d+"', shown)) == 3
    fragment = browser.open(path, hx_request="true").text
    assert "<html" not in fragment
    assert 'data-ended="yes"' in fragment
    assert cause in fragment

    fields = {"key": str(uuid4()), "limit": "10", "reason": "mended", "rate": ""}
    (to,) = {at(browser.send(f"{path}/again", fields)) for _ in range(2)}
    run_all(database_url)
    done = browser.open(to).text
    assert "Replay of 3 letters: 2 applied, 1 stayed, LTV +10.00 USD." in done
    assert path in done
    listed = browser.open("/ops/replays").text
    assert to in listed
    assert "mended" in listed


def dry_run(client: httpx.Client, database_url: str) -> str:
    """The path of a dry run of all letters, when it has ended."""
    started = client.post(
        "/v1/replays", json={"all": True, "dry_run": True}, headers=_key(database_url)
    )
    run_all(database_url)
    return f"/ops/replays/{started.json()['id']}"


def buttons(shown: str) -> list[str]:
    """What the buttons of a replay say; with a star those that step back."""
    found = re.findall(r'<button type="submit" name="limit"[^>]*?( class="quiet")?>(.*?)<', shown)
    return [f"{text}*" if quiet else text for quiet, text in found]


@pytest.mark.parametrize(
    ("letters", "looks"),
    [
        ((2, 0), ("ok", ["Replay the oldest 1", "Replay all 2"])),
        ((9, 2), ("attention", ["Replay the oldest 1", "Replay the oldest 10", "Replay all 11"])),
        ((0, 2), ("trouble", ["Replay the oldest 1*", "Replay all 2*"])),
    ],
)
def test_a_dry_run_looks_like_its_result(
    connection: BatchConnection,
    client: httpx.Client,
    database_url: str,
    letters: tuple[int, int],
    looks: tuple[str, list[str]],
) -> None:
    """If nothing would be applied, it is no success, and the buttons step back."""
    (good, bad), (level, offered) = letters, looks
    bury(connection, *(approval() for _ in range(good)))
    bury(connection, *(approval(user_id=None) for _ in range(bad)))
    browser = operator(client, database_url)
    path = dry_run(client, database_url)
    shown = browser.open(path).text
    assert f'class="replay-sentence {level}"' in shown
    assert f'<span class="badge {level}">done</span>' in browser.open("/ops/replays").text
    assert buttons(shown) == offered
    assert ("Nothing would be applied now" in shown) is (good == 0)
    real = at(browser.send(f"{path}/again"))
    run_all(database_url)
    assert ("Nothing was applied" in browser.open(real).text) is (good == 0)
    assert f"{path.removeprefix('/ops/replays/')}: dry run of {good + bad} letters</h1>" in shown


def test_a_set_that_is_used_up_has_no_button(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """The page says how many letters of the set are open, and offers nothing if none is."""
    bury(connection, *(approval() for _ in range(3)))
    browser = operator(client, database_url)
    dry = dry_run(client, database_url)
    first = at(browser.send(f"{dry}/again", {"limit": "2"}))
    run_all(database_url)
    shown = browser.open(first).text
    assert "one is open" in shown
    assert buttons(shown) == ["Replay it"]
    rest = at(browser.send(f"{dry}/again"))
    run_all(database_url)
    for path in (dry, first, rest):
        shown = browser.open(path).text
        assert "is open any more" in shown
        assert not buttons(shown)


def test_late_events_are_a_part_of_those_that_apply(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """The headline says so, and the page what late means; amounts have their digits grouped."""
    newer = approval(9, ltv_amount="1000", customer_status="LEAD_QUALIFIED")
    apply_events(connection, newer)
    bury(connection, approval(1, interaction_id=newer.interaction_id), approval(user_id="bob"))
    browser = operator(client, database_url)
    shown = browser.open(dry_run(client, database_url)).text
    assert "2 would apply, 1 of them late, LTV" in shown
    assert "a newer event already holds the status" in shown
    assert "LEAD_QUALIFIED, 1,000.00" in shown
    assert "Lead qualified" not in shown


def test_letters_that_fail_are_shown_among_many(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """They come first, also if they were tried last; their number leads to those that are open."""
    bury(connection, *(approval() for _ in range(110)))
    bury(connection, *(approval(user_id=None) for _ in range(3)))
    last = chosen(connection)[-3:]
    browser = operator(client, database_url)
    dry = dry_run(client, database_url)
    shown = browser.open(dry).text
    assert "Of 113 letters that were tried, the first 3 that would fail and the first 50" in shown
    listed = [int(one) for one in re.findall(r'href="/ops/dead/(\d+)"', shown)]
    assert (listed[:3], len(listed)) == (last, 53)
    assert "/ops/dead?fingerprint" not in shown

    real = at(browser.send(f"{dry}/again"))
    run_all(database_url)
    (path,) = re.findall(r'href="(/ops/dead\?fingerprint=[^"]*)">3<', browser.open(real).text)
    found = browser.open(path).text
    assert {int(one) for one in re.findall(r'href="/ops/dead/(\d+)"', found)} == set(last)


def test_what_is_left_goes_on_with_the_same_reason_and_rate(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """They stand in the form; and the rule of stopping is said as it is."""
    bury(connection, *(approval(user_id=None) for _ in range(3)))
    browser = operator(client, database_url)
    dry = dry_run(client, database_url)
    again = browser.send(f"{dry}/again", {"limit": "2", "reason": "rows came", "rate": "500"})
    run_all(database_url)
    shown = browser.open(at(again)).text
    assert 'name="reason" value="rows came"' in shown
    assert 'name="rate" value="500"' in shown
    assert "stops by itself after 10 failures of one cause in a row without a success" in shown


def test_an_operation_on_one_cause_names_it_in_the_list(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """And leads there. A dry run says that it changes nothing, also while it can be cancelled."""
    bury(connection, approval(user_id=None))
    row = connection.execute("SELECT fingerprint FROM dead_letters").fetchone()
    assert row
    browser = operator(client, database_url)
    body = {"fingerprint": row[0], "dry_run": True}
    started = client.post("/v1/replays", json=body, headers=_key(database_url))
    assert f'href="/ops/causes/{row[0]}"' in browser.open("/ops/replays").text
    shown = browser.open(f"/ops/replays/{started.json()['id']}").text
    assert "It changes nothing, also if it is cancelled" in shown
    assert "What it has done stays" not in shown


def test_what_cannot_be_done_is_a_sentence_on_the_page(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """Not a blank error: what has ended, what is settled meanwhile, a rate that is no number."""
    bury(connection, approval())
    browser = operator(client, database_url)
    started = client.post("/v1/replays", json={"all": True}, headers=_key(database_url))
    path = f"/ops/replays/{started.json()['id']}"
    assert at(browser.send(f"{path}/cancel")) == path
    assert "cancelled by user:operator" in browser.open(path).text.lower()

    ended = browser.send(f"{path}/cancel")
    rate = browser.send(f"{path}/again", {"rate": "fast"})
    connection.execute("UPDATE dead_letters SET state = 'discarded', resolved_at = now()")
    settled = browser.send(f"{path}/again", {})
    for answer, text in ((ended, "ended already"), (rate, "the rate"), (settled, "matches")):
        assert answer.status_code == HTTPStatus.CONFLICT
        assert text in answer.text.lower()
    assert browser.open("/ops/replays/999999").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("chosen_by", ["cause", "ids", "everything"])
def test_a_discard_that_has_ended_leads_to_its_letters(
    connection: BatchConnection, client: httpx.Client, database_url: str, chosen_by: str
) -> None:
    """However the letters were chosen."""
    bury(connection, approval(user_id=None))
    (letter,) = letters_in(connection)
    choices: dict[str, dict[str, Any]] = {
        "cause": {"fingerprint": letter.fingerprint},
        "ids": {"ids": [letter.id]},
        "everything": {"all": True},
    }
    body = choices[chosen_by] | {"reason": "spam"}
    started = client.post("/v1/discards", json=body, headers=_key(database_url))
    run_all(database_url)
    shown = operator(client, database_url).open(f"/ops/replays/{started.json()['id']}")
    assert shown.status_code == HTTPStatus.OK
    assert 'href="/ops/dead?state=discarded' in shown.text


def test_a_viewer_looks_and_does_not_act(
    connection: BatchConnection, client: httpx.Client, database_url: str
) -> None:
    """The page has no button for them, and the routes refuse them."""
    bury(connection, approval())
    browser = operator(client, database_url, Role.VIEWER)
    started = client.post("/v1/replays", json={"all": True}, headers=_key(database_url))
    path = f"/ops/replays/{started.json()['id']}"
    assert "Cancel" not in browser.open(path).text
    assert browser.send(f"{path}/cancel").status_code == HTTPStatus.FORBIDDEN


def _key(database_url: str) -> dict[str, str]:
    key = web.key_of(Settings.load(database_url=database_url))
    return {"authorization": f"Bearer {key}"}
