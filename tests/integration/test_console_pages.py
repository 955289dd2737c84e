"""The pages of the console's frame: health with its stream, workers with the switch, the outbox."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis
import web
from approvals import apply_events, approval, mapping
from described import checked
from desk import sql
from processes import DEADLINE
from rq.suspension import is_suspended, resume, suspend

from signoff_db.connection import BatchConnection
from signoff_ops.outbox import create_outbox
from signoff_schemas import Settings
from signoff_schemas.access import Scope
from signoff_web.app import create_app

PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}
OPERATOR = web.acting_as("ann", Scope.READ, Scope.OPERATE, kind="user")
VIEWER = web.acting_as("vi", Scope.READ, kind="user")
REVIEWER = web.acting_as("rita", Scope.READ, Scope.REVIEW, kind="user")
HOSTILE = "a\u202eb<script>alert(1)</script>"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """The queue's Redis."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def ann(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """An operator's browser."""
    with web.client(redis_url, database_url, authenticate=OPERATOR) as browser:
        browser.headers.update(PAGE)
        yield browser


def shown(answer: httpx.Response) -> str:
    """The text of a page, without its elements."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def refused(database_url: str, number: int, **fields: Any) -> list[UUID]:
    """Write events into the outbox that the queue refuses."""
    create_outbox(database_url)
    events = [uuid4() for _ in range(number)]
    for event_id in events:
        event = json.dumps({"event_id": str(event_id), **fields}, ensure_ascii=False)
        sql(
            database_url,
            "INSERT INTO public.signoff_outbox (event, refused) VALUES (%s, %s)",
            event,
            f"quality_score is required {HOSTILE}",
        )
    return events


def still_refused(database_url: str) -> int:
    """How many events of the outbox are marked as refused."""
    statement = "SELECT count(*) FROM public.signoff_outbox WHERE refused IS NOT NULL"
    return int(sql(database_url, statement)[0][0])


def test_the_first_page_says_how_everything_is(
    ann: httpx.Client, connection: BatchConnection
) -> None:
    """In one sentence; each reason leads to where one acts."""
    apply_events(connection, approval(user_id=None))
    page = ann.get("/")
    assert "No worker listens: nothing waits." in shown(page)
    assert "1 dead letter of 1 cause" in shown(page)
    for path in ("/ops/workers", "/ops/causes", "/ops/dead?kind=unknown_interaction"):
        assert f'href="{path}"' in page.text


def test_deaths_and_a_missing_runner_are_reasons_until_they_are_over(
    ann: httpx.Client, redis_url: str, database_url: str
) -> None:
    """A dead worker is forgotten by Redis after minutes; what it died with is told for an hour."""
    sql(
        database_url,
        "INSERT INTO signoff.dead_letters (job_id, kind, message, detail, payload, fingerprint,"
        " attempts, last_failed_at) SELECT n, 'abandoned', 'm', '[]', '{}', 'f', 3,"
        " now() - n * interval '40 minutes' FROM generate_series(0, 2) n",
    )
    sql(
        database_url,
        "INSERT INTO signoff.operations (action, dry_run, actor, selection)"
        " VALUES ('replay', true, 'user:ann', '{}')",
    )
    page = ann.get("/")
    assert "Workers died again and again with 2 events in hand in the last hour." in shown(page)
    assert "1 operation waits for a runner." in shown(page)
    for path in ("/ops/causes?kind=abandoned", "/ops/replays"):
        assert re.search(rf'<a href="{re.escape(path)}">See the', page.text), path
    sql(
        database_url,
        "INSERT INTO signoff.operation_runners (id, name) VALUES (gen_random_uuid(), 'r')",
    )
    with web.client(redis_url, database_url, authenticate=OPERATOR) as other:
        assert "for a runner" not in shown(other.get("/", headers=PAGE))


def test_a_reviewer_goes_to_the_desk_and_a_viewer_sees_health(
    redis_url: str, database_url: str
) -> None:
    """The console is the first page of those who operate, or only read."""
    with web.client(redis_url, database_url, authenticate=REVIEWER) as rita:
        assert rita.get("/", headers=PAGE).headers["location"] == "/desk"
        assert rita.get("/ops/workers", headers=PAGE).is_success
    with web.client(redis_url, database_url, authenticate=VIEWER) as vi:
        page = vi.get("/", headers=PAGE)
        assert page.is_success
        assert 'aria-current="page">Health' in page.text


def test_a_server_that_is_away_is_said_and_no_number_is_made_up(database_url: str) -> None:
    """Of Redis nothing is known then, but the ledger is."""
    away = "redis://127.0.0.1:1/0"
    with web.client(away, database_url, authenticate=VIEWER) as vi:
        page = shown(vi.get("/", headers=PAGE))
        assert "Redis cannot be read." in page
        assert "Waiting not known" in page
        assert "Applied in all 0" in page
        for path in ("/ops/workers", "/v1/queue", "/v1/workers"):
            answer = vi.get(path, headers=PAGE)
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, path
            assert "Redis" in answer.text


def _samples(browser: httpx.Client, number: int) -> list[dict[str, Any]]:
    """The first figures of a stream."""
    found: list[dict[str, Any]] = []
    with browser.stream("GET", "/ops/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "sample":
                found.append(json.loads(value))
                if len(found) == number:
                    break
    return found


def test_the_stream_brings_new_figures(ann: httpx.Client, client: redis.Redis) -> None:
    """The view of the page, and the point of the charts."""
    client.rpush("rq:queue:approvals", "x")
    first, second = _samples(ann, 2)
    assert first["point"][1] == second["point"][1] == 1
    assert first["point"][0] < second["point"][0]
    assert 'id="live"' in first["view"]
    assert "<script" not in first["view"]


def test_however_many_look_the_servers_are_read_once(ann: httpx.Client) -> None:
    """All tabs get the same figures."""
    found: list[list[dict[str, Any]]] = []
    threads = [threading.Thread(target=lambda: found.append(_samples(ann, 2))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = {one["point"][0] for samples in found for one in samples}
    assert len(found) == 6
    assert len(times) < 2 * 6


def test_the_stream_ends_when_the_service_stops(redis_url: str, database_url: str) -> None:
    """A page that is open does not hold it up."""
    ended = threading.Event()
    began = threading.Event()

    def follow(url: str) -> None:
        with httpx.stream("GET", f"{url}/ops/live", timeout=DEADLINE) as answer:
            for _ in answer.iter_lines():
                began.set()
        ended.set()

    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    with web.serving(create_app(settings, authenticate=VIEWER)) as url:
        thread = threading.Thread(target=follow, args=[url])
        thread.start()
        assert began.wait(DEADLINE)
        started = ended.is_set()
    thread.join(DEADLINE)
    assert (started, ended.is_set()) == (False, True)


def test_pausing_is_seen_on_each_page_and_noted(
    ann: httpx.Client, client: redis.Redis, database_url: str
) -> None:
    """Who, since when, until when and why; resuming ends it."""
    answer = ann.post("/ops/queue/pause", data={"reason": f"why {HOSTILE}", "minutes": "60"})
    assert answer.headers["location"] == "/ops/workers?done=paused"
    assert is_suspended(client)
    for path in ("/", "/ops/workers?done=paused", "/ops/outbox"):
        page = ann.get(path)
        assert shown(page).count("The queue is paused by user:ann") == 1, path
        assert r"why a\u202eb&lt;script&gt;alert(1)&lt;/script&gt;" in page.text, path
        assert ", until " in shown(page)

    again = ann.post("/ops/queue/pause", data={"reason": "too"})
    assert again.status_code == HTTPStatus.CONFLICT
    assert "The queue is paused already: by user:ann" in shown(again)

    assert ann.post("/ops/queue/resume", data={"reason": "mended"}).status_code == 303
    assert 'id="paused"' not in ann.get("/ops/outbox").text
    late = ann.post("/ops/queue/resume", data={"reason": "mended"})
    assert late.status_code == HTTPStatus.CONFLICT
    assert "The queue is not paused" in shown(late)
    rows = sql(database_url, "SELECT actor, action FROM signoff.operator_actions ORDER BY id")
    assert rows == [("user:ann", "pause_queue"), ("user:ann", "resume_queue")]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_wanted(ann: httpx.Client, client: redis.Redis, reason: str) -> None:
    """What was typed stays on the page."""
    answer = ann.post("/ops/queue/pause", data={"reason": reason})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "reason" in shown(answer)
    assert not is_suspended(client)


def test_a_pause_by_rq_is_shown_as_one_of_others(ann: httpx.Client, client: redis.Redis) -> None:
    """And can be resumed here."""
    suspend(client)
    assert "The queue is paused by somebody outside of Signoff" in shown(ann.get("/ops/workers"))
    assert ann.post("/ops/queue/resume", data={"reason": "x\0"}).status_code == 303
    assert not is_suspended(client)


def test_each_worker_is_told_in_words(ann: httpx.Client, client: redis.Redis) -> None:
    """What to do when one is silent; what it calls itself is text."""
    key = f"rq:worker:{HOSTILE}"
    client.sadd("rq:workers:approvals", key)
    client.hset(key, "last_heartbeat", "2026-01-31T10:00:00.000000Z")
    page = ann.get("/ops/workers")
    assert r"a\u202eb&lt;script&gt;alert(1)&lt;/script&gt; is silent." in page.text
    assert "<script>alert" not in page.text


def test_a_switch_is_under_way_until_a_worker_tells_of_it(
    ann: httpx.Client, client: redis.Redis
) -> None:
    """A script gets the workers alone; who paused is said once, above them."""
    key = "rq:worker:w1"
    client.sadd("rq:workers:approvals", key)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    client.hset(key, mapping={"last_heartbeat": now, "state": "idle"})

    def told() -> str:
        return shown(ann.get("/ops/workers", headers={"HX-Request": "true"}))

    assert "waits for events w1" in told()
    assert "<html" not in ann.get("/ops/workers", headers={"HX-Request": "true"}).text
    suspend(client)
    assert "pausing… w1" in told()
    client.hset(key, "state", "suspended")
    assert "paused w1" in told()
    resume(client)
    assert "resuming… w1" in told()


def test_no_workers_says_so(ann: httpx.Client) -> None:
    """And what to do."""
    page = shown(ann.get("/ops/workers"))
    assert "No worker is registered for the queue approvals." in page
    assert "signoff worker" in page


def test_refused_events_come_in_pages_and_are_tried_again(
    ann: httpx.Client, database_url: str
) -> None:
    """The chosen ones, or all; each leads to its history."""
    events = refused(database_url, 41, user_id=HOSTILE)
    first = ann.get("/ops/outbox")
    assert f'href="/events/{events[0]}"' in first.text
    assert str(events[40]) not in first.text
    assert "<script>alert" not in first.text
    assert r"a\u202eb&lt;script&gt;" in first.text
    following = re.search(r'href="(/ops/outbox\?after=[^"]*)" rel="next"', first.text)
    assert following
    assert str(events[40]) in ann.get(unescape(following[1])).text

    chosen = {"event": [str(events[0]), str(events[1])], "which": "chosen", "reason": "mended"}
    answer = ann.post("/ops/outbox/requeue", data=chosen)
    assert answer.headers["location"] == "/ops/outbox?done=2"
    assert "2 events are given to the relay again" in shown(ann.get("/ops/outbox?done=2"))
    assert still_refused(database_url) == 39
    again = ann.post("/ops/outbox/requeue", data=chosen)
    assert again.status_code == HTTPStatus.CONFLICT
    assert "None of these events is refused any more" in shown(again)
    ann.post("/ops/outbox/requeue", data={"which": "all", "reason": "all"})
    assert still_refused(database_url) == 0
    rows = sql(
        database_url,
        "SELECT actor, action, reason, (after->>'events')::int FROM signoff.operator_actions"
        " ORDER BY id",
    )
    assert rows == [
        ("user:ann", "requeue_outbox", "mended", 2),
        ("user:ann", "requeue_outbox", "all", 39),
    ]


def test_a_refused_event_is_checked_again_when_it_is_shown(
    ann: httpx.Client, database_url: str
) -> None:
    """Its upstream may have mended the row since; a conflict is known only when it is tried."""
    create_outbox(database_url)
    mended, conflict, broken = (mapping() for _ in range(3))
    broken["quality_score"] = 9
    old = "quality_score must be at most 5; found 9"
    events = {
        str(mended["event_id"]): "Was refused: " + old + "; its content has changed since and is"
        " valid now: try again",
        str(conflict["event_id"]): "Was refused: other content has this event_id; what it holds is"
        " valid",
        str(broken["event_id"]): "Still refused: quality_score must be at most 5; found 9",
    }
    for event in (mended, conflict, broken):
        reason = "other content has this event_id" if event is conflict else old
        sql(
            database_url,
            "INSERT INTO public.signoff_outbox (event, refused) VALUES (%s, %s)",
            json.dumps(event, default=str),
            reason,
        )
    page = shown(ann.get("/ops/outbox"))
    assert "3 refused, 1 of them valid now." in page
    for event_id, text in events.items():
        assert text in page
        history = shown(ann.get(f"/events/{event_id}"))
        assert text[:1].lower() + text[1:] in history
    assert "all others pass them by. 1 is valid now: try it again." in shown(ann.get("/"))
    items = checked(ann.get("/v1/outbox"), "/v1/outbox")["items"]
    assert sorted(one["now"] for one in items) == ["conflict", "invalid", "valid"]


def test_of_many_refused_events_the_oldest_are_checked_again(
    ann: httpx.Client, database_url: str
) -> None:
    """However many and large they are: what was not checked is said."""
    create_outbox(database_url)
    for number, notes in ((101, ""), (30, "x" * 250_000)):
        sql(
            database_url,
            "INSERT INTO public.signoff_outbox (event, refused, added_at) SELECT"
            " jsonb_build_object('event_id', gen_random_uuid(), 'reviewer_notes', %s::text), 'r',"
            " now() - make_interval(hours => %s) FROM generate_series(1, %s)",
            notes,
            number,
            number,
        )
    assert "131 refused, 0 of the oldest 100 valid now." in shown(ann.get("/ops/outbox"))
    sql(database_url, "DELETE FROM public.signoff_outbox WHERE length(event) < 1000")
    page = shown(ann.get("/ops/outbox"))
    assert "30 refused, 0 of the oldest 15 valid now." in page
    assert "what it holds now was not checked" in page


def test_refused_events_are_moved_to_the_dead_letters(ann: httpx.Client, database_url: str) -> None:
    """The chosen ones or all, for a reason; the page says what became of them."""
    events = refused(database_url, 4)
    first = str(events[0])
    sent = {"event": first, "which": "chosen", "reason": "nobody corrects it"}
    answer = ann.post("/ops/outbox/dead-letter", data=sent)
    assert answer.headers["location"] == "/ops/outbox?moved=1&valid=0&too_large=0"
    assert "1 event is a dead letter now" in shown(ann.get(answer.headers["location"]))
    again = ann.post("/ops/outbox/dead-letter", data=sent)
    assert again.status_code == HTTPStatus.CONFLICT
    assert "None of these events is refused any more" in shown(again)
    assert first in ann.get("/ops/dead").text

    mended = json.dumps(mapping() | {"event_id": first}, default=str).replace(first, str(events[1]))
    sql(
        database_url,
        "UPDATE public.signoff_outbox SET event = %s WHERE event_id = %s",
        mended,
        events[1],
    )
    body = {"reason": "all", "events": [str(events[1])]}
    path = "/v1/outbox/dead-letter"
    assert checked(ann.post(path, json=body), path) == {"moved": 0, "valid": 1, "too_large": 0}
    answer = ann.post("/ops/outbox/dead-letter", data={"which": "all", "reason": "all"})
    page = shown(ann.get(answer.headers["location"]))
    assert "2 events are dead letters now" in page
    assert "1 is valid now and was not moved: try it again." in page
    rows = sql(
        database_url,
        "SELECT actor, reason, cardinality(dead_letter_ids) FROM signoff.operator_actions"
        " WHERE action = 'dead_letter_outbox' ORDER BY id",
    )
    assert rows == [("user:ann", "nobody corrects it", 1), ("user:ann", "all", 2)]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"which": "chosen", "reason": "x"}, "No event is chosen"),
        ({"which": "chosen", "reason": "x", "event": "1"}, "no event id"),
        ({"which": "all", "reason": " "}, "A reason is wanted"),
    ],
)
def test_what_cannot_be_tried_again_is_a_sentence(
    ann: httpx.Client, database_url: str, sent: dict[str, str], told: str
) -> None:
    """Nothing is done, and nothing is noted."""
    refused(database_url, 1)
    answer = ann.post("/ops/outbox/requeue", data=sent)
    assert answer.status_code == HTTPStatus.CONFLICT
    assert told in shown(answer)
    assert still_refused(database_url) == 1


def test_what_is_due_later_is_not_late(ann: httpx.Client, database_url: str) -> None:
    """The desk's approvals wait until they cannot be undone: no relay is missing."""
    create_outbox(database_url)
    sql(
        database_url,
        "INSERT INTO public.signoff_outbox (event, added_at, due_at)"
        " SELECT jsonb_build_object('event_id', gen_random_uuid()), now() - interval '1 hour',"
        " now() + interval '1 hour' FROM generate_series(1, 3)",
    )
    page = shown(ann.get("/ops/outbox"))
    assert "Waiting 3 events" in page
    assert "none is due" in page
    assert "in the outbox, the oldest" not in shown(ann.get("/"))
    sql(database_url, "UPDATE public.signoff_outbox SET due_at = NULL")
    assert "due since" in shown(ann.get("/ops/outbox"))


def test_a_database_without_an_outbox_is_said_to_have_none(
    ann: httpx.Client, database_url: str
) -> None:
    """It is no empty outbox."""
    sql(database_url, "DROP TABLE IF EXISTS public.signoff_outbox")
    assert "This database has no outbox" in shown(ann.get("/ops/outbox"))
    assert "there is no outbox" in shown(ann.get("/"))


def test_who_may_not_operate_gets_no_forms_that_act(redis_url: str, database_url: str) -> None:
    """The pages say which role is needed."""
    refused(database_url, 1)
    with web.client(redis_url, database_url, authenticate=VIEWER) as vi:
        for path in ("/ops/workers", "/ops/outbox"):
            page = vi.get(path, headers=PAGE)
            assert 'method="post" action="/ops/queue' not in page.text
            assert "needs the role operator" in shown(page)


def test_programs_do_what_the_pages_do(ann: httpx.Client, database_url: str) -> None:
    """Pause, resume, workers and outbox over HTTP, in the shapes of the description."""
    ann.headers["accept"] = "application/json"
    assert checked(ann.get("/v1/queue"), "/v1/queue")["pause"] is None
    body = {"reason": "a bad release", "seconds": 1800}
    begun = checked(ann.post("/v1/queue/pause", json=body), "/v1/queue/pause")
    assert (begun["by"], begun["reason"]) == ("user:ann", "a bad release")
    again = ann.post("/v1/queue/pause", json=body)
    assert checked(again, "/v1/queue/pause")["type"] == "urn:signoff:problem:queue-paused"
    assert checked(ann.get("/v1/queue"), "/v1/queue")["pause"] == begun
    ended = checked(ann.post("/v1/queue/resume", json={"reason": "x"}), "/v1/queue/resume")
    assert ended["by"] == "user:ann"
    assert ann.post("/v1/queue/resume", json={"reason": "x"}).status_code == HTTPStatus.CONFLICT
    assert checked(ann.get("/v1/workers"), "/v1/workers") == {"items": []}

    events = refused(database_url, 2)
    found = checked(ann.get("/v1/outbox?limit=1"), "/v1/outbox")
    assert (found["refused"], len(found["items"]), bool(found["next"])) == (2, 1, True)
    body = {"reason": "x", "events": [str(events[0])]}
    done = checked(ann.post("/v1/outbox/requeue", json=body), "/v1/outbox/requeue")
    assert done == {"requeued": 1}
    assert ann.post("/v1/outbox/requeue", json=body).status_code == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"reason": ""}',
        '{"reason": " "}',
        '{"reason": 5}',
        '{"reason": "x", "seconds": 0}',
        '{"reason": "x", "seconds": 1e9}',
        '{"reason": "x", "seconds": "60"}',
        '{"reason": "x", "until": 5}',
    ],
)
def test_a_wrong_body_is_refused(ann: httpx.Client, client: redis.Redis, body: str) -> None:
    """With what is wrong, where; nothing is paused."""
    answer = ann.post("/v1/queue/pause", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"]
    assert not is_suspended(client)


def test_a_parameter_that_is_repeated_is_refused(ann: httpx.Client) -> None:
    """All but the last would be left out; a filter that takes several values may be repeated."""
    answer = ann.get("/v1/outbox?limit=x&limit=5")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["code"] == "repeated_parameter"
    assert ann.get("/v1/dead-letters?state=dead&state=resolved").is_success
