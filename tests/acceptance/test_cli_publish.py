"""`signoff publish`: what a developer of an upstream meets."""

import json
import subprocess
import sys

import pytest
from approvals import mapping
from command_line import Signoff, lines

WITHOUT_PSYCOPG = """
import sys
sys.modules["psycopg"] = None
from signoff_cli.__main__ import main
main()
"""


def test_a_published_event_reaches_its_interaction(signoff: Signoff) -> None:
    """From a line of JSON through the queue and a worker to the interaction."""
    event = mapping(customer_status="CUSTOMER", ltv_amount="250.10")
    signoff.publish(event)
    signoff.work()

    shown = signoff.json("interaction", event["interaction_id"])

    assert (shown["customer_status"], shown["ltv_usd"]) == ("CUSTOMER", "250.10")
    assert [entry["event_id"] for entry in shown["ledger"]] == [str(event["event_id"])]
    assert shown["review_completed_at"] == "2026-01-31T10:00:00Z"


def test_refused_lines_are_told_by_number_and_kept(signoff: Signoff) -> None:
    """Blank lines count but are skipped; what is refused is written as it was; the rest is sent."""
    bad = b'{"quality_score": 7}\n'
    typed = lines(mapping()) + b"\n" + bad + b"not json\n" + lines(mapping())

    told = signoff("publish", "-", "--rejects", "bad.jsonl", "--json", typed=typed, expect=1)

    assert json.loads(told.stdout)["accepted"] == 2
    assert json.loads(told.stdout)["rejected"] == 2
    assert "line 3: rejected: event_id is required" in told.stderr
    assert "line 4: rejected: is not JSON" in told.stderr
    assert (signoff.folder / "bad.jsonl").read_bytes() == bad + b"not json\n"


def test_the_answers_are_counted(signoff: Signoff) -> None:
    """An event twice on the queue is a duplicate; other content under its id is a conflict."""
    event = mapping()
    typed = lines(event, event, event | {"quality_score": 1})

    told = signoff("publish", "-", typed=typed, expect=1)

    assert "1 accepted, 1 duplicate, 1 conflict, 0 rejected" in told.stdout
    assert "line 3: conflict" in told.stderr


def test_a_file_may_start_with_a_byte_order_mark(signoff: Signoff) -> None:
    """Editors on Windows write one; it is no part of the event."""
    (signoff.folder / "events.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(mapping()).rstrip())

    assert signoff.json("publish", "events.jsonl")["accepted"] == 1


def test_a_full_queue_tells_how_far_it_came(signoff: Signoff) -> None:
    """The events that found room are on the queue; the line to go on from is named."""
    events = [mapping(minute) for minute in range(5)]
    limited = signoff.having(SIGNOFF_MAX_QUEUE_LENGTH="3")

    told = limited("publish", "-", typed=lines(*events), expect=1)

    assert "3 accepted" in told.stdout
    assert "stopped before line 4" in told.stderr
    assert signoff.json("status")["waiting"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl cannot be read: No such file"),
        (["-", "--queue", "a b"], "SIGNOFF_QUEUE holds 'a b'"),
        (["-", "--rejects", "no/such/folder"], "--rejects no/such/folder cannot be written"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_get_a_sentence(signoff: Signoff, arguments: list[str], sentence: str) -> None:
    """A wrong argument is told as what it is, with exit code 2."""
    assert sentence in signoff("publish", *arguments, expect=2).stderr


def test_unreachable_redis_gets_a_sentence(signoff: Signoff) -> None:
    """The address is named, its password is not."""
    away = signoff.having(SIGNOFF_REDIS_URL="redis://:secret@127.0.0.1:1/0")

    told = away("publish", "-", typed=lines(mapping()), expect=2)

    assert "127.0.0.1:1" in told.stderr
    assert "secret" not in told.stderr


def test_missing_settings_are_named(signoff: Signoff) -> None:
    """Without a server, the variable to set and the way without any server are told."""
    told = signoff.having(SIGNOFF_REDIS_URL="")("publish", "-", expect=2)

    assert "SIGNOFF_REDIS_URL is not set" in told.stderr
    assert "signoff up" in told.stderr


def test_publishing_needs_no_driver(signoff: Signoff) -> None:
    """Without psycopg events are published; a command that reads Postgres says what to install."""

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", WITHOUT_PSYCOPG, *arguments],
            input=lines(mapping()),
            env=signoff.environment,
            cwd=signoff.folder,
            capture_output=True,
            check=False,
        )

    status = run("status")

    assert run("publish", "-").returncode == 0
    assert status.returncode == 2
    assert b"pip install 'signoff[worker]'" in status.stderr
