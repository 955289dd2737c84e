"""`signoff publish`, as a developer of an upstream uses it."""

import gzip
import json
import signal
import subprocess
import sys

import pytest
from approvals import mapping
from command_line import Signoff, lines
from processes import eventually, exit_code

from signoff_producer.publication import CHUNK

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


def test_refused_lines_are_shown_by_number_and_kept(signoff: Signoff) -> None:
    """Blank lines count but are skipped; refused lines are written unchanged; the rest is sent."""
    bad = b'{"quality_score": 7}\n'
    typed = lines(mapping()) + b"\n" + bad + b"not json\n" + lines(mapping())

    printed = signoff("publish", "-", "--rejects", "bad.jsonl", "--json", typed=typed, expect=1)

    assert json.loads(printed.stdout)["accepted"] == 2
    assert json.loads(printed.stdout)["rejected"] == 2
    assert "line 3: rejected: event_id is required" in printed.stderr
    assert "line 4: rejected: is not JSON" in printed.stderr
    assert (signoff.folder / "bad.jsonl").read_bytes() == bad + b"not json\n"


def test_the_answers_are_counted(signoff: Signoff) -> None:
    """An event twice on the queue is a duplicate; other content under its id is a conflict."""
    event = mapping()
    typed = lines(event, event, event | {"quality_score": 1})

    printed = signoff("publish", "-", typed=typed, expect=1)

    assert "1 accepted, 1 duplicate, 1 conflict, 0 rejected" in printed.stdout
    assert "line 3: conflict" in printed.stderr


def test_a_file_may_start_with_a_byte_order_mark(signoff: Signoff) -> None:
    """Editors on Windows write one; it is not part of the event."""
    (signoff.folder / "events.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(mapping()).rstrip())

    assert signoff.json("publish", "events.jsonl")["accepted"] == 1


def test_a_full_queue_stops_with_the_number_of_the_next_line(signoff: Signoff) -> None:
    """The events that found room are on the queue."""
    events = [mapping(minute) for minute in range(5)]
    limited = signoff.having(SIGNOFF_MAX_QUEUE_LENGTH="3")

    printed = limited("publish", "-", typed=lines(*events), expect=1)

    assert "3 accepted" in printed.stdout
    assert "stopped before line 4" in printed.stderr
    assert signoff.json("status")["waiting"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read: No such file"),
        (["-", "--queue", "a b"], "--queue holds 'a b'; expected a name"),
        (["-", "--rejects", "no/such/folder"], "--rejects no/such/folder cannot be written"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_get_a_sentence(signoff: Signoff, arguments: list[str], sentence: str) -> None:
    """The message says what is wrong with an argument, with exit code 2."""
    assert sentence in signoff("publish", *arguments, expect=2).stderr


def test_unreachable_redis_gets_a_sentence(signoff: Signoff) -> None:
    """The address is named, its password is not."""
    away = signoff.having(SIGNOFF_REDIS_URL="redis://:secret@127.0.0.1:1/0")

    printed = away("publish", "-", typed=lines(mapping()), expect=2)

    assert "127.0.0.1:1" in printed.stderr
    assert "secret" not in printed.stderr


def test_missing_settings_are_named(signoff: Signoff) -> None:
    """Without a server, the message names the variable to set, and `signoff up`."""
    printed = signoff.having(SIGNOFF_REDIS_URL="")("publish", "-", expect=2)

    assert "SIGNOFF_REDIS_URL is not set" in printed.stderr
    assert "signoff up" in printed.stderr


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


@pytest.mark.parametrize("path", ["events.jsonl", "./events.jsonl"])
def test_the_published_file_is_not_overwritten(signoff: Signoff, path: str) -> None:
    """--rejects that names the input is refused before anything is opened."""
    file = signoff.folder / "events.jsonl"
    file.write_bytes(lines(mapping()))

    printed = signoff("publish", "events.jsonl", "--rejects", path, expect=2)

    assert "is the file to publish" in printed.stderr
    assert file.read_bytes() != b""
    assert signoff.json("status")["waiting"] == 0


def test_a_rejects_file_is_kept_until_a_line_is_refused(signoff: Signoff) -> None:
    """A run without refused lines keeps the last run's lines; another run replaces them."""
    kept = signoff.folder / "bad.jsonl"
    kept.write_bytes(b"of the last run\n")

    signoff("publish", "-", "--rejects", "bad.jsonl", typed=lines(mapping()))
    assert kept.read_bytes() == b"of the last run\n"

    signoff("publish", "-", "--rejects", "bad.jsonl", typed=b"{}\n{}\n", expect=1)
    assert kept.read_bytes() == b"{}\n{}\n"


def test_ctrl_c_shows_how_far_publishing_came(signoff: Signoff) -> None:
    """The events with an answer are counted, and the next line is named; exit 130."""
    typed = lines(*[mapping() for _ in range(CHUNK)])
    with signoff.interruptible("publish", "-", "--json") as publish:
        assert publish.stdin is not None
        publish.stdin.write(typed)
        publish.stdin.flush()
        eventually(lambda: signoff.json("status")["waiting"] == CHUNK, what="a chunk is published")
        publish.send_signal(signal.SIGINT)
        assert exit_code(publish) == 130
        out, err = publish.communicate()

    assert json.loads(out)["accepted"] == CHUNK
    assert json.loads(out)["stopped_before_line"] == CHUNK + 1
    assert f"stopped before line {CHUNK + 1}, the lines before it are done" in err.decode()
    assert "Traceback" not in err.decode()


def test_few_refused_lines_are_listed(signoff: Signoff) -> None:
    """Of a file without valid lines, only the first twenty are listed."""
    printed = signoff("publish", "-", typed=b"{}\n" * 1025, expect=1).stderr

    assert printed.count("rejected:") == 20
    assert printed.endswith("and 1,005 more; --rejects FILE keeps them\n")


@pytest.mark.parametrize(
    ("typed", "looks"),
    [
        (b"event_id,interaction_id\n1,2\n", "looks like CSV; one JSON object a line is wanted"),
        (b"[{}]\n", "a JSON array; one JSON object a line is wanted (`jq -c '.[]' FILE`)"),
        (b"[\n  {\n", "a JSON array"),
        (b'{\n  "event_id": 1\n}\n', "pretty-printed JSON"),
        (gzip.compress(b"{}\n"), "gzip"),
        ("{}\n".encode("utf-16"), "UTF-16"),
    ],
    ids=["CSV", "array", "indented array", "indented object", "gzip", "UTF-16"],
)
def test_a_file_of_another_kind_gets_one_hint(signoff: Signoff, typed: bytes, looks: str) -> None:
    """Its first line shows what it is; the hint says how to make JSON lines of it."""
    printed = signoff("publish", "-", typed=typed, expect=1).stderr

    assert looks in printed
    assert printed.count("is wanted") == 1


def test_json_lines_get_no_hint(signoff: Signoff) -> None:
    """A refused object is of the right kind."""
    assert "wanted" not in signoff("publish", "-", typed=b"{}\n", expect=1).stderr
