"""`signoff alert` with a real webhook, a real command, and several instances."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff
from entries import BEFORE, RECENT, end_of_data, entries
from insight import build_facts
from processes import eventually, exit_code

from signoff_ops.hook import SIGNATURE, signature


@dataclass
class Hook:
    """A webhook, its answers, and the messages that it received."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """The next answers; 200 when the list is empty."""
    received: list[tuple[str | None, bytes]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The received messages, with every try."""
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook on its own port."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.append((self.headers[SIGNATURE], body))
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield hook
        server.shutdown()
        thread.join()


@pytest.fixture
def alerting(signoff: Signoff, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Signoff:
    """The command line with the webhook set, and one dead letter; it repeats without much delay."""
    monkeypatch.setattr("signoff_ops.hook._FIRST_DELAY", 0.01)
    signoff.publish(mapping(user_id=None, final_bubbles=["secret words"]))
    signoff.work()
    return signoff.having(SIGNOFF_ALERT_URL=hook.url, SIGNOFF_ALERT_SECRET="key")


def test_a_new_cause_is_posted_once(alerting: Signoff, hook: Hook) -> None:
    """The message names it without the event's content, and is signed."""
    alerting("alert", "--once")
    alerting("alert", "--once")

    ((signed, body),) = hook.received
    message = json.loads(body)
    (cause,) = message["new_causes"]
    assert (cause["kind"], cause["count"]) == ("unknown_interaction", 1)
    assert "1 new cause of dead letters (unknown_interaction); 1 open in all" in message["text"]
    assert b"secret words" not in body
    assert message["text"].endswith("see `signoff dlq groups`")
    assert "url" not in cause
    moment = int((signed or "").split(",")[0].removeprefix("t="))
    assert signed == signature(body, "key", moment)


def test_an_alert_links_to_the_console(alerting: Signoff, hook: Hook) -> None:
    """Where the URL of the web service is set: to the causes, and to each of them."""
    alerting.having(SIGNOFF_WEB_URL="https://signoff.example/base/")("alert", "--once")
    (message,) = hook.messages
    (cause,) = message["new_causes"]
    assert message["text"].endswith("see https://signoff.example/base/ops/causes")
    assert cause["url"] == f"https://signoff.example/base/ops/causes/{cause['fingerprint']}"


def test_a_failed_webhook_is_tried_again(alerting: Signoff, hook: Hook) -> None:
    """With the same message, until it succeeds; a redirect is a failure."""
    hook.answers = [500, 302]

    alerting("alert", "--once")

    assert len(hook.received) == 3
    assert len({message["id"] for message in hook.messages}) == 1


def test_an_alert_that_was_not_taken_is_sent_by_the_next_run(alerting: Signoff, hook: Hook) -> None:
    """Exit 1, the reason on standard error, and nothing is noted as sent."""
    hook.answers = [503] * 4
    printed = alerting("alert", "--once", expect=1).stderr
    assert "answered 503" in printed

    alerting("alert", "--once")

    assert len(hook.received) == 5


def test_too_many_dead_letters_are_alerted(
    alerting: Signoff, hook: Hook, database_url: str
) -> None:
    """It names the limit; an alert of the cause itself was sent before."""
    alerting("alert", "--once")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alerts SET alerted_at = now() - interval '2 minutes'")

    alerting.having(SIGNOFF_DEAD_LETTER_LIMIT="0")("alert", "--once")

    _, message = hook.messages
    assert (message["limit_passed"], message["limit"], message["new_causes"]) == (True, 0, [])
    assert "more than the limit of 0" in message["text"]


def test_a_fall_of_conversion_is_alerted(alerting: Signoff, hook: Hook, database_url: str) -> None:
    """In a message of its own, once; a look that cannot compare says why."""
    watching = alerting.having(SIGNOFF_ALERT_CONVERSION_DROP="0.2")
    assert "Conversion was not compared: the customer facts" in watching("alert", "--once").stdout
    events = [*entries(BEFORE, 60, 30), *entries(RECENT, 60, 5), end_of_data()]
    build_facts(database_url, events)

    assert "conversion within 30 days fell by 83 %" in watching("alert", "--once").stdout
    watching("alert", "--once")

    assert [message["alert"] for message in hook.messages] == ["dead_letters", "conversion"]


def test_a_command_gets_the_message(alerting: Signoff) -> None:
    """On its standard input, without a shell."""
    script = alerting.folder / "hook.py"
    script.write_text("import sys; open(sys.argv[1], 'w').write(sys.stdin.read())")
    command = f"{sys.executable} {script} '{alerting.folder}/a b'"

    alerting.having(SIGNOFF_ALERT_URL="", SIGNOFF_ALERT_COMMAND=command)("alert", "--once")

    assert json.loads((alerting.folder / "a b").read_text())["dead"] == 1


def test_several_instances_send_an_alert_of_each_cause_once(
    alerting: Signoff, hook: Hook, database_url: str
) -> None:
    """They run at the same time until they are stopped; then a new cause is added."""
    alerting("alert", "--once")
    running = [alerting.process("alert", "--interval", 1, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        for one in running:
            assert one.stdout
            assert b"every 1 s" in one.stdout.readline()
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE alerts SET alerted_at = now() - interval '2 minutes'")
            connection.execute("UPDATE dead_letters SET fingerprint = 'another'")
        eventually(lambda: len(hook.received) > 1, what="an alert of the cause is sent")
        for one in running:
            one.terminate()
            assert exit_code(one) == 0
    finally:
        for one in running:
            one.kill()
            one.communicate()
    assert [message["new_causes_total"] for message in hook.messages] == [1, 1]


def test_a_hook_that_cannot_work_is_noticed_without_news(alerting: Signoff, hook: Hook) -> None:
    """One look as by cron: a missing program is an error, and what was not tried is said."""
    without_url = alerting.having(SIGNOFF_ALERT_URL="", SIGNOFF_ALERT_COMMAND="/nowhere/at-all")
    alerting("alert", "--once")

    assert "names no program" in without_url("alert", "--once", expect=2).stderr
    assert "the webhook was not called" in alerting("alert", "--once").stdout
    true = without_url.having(SIGNOFF_ALERT_COMMAND="true")
    assert "the command was not run; its program is there" in true("alert", "--once").stdout
    assert len(hook.received) == 1


def test_without_a_hook_it_says_what_to_set(signoff: Signoff) -> None:
    """Exit 2."""
    assert "SIGNOFF_ALERT_COMMAND or SIGNOFF_ALERT_URL" in signoff(
        "alert", "--once", expect=2
    ).stderr  # fmt: skip
