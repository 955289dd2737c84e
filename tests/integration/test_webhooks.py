"""Outgoing webhooks: what is written for whom, and how it reaches its receiver."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, apply_events, approval, decision
from mixed import mixed_events
from processes import DEADLINE, eventually
from receivers import answering_slowly, receiving

from signoff_db import webhook_deliveries, webhooks
from signoff_db.connection import BatchConnection
from signoff_db.feed_lag import readers
from signoff_db.feed_reader import Turn
from signoff_db.webhook_deliveries import (
    DeliveryState,
    Message,
    WebhookDelivery,
    claim,
    deliveries,
    finish,
    forget,
    replay,
    write,
)
from signoff_db.webhook_reader import WebhookReader
from signoff_db.webhooks import WebhookError, WebhookKind
from signoff_ops.bounded_http import Answer, PostError
from signoff_ops.webhook_message import secret_text, send
from signoff_ops.webhook_sender import DELAYS, Sender

CHANGED = WebhookKind.STATUS_CHANGED


def add(connection: BatchConnection, name: str = "crm", url: str = "http://127.0.0.1:1/") -> str:
    """A webhook that is told of statuses; returns its secret as text."""
    return secret_text(webhooks.add(connection, name, url, [CHANGED]))


def read_all(url: str) -> None:
    """Write the deliveries of all that is applied."""
    reader = WebhookReader(url, wrote=lambda: None)
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    reader.close()


def bodies(connection: BatchConnection) -> list[dict[str, Any]]:
    """What was written, in order."""
    rows = connection.execute("SELECT body::json FROM webhook_deliveries ORDER BY id").fetchall()
    return [row[0] for row in rows]


def moves(connection: BatchConnection, user: str = "user-1") -> list[str]:
    """The statuses that were told of a customer, in order."""
    told = [body["data"] for body in bodies(connection)]
    return [f"{d['from_status']}>{d['to_status']}" for d in told if d["user_id"] == user]


def states(connection: BatchConnection) -> list[tuple[str, int]]:
    """State and attempts of each delivery, in order."""
    found = deliveries(connection).items
    return [(str(one.state), one.attempts) for one in reversed(found)]


def only(connection: BatchConnection) -> WebhookDelivery:
    """The one delivery."""
    (found,) = deliveries(connection).items
    return found


def some(connection: BatchConnection, number: int = 1) -> None:
    """Messages to every webhook that is told of statuses."""
    body = '{"type":"status.changed","timestamp":"2026-01-01T00:00:00Z","data":{}}'
    write(connection, [Message(CHANGED, None, datetime.now(UTC), body)] * number)


def make_due(connection: BatchConnection) -> None:
    """Let the time pass until the next attempts."""
    connection.execute(
        "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'"
    )


@contextmanager
def sending(url: str, **options: Any) -> Iterator[Sender]:
    """A sender that runs until the block ends."""
    stop = threading.Event()
    sender = sender_of(url, **options)
    running = threading.Thread(target=sender.run, args=[stop])
    running.start()
    try:
        yield sender
    finally:
        stop.set()
        running.join()


def sender_of(url: str, **options: Any) -> Sender:
    """A sender that may send to this machine."""
    return Sender(
        url, lambda d: send(d.target, d.message_id, d.body, allow_private="127.0.0.0/8"), **options
    )


def send_what_is_due(sender: Sender) -> None:
    """One turn, and what it started, to its end."""
    sender.turn()
    sender._end(60)


# What is written


def test_a_changed_status_is_told(connection: BatchConnection, database_url: str) -> None:
    """From which, to which, who decided and why."""
    add(connection)
    apply_events(connection, approval(customer_status="CUSTOMER", reviewer_id="bob"))
    read_all(database_url)
    chosen = decision(5, reason="no answer")
    apply_events(connection, chosen)
    read_all(database_url)
    first, second = bodies(connection)
    assert (first["type"], first["data"]["decided_by"]) == ("status.changed", "reviewer:bob")
    data = second["data"]
    assert datetime.fromisoformat(second["timestamp"]) > datetime.now(UTC) - timedelta(hours=1)
    assert data == {
        "user_id": "user-1",
        "from_status": "CUSTOMER",
        "to_status": "CHURNED",
        "event_id": str(chosen.event_id),
        "occurred_at": "2026-01-31T10:05:00Z",
        "decided_by": "user:ann",
        "reason": "no answer",
    }


def test_an_event_that_changes_nothing_now_tells_nothing(
    connection: BatchConnection, database_url: str
) -> None:
    """One that arrives late, one without a status, one with the same status, a void decision."""
    add(connection)
    apply_events(connection, approval(5, customer_status="CUSTOMER"))
    read_all(database_url)
    apply_events(connection, approval(1, customer_status="LEAD_QUALIFIED"))
    apply_events(connection, approval(6), approval(7, customer_status="CUSTOMER"))
    apply_events(connection, decision(8, rests_on=uuid4()))
    read_all(database_url)
    assert moves(connection) == ["PROSPECT>CUSTOMER"]


def test_a_decision_that_becomes_void_tells_the_status_that_holds_again(
    connection: BatchConnection, database_url: str
) -> None:
    """Each message begins where the last one ended."""
    ground = approval(1, customer_status="CUSTOMER")
    apply_events(connection, ground)
    add(connection)
    apply_events(connection, decision(9, rests_on=ground.event_id))
    read_all(database_url)
    apply_events(connection, approval(5, ltv_amount="10"))
    read_all(database_url)
    assert moves(connection) == ["CUSTOMER>CHURNED", "CHURNED>CUSTOMER"]
    assert bodies(connection)[1]["data"]["event_id"] == str(ground.event_id)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_leads_from_one_status_to_the_next(
    connection: BatchConnection, database_url: str, seed: int
) -> None:
    """For any events in any order: a chain for each customer, from PROSPECT to the status now."""
    add(connection)
    chance = random.Random(seed)
    events = mixed_events(chance, 120, TEN, TEN + timedelta(days=1))
    while events:
        batch, events = events[:7], events[7:]
        apply_events(connection, *batch)
        if chance.random() < 0.5:
            read_all(database_url)
    read_all(database_url)
    found = connection.execute("SELECT user_id, customer_status FROM customers").fetchall()
    assert len(found) == 3
    for user, status in found:
        told = [move.split(">") for move in moves(connection, user)]
        assert all(before != after for before, after in told)
        ends = ["PROSPECT", *[after for _, after in told]]
        assert [before for before, _ in told] == ends[:-1]
        assert ends[-1] == status


def test_a_webhook_begins_when_it_is_added(connection: BatchConnection, database_url: str) -> None:
    """The first one, and one beside others; so does one that was disabled."""
    apply_events(connection, approval(customer_status="LEAD_QUALIFIED"))
    add(connection, "first")
    read_all(database_url)
    apply_events(connection, approval(1, customer_status="CUSTOMER"))
    add(connection, "second")
    read_all(database_url)
    webhooks.switch(connection, "first", disabled_for="by ann")
    apply_events(connection, approval(2, customer_status="CHURNED"))
    webhooks.switch(connection, "first", disabled_for=None)
    read_all(database_url)
    apply_events(connection, approval(3, customer_status="CUSTOMER"))
    read_all(database_url)
    told = [(d.webhook, d.cause_id) for d in deliveries(connection).items]
    assert [name for name, _ in reversed(told)] == ["first", "second", "first", "second"]
    assert moves(connection)[-1] == "CHURNED>CUSTOMER"


def test_each_message_is_written_once(connection: BatchConnection, database_url: str) -> None:
    """By several readers at once, while events are applied."""
    add(connection)
    stop, users = threading.Event(), [f"u{number}" for number in range(60)]
    crew = [WebhookReader(database_url, wrote=lambda: None, poll=0.01) for _ in range(3)]
    running = [threading.Thread(target=reader.run, args=[stop]) for reader in crew]
    for thread in running:
        thread.start()
    for user in users:
        apply_events(connection, approval(user_id=user, customer_status="CUSTOMER"))
    eventually(lambda: len(bodies(connection)) >= 60, what="all are written")
    stop.set()
    for thread in running:
        thread.join()
    assert sorted(body["data"]["user_id"] for body in bodies(connection)) == sorted(users)


def test_without_webhooks_there_is_no_reader(
    connection: BatchConnection, database_url: str
) -> None:
    """It would count as late, and keep the ledger from being detached."""
    read_all(database_url)
    assert readers(connection) == []
    add(connection)
    assert [reader.name for reader in readers(connection)] == ["webhooks"]
    apply_events(connection, approval(customer_status="CUSTOMER"))
    read_all(database_url)
    webhooks.remove(connection, "crm")
    assert readers(connection) == []
    for table in ("webhook_deliveries", "webhook_statuses"):
        assert connection.execute(f"SELECT FROM {table}").fetchall() == []


def test_names_are_checked(connection: BatchConnection) -> None:
    """One name, one webhook; an unknown one is no quiet success."""
    add(connection)
    with pytest.raises(WebhookError, match="there is a webhook named crm already"):
        add(connection)
    for act in (
        lambda: webhooks.remove(connection, "x"),
        lambda: webhooks.rotate(connection, "x"),
        lambda: webhooks.target(connection, "x"),
        lambda: webhooks.switch(connection, "x", disabled_for=None),
    ):
        with pytest.raises(WebhookError, match="no webhook named x"):
            act()


def test_there_is_a_limit_of_webhooks(
    connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has threads of its own."""
    monkeypatch.setattr(webhooks, "MOST_WEBHOOKS", 2)
    add(connection, "a")
    add(connection, "b")
    with pytest.raises(WebhookError, match="there are 2 webhooks, the most there may be"):
        add(connection, "c")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'delivered'",
        "state = 'dead', next_attempt_at = NULL",
        "next_attempt_at = NULL",
        "finished_at = now()",
        "attempts = -1",
        "state = 'lost'",
        "body = repeat('x', 300000)",
    ],
)
def test_no_delivery_is_in_a_state_between(connection: BatchConnection, change: str) -> None:
    """Postgres refuses it, whoever writes."""
    add(connection)
    some(connection)
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE webhook_deliveries SET {change}")


# How it is sent


def test_a_message_is_signed(connection: BatchConnection, database_url: str) -> None:
    """As an independent library checks it; with both secrets for a day after a rotation."""
    with receiving() as receiver:
        old = add(connection, url=receiver.url)
        some(connection)
        send_what_is_due(sender_of(database_url))
        new, until = webhooks.rotate(connection, "crm")
        some(connection)
        send_what_is_due(sender_of(database_url))
        first, second = receiver.got
        assert first.verified(old) == second.verified(old) == second.verified(secret_text(new))
        assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(days=1)
        connection.execute("UPDATE webhooks SET previous_until = now()")
        some(connection)
        send_what_is_due(sender_of(database_url))
    assert receiver.got[2].headers["webhook-signature"].count("v1,") == 1
    assert states(connection) == [("delivered", 1)] * 3
    forget(connection, timedelta(days=1))
    assert connection.execute("SELECT previous_secret FROM webhooks").fetchone() == (None,)


def test_failures_are_tried_again_and_end_as_dead_letters(
    connection: BatchConnection, database_url: str
) -> None:
    """The same id and body each time; a replay begins anew, with the same id again."""
    with receiving() as receiver:
        secret = add(connection, url=receiver.url)
        some(connection)
        receiver.answers, receiver.text = [500, 302, 404], b"no\x1b[2J room"
        for _ in range(3):
            send_what_is_due(sender_of(database_url, delays=[50, 70]))
            make_due(connection)
        found = only(connection)
        assert (found.state, found.attempts, found.last_status) == (DeliveryState.DEAD, 3, 404)
        assert found.last_error == r"answered 404: no\x1b[2J room"
        send_what_is_due(sender_of(database_url))
        assert len(receiver.got) == 3, "a dead letter is not sent by itself"
        assert replay(connection, ids=[found.id]) == [found.id]
        assert replay(connection, ids=[found.id]) == []
        send_what_is_due(sender_of(database_url))
    assert {got.id for got in receiver.got} == {str(found.message_id)}
    assert len({got.body for got in receiver.got}) == 1
    assert receiver.got[-1].verified(secret)
    assert (only(connection).state, only(connection).attempts) == (DeliveryState.DELIVERED, 1)


def test_the_delays_grow_to_hours(connection: BatchConnection, database_url: str) -> None:
    """Ten attempts in one to two days, with a little chance."""
    assert len(DELAYS) == 9
    assert timedelta(days=1) < timedelta(seconds=sum(DELAYS)) < timedelta(days=2)
    add(connection)
    some(connection)
    waited: list[float] = []
    for _ in range(10):
        send_what_is_due(Sender(database_url, _refuse))
        row = connection.execute(
            "SELECT extract(epoch FROM next_attempt_at - now()) FROM webhook_deliveries"
        ).fetchone()
        waited += [float(row[0])] if row and row[0] is not None else []
        make_due(connection)
    assert states(connection) == [("dead", 10)]
    for delay, held in zip(DELAYS, waited, strict=True):
        assert delay - 5 < held <= delay * 1.1


def _busy(retry_after: str, _: object) -> Answer:
    return Answer(429, b"", retry_after)


def _refuse(_: object) -> Answer:
    raise PostError("did not answer within 10 s")


def test_a_receiver_may_ask_for_time(connection: BatchConnection, database_url: str) -> None:
    """As far as that makes sense: a day at the most."""
    add(connection)

    asked = {"100": 100, "99999999999": 5, "999999": 86_400, "soon": 5, "-1": 5}
    for text, seconds in asked.items():
        some(connection)
        began = datetime.now(UTC)
        send_what_is_due(Sender(database_url, partial(_busy, text)))
        ended = datetime.now(UTC)
        row = connection.execute("SELECT next_attempt_at FROM webhook_deliveries").fetchone()
        assert row
        least, most = timedelta(seconds=seconds), timedelta(seconds=seconds * 1.1)
        assert began + least <= row[0] <= ended + most
        connection.execute("DELETE FROM webhook_deliveries")


def test_gone_disables_the_webhook(connection: BatchConnection, database_url: str) -> None:
    """Nothing more is sent to it or written for it, until it is enabled; what waits is kept."""
    with receiving() as receiver:
        add(connection, url=receiver.url)
        receiver.answers = [410]
        some(connection, 2)
        send_what_is_due(sender_of(database_url, room=1))
        (webhook,) = webhooks.webhooks(connection)
        assert webhook.disabled_reason == "the receiver answered 410 Gone"
        some(connection)
        send_what_is_due(sender_of(database_url))
        assert states(connection) == [("dead", 1), ("pending", 0)]
        webhooks.switch(connection, "crm", disabled_for=None)
        replay(connection, webhook="crm")
        send_what_is_due(sender_of(database_url))
    assert states(connection) == [("delivered", 1)] * 2


def test_two_senders_send_each_message_once(connection: BatchConnection, database_url: str) -> None:
    """While both work, a message is in the hands of one of them."""
    with receiving() as receiver:
        add(connection, url=receiver.url)
        with sending(database_url), sending(database_url):
            for _ in range(10):
                some(connection, 6)
            eventually(lambda: _delivered(connection) == 60, what="all are delivered")
    assert len(receiver.got) == len({got.id for got in receiver.got}) == 60


def test_a_slow_receiver_delays_no_other(connection: BatchConnection, database_url: str) -> None:
    """Each has room of its own; what waits for the slow one waits alone."""
    go_on = threading.Event()
    with receiving() as slow, receiving() as quick:
        slow.answers = [answering_slowly(go_on)] * 4
        add(connection, "slow", slow.url)
        add(connection, "quick", quick.url)
        some(connection, 30)
        with sending(database_url):
            eventually(lambda: len(quick.got) == 30, what="the quick one has all")
            assert len(slow.got) <= 4
            go_on.set()
            eventually(lambda: _delivered(connection) == 60, what="all are delivered")


def test_a_lease_keeps_others_away_and_runs_out(
    connection: BatchConnection,
) -> None:
    """Then another sender takes the message, and the first one's end counts no more."""
    add(connection)
    some(connection)
    (first,) = claim(connection, {}, room=4)
    assert claim(connection, {}, room=4) == []
    make_due(connection)
    (second,) = claim(connection, {}, room=4)
    assert (first.message_id, first.attempts) == (second.message_id, second.attempts - 1)
    ended = webhook_deliveries.Attempt(second, DeliveryState.DELIVERED, None, 204, None)
    finish(connection, [ended])
    late = webhook_deliveries.Attempt(first, DeliveryState.PENDING, 5.0, 500, "answered 500")
    finish(connection, [late])
    assert states(connection) == [("delivered", 2)]
    assert "secret" not in repr(first)
    assert first.secret.hex() not in repr(first)


def test_an_error_of_ours_is_an_attempt_that_failed(
    connection: BatchConnection, database_url: str
) -> None:
    """It takes no room for ever, and is tried again as any other."""
    add(connection)
    some(connection)

    def fail(_: object) -> Answer:
        raise KeyError("t0k3n")

    send_what_is_due(Sender(database_url, fail))
    assert (only(connection).state, only(connection).last_error) == ("pending", "KeyError")


def test_an_outage_of_postgres_loses_no_outcome(
    connection: BatchConnection, database_url: str
) -> None:
    """What ended meanwhile is noted when it is back."""
    with receiving() as receiver:
        add(connection, url=receiver.url)
        go_on = threading.Event()
        receiver.answers = [answering_slowly(go_on)]
        some(connection)
        with sending(database_url):
            eventually(lambda: len(receiver.got) == 1, what="it is under way")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'signoff webhooks'"
            )
            go_on.set()
            eventually(lambda: _delivered(connection) == 1, what="it is noted")
    assert len(receiver.got) == 1


def test_a_stop_waits_for_what_is_under_way(connection: BatchConnection, database_url: str) -> None:
    """As long as it may; what takes longer is sent again by another."""
    go_on, stop = threading.Event(), threading.Event()
    with receiving() as receiver:
        add(connection, url=receiver.url)
        receiver.answers = [answering_slowly(go_on)] * 2
        some(connection)
        stop.set()
        sender = sender_of(database_url)
        sender.turn()
        started = time.monotonic()
        sender.run(stop, stop_seconds=0.2)
        assert time.monotonic() - started < DEADLINE
        assert states(connection) == [("pending", 1)]
        make_due(connection)
        sender = sender_of(database_url)
        sender.turn()
        threading.Timer(0.2, go_on.set).start()
        sender.run(stop, stop_seconds=60)
    assert states(connection) == [("delivered", 2)]


def test_delivered_ones_are_forgotten_in_time(connection: BatchConnection) -> None:
    """Those that are dead or wait are kept."""
    add(connection)
    some(connection, 3)
    connection.execute(
        "UPDATE webhook_deliveries SET state = v.state, finished_at = now() - interval '31 days',"
        " next_attempt_at = NULL FROM (VALUES (1, 'dead'), (2, 'delivered')) AS v (id, state)"
        " WHERE webhook_deliveries.id = v.id"
    )
    forget(connection, timedelta(days=30))
    assert states(connection) == [("dead", 0), ("pending", 0)]


def test_deliveries_are_listed_in_pages(connection: BatchConnection) -> None:
    """The newest first; by state and webhook."""
    add(connection, "a")
    add(connection, "b")
    some(connection, 5)
    ids = [d.id for d in deliveries(connection).items]
    page = deliveries(connection, limit=6)
    rest = deliveries(connection, limit=6, cursor=page.next)
    assert [d.id for d in (*page.items, *rest.items)] == ids == sorted(ids, reverse=True)
    assert {d.webhook for d in deliveries(connection, webhook="a").items} == {"a"}
    assert deliveries(connection, state=DeliveryState.DEAD).items == ()
    (first, second) = webhooks.webhooks(connection)
    assert (first.name, first.waiting, second.waiting, second.dead) == ("a", 5, 5, 0)


def _delivered(connection: BatchConnection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"
    ).fetchone()
    assert row
    return int(row[0])
