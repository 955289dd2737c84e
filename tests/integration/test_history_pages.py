"""The pages of an event, an interaction and a customer, and the search for an id."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
import web
from approvals import TEN, apply_events, approval, decision
from desk import BODY, servers_of
from desk import post as post_draft
from letters import bury, letters_in
from pages import HOSTILE, shown, text_of

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_db.discard import discard
from signoff_db.replay import replay
from signoff_db.selection import Selection
from signoff_db.sql import statement
from signoff_embedded.ports import free_port
from signoff_ops import reviews
from signoff_ops.outbox import create_outbox
from signoff_producer import Producer
from signoff_schemas import ApprovalEvent, DeadLetterState
from signoff_schemas.access import Scope

NOTHING = "7d3c9e52-0000-4000-8000-000000000000"


@pytest.fixture
def pages(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A browser of somebody who may read."""
    create_outbox(database_url)
    with web.client(
        redis_url, database_url, authenticate=web.acting_as("ann", Scope.READ)
    ) as client:
        client.headers["accept"] = "text/html"
        yield client


def test_an_event_that_was_applied_tells_what_it_changed(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """What its interaction held before and after it, with links to both and to the customer."""
    interaction = uuid4()
    first = approval(0, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="100")
    second = approval(1, interaction_id=interaction, ltv_amount="50")
    apply_events(connection, first, second)
    answer = pages.get(f"/events/{second.event_id}")
    text = text_of(answer)
    assert f"Applied to interaction {interaction}." in text
    assert "CUSTOMER, 100.00 USD → CUSTOMER, 150.00 USD" in text
    assert f'href="/interactions/{interaction}"' in answer.text
    assert 'href="/customers/user-1"' in answer.text
    assert '"ltv_amount": "50.00"' in unescape(answer.text)


def test_a_late_event_says_before_which_event_it_took_its_place(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """On its own page and on that of its interaction."""
    interaction = uuid4()
    newer = approval(5, interaction_id=interaction, customer_status="CHURNED")
    late = approval(0, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="7")
    apply_events(connection, newer)
    apply_events(connection, late)
    for path in (f"/events/{late.event_id}", f"/interactions/{interaction}"):
        text = shown(pages, path)
        assert f"it took its place before event {newer.event_id}" in text
        assert "PROSPECT, 0.00 USD → CUSTOMER, 7.00 USD" in text
    assert "a newer event holds its status now" in shown(pages, f"/events/{late.event_id}")


def test_a_void_decision_says_why(pages: httpx.Client, connection: BatchConnection) -> None:
    """On its own page and on that of its customer, with a link to the event that is the reason."""
    ground = uuid4()
    rule = decision(2, user_id="ann", customer_status="CHURNED", rests_on=ground)
    apply_events(connection, approval(user_id="ann"), rule)
    for path in (f"/events/{rule.event_id}", "/customers/ann"):
        answer = pages.get(path)
        assert f"it waits for event {ground}" in text_of(answer)
        assert f'href="/events/{ground}"' in answer.text


def test_an_event_on_the_queue_and_its_content(pages: httpx.Client, redis_url: str) -> None:
    """What the queue holds of it is shown, and where it is."""
    event = approval(final_bubbles=["Hello there"])
    with Producer(redis_url) as producer:
        producer.publish(event)
    text = shown(pages, f"/events/{event.event_id}")
    assert text.index("On queue approvals: queued since then.") < text.index("History")
    assert "as Redis has it" in text
    assert "Hello there" in text


def test_a_dead_letter_and_who_settled_it(pages: httpx.Client, connection: BatchConnection) -> None:
    """Letter, cause, actor and reason; links to the letter and its cause."""
    event = approval(user_id=None)
    apply_events(connection, event)
    (letter,) = letters_in(connection)
    assert f"Dead letter {letter.id} is open" in shown(pages, f"/events/{event.event_id}")
    assert f"dead letter {letter.id}" in shown(pages, f"/interactions/{event.interaction_id}")
    discard(connection, [letter.id], actor="user:op", reason="it is old")
    answer = pages.get(f"/events/{event.event_id}")
    assert f"discard of dead letter {letter.id} by user:op, because: it is old" in text_of(answer)
    assert f'href="/ops/dead/{letter.id}"' in answer.text
    assert f'href="/ops/causes/{letter.fingerprint}"' in answer.text


def test_a_discarded_letter_stays_on_the_pages_of_its_customer_and_interaction(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """Also where nothing else is known of them: no event of it was applied, and here is why."""
    event = approval(user_id="zoe")
    bury(connection, event)
    (letter,) = letters_in(connection)
    discard(connection, [letter.id], actor="user:op", reason="it is old")
    for path, said in {
        f"/interactions/{event.interaction_id}": "No event of it was applied yet. 1 dead letter",
        "/customers/zoe": "names this customer yet. 1 dead letter discarded.",
    }.items():
        answer = pages.get(path)
        assert answer.status_code == 200
        assert said in text_of(answer)
        history = text_of(answer).partition("History")[2]
        assert f"{letter.id} was discarded by user:op, because: it is old" in history
        assert f'href="/ops/dead/{letter.id}"' in answer.text.partition('id="history"')[2]
        found = pages.get("/find", params={"q": path.rpartition("/")[2]})
        assert found.headers["location"] == path


def test_an_applied_event_tells_how_its_letter_was_settled(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """By whom it was replayed, or that it arrived again; on every page of the history."""
    interaction = uuid4()
    replayed, again = (approval(n, user_id="a/b", interaction_id=interaction) for n in range(2))
    bury(connection, replayed, again)
    of_event = {letter.event_id: letter.id for letter in letters_in(connection)}
    number = of_event[replayed.event_id]
    replay(connection, [number], actor="user:op", reason="mended")
    apply_events(connection, again)
    newer = [approval(n, user_id="a/b", interaction_id=interaction) for n in range(2, 52)]
    apply_events(connection, *newer)
    for path in (f"/interactions/{interaction}", "/customers/a%2Fb"):
        older = re.search(r'href="([^"]+)" rel="next"', pages.get(path).text)
        assert older
        answer = pages.get(path + unescape(older[1]))
        text = text_of(answer)
        assert f"letter {number} (abandoned) before: replayed by user:op, because: mended." in text
        assert f"{of_event[again.event_id]} (abandoned) before: its event arrived again." in text
        assert f'href="/ops/dead/{number}"' in answer.text


@pytest.mark.parametrize("owner", ["user_id", "interaction_id"])
def test_discarded_letters_are_found_by_an_index(connection: BatchConnection, owner: str) -> None:
    """Those of one customer or interaction, among many of others."""
    connection.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint, state, resolved_at,"
        " user_id, interaction_id) SELECT 'j' || n, 'abandoned', 'm', '', 'f', 'discarded', now(),"
        " 'user-' || n, gen_random_uuid() FROM generate_series(1, 5000) AS n"
    )
    connection.execute("ANALYZE dead_letters")
    wanted = {"user_id": "user-5", "interaction_id": NOTHING}[owner]
    chosen = Selection(states=(DeadLetterState.DISCARDED,)).parameters | {owner: wanted}
    parameters = chosen | {"limit": 21, "before_id": None, "characters": 300}
    plan = connection.execute(f"EXPLAIN {statement('list_dead_letters')}", parameters).fetchall()
    assert any("dead_letters_discarded_of_" in line for (line,) in plan), plan


def test_of_very_many_letters_of_an_event_it_is_said_that_there_are_more(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """Nothing is left out in silence."""
    apply(connection, [Delivery.of_payload("job-1", b"%d" % n) for n in range(101)])
    answer = pages.get("/events/job-1")
    assert "Of its dead letters the newest 100 are shown" in text_of(answer)
    (first, *_) = letters_in(connection)
    assert f'href="/ops/dead/{first.id}"' in answer.text


@pytest.mark.parametrize(
    "payload",
    [
        b'{"user_id": "' + b"x" * 1_000_000 + b'"}',
        b"\x00\xff\x1b[31m<script>alert(1)</script>" * 1000,
        b"[" * 50_000,
        b'{"a": "\\ud800\\u202e", "<b>": [' + b"1," * 20_000 + b"1]}",
        b"",
    ],
    ids=["1 MB", "no text", "deep", "surrogate", "empty"],
)
def test_any_payload_can_be_looked_at(
    pages: httpx.Client, connection: BatchConnection, payload: bytes
) -> None:
    """Its beginning is shown, and that it is only the beginning."""
    job = f"job {HOSTILE}/{uuid4()}"
    apply(connection, [Delivery.of_payload(job, payload)])
    answer = pages.get(f"/events/{quote(job, safe='')}")
    assert answer.status_code == 200
    text = text_of(answer)
    assert "Dead letter" in text
    assert len(answer.text) < 200_000
    if len(payload) > 20_000:
        assert f"the beginning: 20,000 characters of {len(payload):,} bytes" in text


def test_hostile_texts_are_shown_as_text(
    pages: httpx.Client, connection: BatchConnection, database_url: str
) -> None:
    """In ids, names, messages, notes and reasons; controls are visible."""
    event = approval(
        user_id=HOSTILE,
        reviewer_id=HOSTILE,
        final_bubbles=[HOSTILE],
        reviewer_notes=HOSTILE,
        cta_data={HOSTILE: HOSTILE},
        customer_status="CUSTOMER",
    )
    other = decision(1, user_id=HOSTILE, decided_by=HOSTILE, reason=HOSTILE)
    waiting = post_draft(servers_of(database_url), user_id=HOSTILE)
    apply_events(connection, event, other)
    for path in (
        f"/events/{event.event_id}",
        f"/events/{other.event_id}",
        f"/interactions/{event.interaction_id}",
        f"/interactions/{waiting}",
        f"/customers/{quote(HOSTILE, safe='')}",
        f"/find?q={quote(HOSTILE[:9], safe='')}",
        f"/find?q={quote(HOSTILE + 'x', safe='')}",
    ):
        answer = pages.get(path)
        assert answer.status_code in {200, 404}
        assert "\\u202e" in text_of(answer), path


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "ä ö?&#", "..%", "\n", "日本", 'say "hi"'])
def test_a_customer_has_a_page_whatever_its_id_is(
    pages: httpx.Client, connection: BatchConnection, name: str
) -> None:
    """The event's page links to it, and the link leads there."""
    event = approval(user_id=name, customer_status="CUSTOMER", ltv_amount="9")
    apply_events(connection, event)
    linked = re.search(r'href="(/customers/[^"]+)"', pages.get(f"/events/{event.event_id}").text)
    assert linked
    assert "CUSTOMER, 9.00 USD." in shown(pages, unescape(linked[1]))


def test_a_history_of_many_events_comes_in_pages(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """The newest are first; older pages hold what is before, each fact once."""
    interaction = uuid4()
    events = [approval(n, interaction_id=interaction, user_id="a/b") for n in range(120)]
    apply_events(connection, *events)
    for first in (f"/interactions/{interaction}", "/customers/a%2Fb"):
        seen: list[str] = []
        path: str | None = first
        while path:
            answer = pages.get(path)
            history = answer.text.partition('id="history"')[2].partition("</section>")[0]
            seen += re.findall(r'<a class="id" href="/events/([^"]+)">', history)
            older = re.search(r'href="([^"]+)" rel="next"', answer.text)
            path = str(answer.url.join(unescape(older[1]))) if older else None
        assert seen == [str(event.event_id) for event in reversed(events)]


def test_an_interaction_tells_what_happened_to_its_review(
    pages: httpx.Client, database_url: str
) -> None:
    """Posted, opened, decided, undone, decided again; and where its approval is now."""
    servers = servers_of(database_url, undo_seconds=60)
    interaction = post_draft(servers, user_id="ann")
    assert "Its review waits for a reviewer." in shown(pages, f"/interactions/{interaction}")
    reviews.claim(servers, interaction, "rita")
    assert "rita holds its review." in shown(pages, f"/interactions/{interaction}")
    reviews.reject(servers, interaction, "rita", "too pushy")
    reviews.undo(servers, interaction, "rita")
    reviews.approve(servers, interaction, "rita", BODY)
    text = shown(pages, f"/interactions/{interaction}")
    assert "Its review was approved by rita. The approval: Waits in the outbox for a relay." in text
    for fact in (
        "a draft was posted for review",
        "rita opened the review",
        "the review was rejected by rita, because: too pushy",
        "rita undid: rejected",
        "the review was approved by rita",
    ):
        assert fact in text


def test_a_customer_of_whom_nothing_was_applied_yet(
    pages: httpx.Client, connection: BatchConnection, database_url: str
) -> None:
    """Reviews that wait and open letters are there already; status and LTV are not invented."""
    waiting = post_draft(servers_of(database_url), user_id="eve")
    answer = pages.get("/customers/eve")
    text = text_of(answer)
    assert "No event or interaction in Postgres names this customer yet. 1 review waiting." in text
    assert "PROSPECT" not in text
    assert f'href="/interactions/{waiting}"' in answer.text
    apply_events(connection, approval(0, user_id="ann", interaction_id=(mixed := uuid4())))
    apply_events(connection, approval(1, user_id="mia", interaction_id=mixed))
    assert "1 dead letter open." in shown(pages, "/customers/mia")


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        (
            f"/events/{NOTHING}",
            "in the queue in Redis, the outbox, the ledger, and the dead letters",
        ),
        ("/events/no%20such%2Fjob", "in the queue in Redis"),
        (f"/interactions/{NOTHING}", "in interactions, the ledger, reviews, and dead letters"),
        ("/customers/nobody", "in customers, reviews that wait, and dead letters"),
        ("/find?q=nothing", "among events (queue, outbox, ledger and dead letters"),
    ],
)
def test_an_unknown_id_is_said_to_be_unknown_after_a_look(
    pages: httpx.Client, path: str, looked_at: str
) -> None:
    """404, with all places that were looked at."""
    answer = pages.get(path)
    assert answer.status_code == 404
    assert f"It was looked for {looked_at}" in text_of(answer)


def test_without_redis_what_is_known_is_shown(
    database_url: str, connection: BatchConnection
) -> None:
    """An applied event is; of an unknown one nobody says that there is none."""
    event = approval()
    apply_events(connection, event)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with web.client(nowhere, database_url, authenticate=web.acting_as("ann")) as pages:
        pages.headers["accept"] = "text/html"
        text = shown(pages, f"/events/{event.event_id}")
        assert "Not everything could be looked at." in text
        assert "Whether it is on the queue is not known: " in text
        answer = pages.get(f"/events/{uuid4()}")
        assert answer.status_code == 503
        assert "whether there is one is not known" in text_of(answer)
        found = pages.get(f"/find?q={event.event_id}")
        assert found.status_code == 200, "no redirect: it may be something else too"
        assert "What Redis knows is not known: " in text_of(found)
        assert f"/events/{event.event_id}" in found.text


def test_without_redis_nobody_guesses_where_an_approval_is(database_url: str) -> None:
    """It is in the outbox; whether it is on the queue too is not known, and why."""
    servers = servers_of(database_url)
    interaction = post_draft(servers, user_id="ann")
    reviews.claim(servers, interaction, "rita")
    reviews.approve(servers, interaction, "rita", BODY)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with web.client(nowhere, database_url, authenticate=web.acting_as("ann")) as pages:
        pages.headers["accept"] = "text/html"
        text = shown(pages, f"/interactions/{interaction}")
        assert "The approval: Waits in the outbox for a relay." in text
        assert "Whether it is on the queue is not known: " in text


@pytest.mark.usefixtures("without_patience")
def test_without_postgres_what_is_known_is_shown(redis_url: str) -> None:
    """An event on the queue is; what Postgres alone knows is not called absent."""
    event = approval()
    with Producer(redis_url) as producer:
        producer.publish(event)
    nowhere = f"postgresql://nobody:s3cret@127.0.0.1:{free_port()}/none"
    with web.client(redis_url, nowhere, authenticate=web.acting_as("ann")) as pages:
        pages.headers["accept"] = "text/html"
        text = shown(pages, f"/events/{event.event_id}")
        assert "On queue approvals: queued since then. Not everything could be looked at." in text
        assert "was applied, or is a dead letter, is not known: " in text
        answers = [pages.get(path) for path in ("/customers/ann", f"/interactions/{uuid4()}")]
        assert {answer.status_code for answer in answers} == {503}
        assert all("s3cret" not in answer.text for answer in answers)


def event_with(event_id: UUID) -> ApprovalEvent:
    """An event whose interaction and customer have its id too."""
    return approval(event_id=event_id, interaction_id=event_id, user_id=str(event_id))


def test_an_id_leads_to_its_page(
    pages: httpx.Client, connection: BatchConnection, redis_url: str
) -> None:
    """Of an event in any form, an interaction, a customer, a letter, a cause, a job."""
    event, dead, queued = approval(user_id="o/b"), approval(user_id=None), approval()
    apply_events(connection, event, dead)
    with Producer(redis_url) as producer:
        producer.publish(queued)
    (letter,) = letters_in(connection)
    for text, path in {
        f"  {event.event_id} ": f"/events/{event.event_id}",
        str(queued.event_id): f"/events/{queued.event_id}",
        str(event.interaction_id): f"/interactions/{event.interaction_id}",
        "o/b": "/customers/o%2Fb",
        str(letter.id): f"/ops/dead/{letter.id}",
        f"#{letter.id}": f"/ops/dead/{letter.id}",
        letter.fingerprint: f"/ops/causes/{letter.fingerprint}",
    }.items():
        answer = pages.get("/find", params={"q": text})
        assert (answer.status_code, answer.headers.get("location")) == (303, path)


def test_an_id_of_several_things_lists_them(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """Each with a link."""
    same = uuid4()
    apply_events(connection, event_with(same))
    answer = pages.get("/find", params={"q": str(same)})
    assert "Several things have the id" in text_of(answer)
    for path in ("events", "interactions", "customers"):
        assert f'href="/{path}/{same}"' in answer.text


def test_the_beginning_of_a_customers_id_is_enough(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """Those that begin so are listed; a `%` in it stands for itself."""
    apply_events(
        connection, *(approval(user_id=name) for name in ("anna-1", "anna-2", "bob", "an%"))
    )
    text = shown(pages, "/find?q=anna")
    assert "anna-1" in text
    assert "anna-2" in text
    assert "bob" not in text
    assert "anna" not in text_of(pages.get("/find?q=an%25x"))


def test_an_empty_search_says_what_can_be_looked_for(pages: httpx.Client) -> None:
    """And is no error."""
    for query in ("", "?q=", "?q=%20%00"):
        assert "Type an id" in shown(pages, f"/find{query}")


def test_times_of_the_page_are_those_of_the_events(
    pages: httpx.Client, connection: BatchConnection
) -> None:
    """An event stands where it occurred, whenever it was applied."""
    event = approval(3)
    apply_events(connection, event)
    text = pages.get(f"/interactions/{event.interaction_id}").text
    assert TEN.replace(minute=3).isoformat() in text
