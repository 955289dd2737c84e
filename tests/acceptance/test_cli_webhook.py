"""`signoff webhook`: receivers, deliveries, replay, and the process that sends."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL
from typing import Any

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff
from processes import eventually, exit_code
from receivers import Receiver, answering_slowly, receiving

from signoff_ops.webhook_message import secret_text

ALLOWED = "127.0.0.0/8"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that takes everything, unless the test says otherwise."""
    with receiving() as running:
        yield running


@pytest.fixture
def webhooks(signoff: Signoff) -> Signoff:
    """The command line where webhooks may go to this machine."""
    return signoff.having(SIGNOFF_WEBHOOK_ALLOW_PRIVATE=ALLOWED)


def add(webhooks: Signoff, receiver: Receiver, name: str = "crm") -> str:
    """A webhook that is told of statuses; returns its secret."""
    added = webhooks.json("webhook", "add", name, receiver.url, "--kind", "status.changed")
    return str(added["secret"])


def change_a_status(signoff: Signoff) -> None:
    """A customer becomes one."""
    signoff.publish(mapping(customer_status="CUSTOMER"))
    signoff.work()


@contextmanager
def running(webhooks: Signoff) -> Iterator[Any]:
    """A sender; killed if the test has not ended it."""
    with webhooks.process("webhook", "run", stderr=DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_changed_status_reaches_its_receiver(webhooks: Signoff, receiver: Receiver) -> None:
    """From the queue to the receiver, signed; SIGTERM ends the sender with exit code 0."""
    secret = add(webhooks, receiver)
    with running(webhooks) as sender:
        change_a_status(webhooks)
        eventually(lambda: bool(receiver.got), what="it is told")
        eventually(
            lambda: webhooks.json("webhook", "deliveries", "--state", "delivered")["deliveries"],
            what="it is noted",
        )
        sender.send_signal(signal.SIGTERM)
        assert exit_code(sender) == 0
    (got,) = receiver.got
    told = got.verified(secret)
    assert (told["type"], told["data"]["to_status"]) == ("status.changed", "CUSTOMER")
    assert got.headers["content-type"] == "application/json"


def test_a_sender_that_is_killed_in_the_middle_sends_again(
    webhooks: Signoff, receiver: Receiver, database_url: str
) -> None:
    """At least once to the receiver, with the same id; one delivery in the books."""
    go_on = threading.Event()
    receiver.answers = [answering_slowly(go_on)]
    secret = add(webhooks, receiver)
    change_a_status(webhooks)
    with running(webhooks) as sender:
        eventually(lambda: len(receiver.got) == 1, what="it is under way")
        sender.send_signal(signal.SIGKILL)
        sender.wait()
    go_on.set()
    with psycopg.connect(database_url, autocommit=True) as connection:  # the lease runs out
        connection.execute("UPDATE signoff.webhook_deliveries SET next_attempt_at = now()")
    with running(webhooks):
        eventually(lambda: len(receiver.got) == 2, what="it is sent again")
        eventually(lambda: webhooks.json("webhook", "list")[0]["waiting"] == 0, what="it is noted")
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert first.verified(secret) == second.verified(secret)
    (delivery,) = webhooks.json("webhook", "deliveries")["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)


def test_a_stop_is_quick_although_a_receiver_is_slow(webhooks: Signoff, receiver: Receiver) -> None:
    """It waits for the answer as long as SIGNOFF_STOP_TIMEOUT allows."""
    go_on = threading.Event()
    receiver.answers = [answering_slowly(go_on)]
    add(webhooks, receiver)
    change_a_status(webhooks)
    with running(webhooks.having(SIGNOFF_STOP_TIMEOUT="1")) as sender:
        eventually(lambda: len(receiver.got) == 1, what="it is under way")
        sender.send_signal(signal.SIGTERM)
        assert exit_code(sender) == 0
    assert not go_on.is_set()
    go_on.set()


def test_a_test_shows_the_answer(webhooks: Signoff, receiver: Receiver) -> None:
    """Exit 1 unless it is a success; nothing is stored."""
    secret = add(webhooks, receiver)
    receiver.text = b"thanks\x1b[2J"
    receiver.answers = [200, 500]
    shown = webhooks("webhook", "test", "crm").stdout
    assert "answered 200 after" in shown
    assert r"thanks\x1b[2J" in shown
    failed = webhooks.json("webhook", "test", "crm", expect=1)
    assert (failed["ok"], failed["status"]) == (False, 500)
    told = receiver.got[0].verified(secret)
    assert (told["type"], told["data"]) == ("webhook.test", {"webhook": "crm"})
    assert webhooks.json("webhook", "deliveries")["deliveries"] == []
    refused = webhooks.having(SIGNOFF_WEBHOOK_ALLOW_PRIVATE="false")
    shown = refused("webhook", "test", "crm", expect=1).stderr
    assert "cannot be reached: its address 127.0.0.1 is not public" in shown


def test_the_secret_is_shown_once(webhooks: Signoff, receiver: Receiver, database_url: str) -> None:
    """Never in lists, nor is the path of the URL, where many receivers have a token."""
    shown = webhooks("webhook", "add", "a", receiver.url, "--kind", "review.approved").stdout
    secret = next(line.strip() for line in shown.splitlines() if "whsec_" in line)
    rotated = webhooks.json("webhook", "rotate", "a")
    assert rotated["previous_secret_until"]
    listed = [
        webhooks(*command).stdout
        for command in (
            ("webhook", "list"), ("webhook", "list", "--json"), ("status",), ("status", "--json"),
            ("webhook", "deliveries"),
        )
    ]  # fmt: skip
    for text in [*listed, webhooks("doctor", expect=None).stdout]:
        assert "whsec_" not in text
        assert "t0k3n" not in text
    assert "127.0.0.1" in listed[0]
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT secret, previous_secret FROM signoff.webhooks").fetchone()
    assert row
    assert [secret_text(key) for key in row] == [rotated["secret"], secret]


def test_dead_ones_are_listed_and_sent_again(
    webhooks: Signoff, receiver: Receiver, database_url: str
) -> None:
    """By id, or all of a webhook; status and doctor say that they are there."""
    receiver.answers = [410]
    add(webhooks, receiver)
    change_a_status(webhooks)
    with running(webhooks):
        eventually(lambda: webhooks.json("webhook", "list")[0]["dead"] == 1, what="it is dead")
        assert "disabled" in webhooks("doctor", expect=None).stdout
        webhooks("webhook", "enable", "crm")
        (listed,) = webhooks.json("status")["webhooks"]
        assert (listed["dead"], listed["disabled_at"]) == (1, None)
        assert "1 message dead" in webhooks("doctor", expect=None).stdout
        page = webhooks.json("webhook", "deliveries", "--state", "dead", "--webhook", "crm")
        (dead,) = page["deliveries"]
        assert (dead["last_status"], dead["last_error"]) == (410, "answered 410 Gone")
        wrong = webhooks.json("webhook", "replay", dead["id"] + 1, expect=1)
        assert wrong == {"replayed": [], "not_dead": [dead["id"] + 1]}
        webhooks("webhook", "replay", "--webhook", "crm", "--all", "--yes")
        eventually(lambda: len(receiver.got) == 2, what="it is sent again")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE signoff.webhook_deliveries SET state = 'pending', finished_at = NULL,"
            " next_attempt_at = now() - interval '1 hour'"
        )
    assert "due for" in webhooks("doctor", expect=1).stdout
    webhooks("webhook", "disable", "crm", "--reason", "moving")
    assert webhooks.json("webhook", "list")[0]["disabled_reason"] == "moving"
    webhooks("webhook", "remove", "crm", "--yes")
    assert webhooks.json("webhook", "list") == []
    assert webhooks.json("status")["feed_readers"] == []


def test_who_did_what_is_recorded(webhooks: Signoff, receiver: Receiver, database_url: str) -> None:
    """Without secrets."""
    add(webhooks, receiver)
    change_a_status(webhooks)
    receiver.answers = [410]
    with running(webhooks):
        eventually(lambda: webhooks.json("webhook", "list")[0]["dead"] == 1, what="it is dead")
    webhooks("webhook", "rotate", "crm", "--actor", "bob")
    webhooks("webhook", "enable", "crm")
    webhooks("webhook", "replay", "1")
    webhooks("webhook", "disable", "crm", "--reason", "moving")
    webhooks("webhook", "remove", "crm", "--yes")
    with psycopg.connect(database_url) as connection:
        noted = connection.execute(
            "SELECT action, actor, reason, after FROM signoff.operator_actions ORDER BY id"
        ).fetchall()
    assert [row[0].partition("_")[0] for row in noted] == [
        "add", "rotate", "enable", "replay", "disable", "remove",
    ]  # fmt: skip
    assert {row[1] for row in noted} == {"ann", "bob"}
    assert noted[0][3] == {
        "name": "crm",
        "url": receiver.url.replace("/hook/t0k3n", "/…"),
        "kinds": ["status.changed"],
    }
    assert noted[3][3] == {"name": None, "deliveries": [1], "number": 1}
    assert noted[4][2] == "moving"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("add", "crm", "http://10.0.0.1/x"), "which is not public"),
        (("add", "a b", "https://example.com/"), "is no name of a webhook"),
        (("add", "crm", "file:///etc/passwd"), "no http or https URL"),
        (("add", "crm", "https://u:t0k3n@example.com/"), "holds a user or password"),
        (("test", "none"), "there is no webhook named none"),
        (("deliveries", "--webhook", "none"), "there is no webhook named none"),
        (("deliveries", "--after", "x"), "the cursor is none that this list gave"),
        (("replay",), "say which"),
        (("replay", "1", "--all", "--webhook", "crm"), "say which"),
        (("replay", "--webhook", "none", "--all", "--yes"), "there is no webhook named none"),
        (("remove", "none", "--yes"), "there is no webhook named none"),
    ],
    ids=str,
)
def test_wrong_uses_get_a_sentence(
    signoff: Signoff, arguments: tuple[str, ...], shown: str
) -> None:
    """Exit 2, and no secret in it."""
    kind = ("--kind", "status.changed") if arguments[0] == "add" else ()
    refused = signoff("webhook", *arguments, *kind, expect=2).stderr
    assert shown in refused
    assert "t0k3n" not in refused


def test_nothing_is_logged_that_is_secret(
    webhooks: Signoff, receiver: Receiver, tmp_path: Any
) -> None:
    """A failure names webhook, delivery and reason."""
    receiver.answers = [500, 500]
    secret = add(webhooks, receiver)
    change_a_status(webhooks)
    log = tmp_path / "log"
    with (
        log.open("wb") as stream,
        webhooks.process("webhook", "run", stderr=stream) as sender,
    ):
        eventually(lambda: "answered 500" in log.read_text(), what="it is logged")
        sender.send_signal(signal.SIGTERM)
        assert exit_code(sender) == 0
    text = log.read_text()
    assert "of webhook crm failed (attempt 1), next in" in text
    assert secret not in text
    assert "t0k3n" not in text
    assert json.loads(receiver.got[0].body)["type"] == "status.changed"
