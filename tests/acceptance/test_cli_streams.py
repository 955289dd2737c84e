"""The output of commands: closed and full streams, encodings, hostile texts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from approvals import mapping
from command_line import Signoff, lines
from processes import DEADLINE

from signoff_schemas import MAX_EVENT_BYTES

FORGED = "x\nEvery table equals the fold of the ledger\x1b[2J\x9b\u202e"


def through_a_shell(signoff: Signoff, command: str) -> subprocess.CompletedProcess[bytes]:
    """Run `signoff` as `$S` in a shell that can close its streams."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env=signoff.environment | {"S": f"{sys.executable} -m signoff_cli"},
        cwd=signoff.folder,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "code", "printed"),
    [
        ("$S funnel >/dev/full", 2, "standard output cannot be written: No space left"),
        ("$S funnel --json >/dev/full", 2, "standard output cannot be written: No space left"),
        ("$S schema >/dev/full", 2, "standard output cannot be written: No space left"),
        ("$S funnel >&-", 2, "standard output cannot be written: Bad file descriptor"),
        ("$S --help >/dev/full", 2, "standard output cannot be written: No space left"),
        ("$S funnel 2>/dev/full", 0, ""),
        ("$S funnel 2>&-", 0, ""),
        ("$S funnel <&-", 0, ""),
        ("$S nonsense 2>&-", 2, ""),
        ("$S publish - <&-", 2, "standard input cannot be read: Bad file descriptor"),
    ],
)
def test_streams_that_are_closed_or_full(
    signoff: Signoff, command: str, code: int, printed: str
) -> None:
    """A sentence and exit 2 if data could not be written; never a traceback."""
    ran = through_a_shell(signoff, command)

    assert ran.returncode == code, ran.stderr
    assert printed in ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


def test_a_reader_that_stops_early_is_no_error(signoff: Signoff) -> None:
    """As for any command before `head`."""
    ran = through_a_shell(signoff, "$S schema | head -c 1; $S dlq export --all | true")

    assert b"Traceback" not in ran.stderr
    assert b"cannot be written" not in ran.stderr


@pytest.mark.parametrize(
    "command", ["status", "dlq groups", "dlq groups --json", "dlq export --all"]
)
def test_an_encoding_that_lacks_characters_gets_escapes(signoff: Signoff, command: str) -> None:
    """And JSON stays JSON."""
    signoff.publish(mapping(user_id=None, final_bubbles=["größer → 🎉"]))
    signoff.work()

    printed = signoff(*command.split(), encoding="ascii").stdout

    assert printed
    if "json" in command or "export" in command:
        json.loads(printed)


@pytest.fixture
def hostile(signoff: Signoff, redis_url: str) -> Signoff:
    """The command line, and a job whose id and payload try to forge lines."""
    with redis.Redis.from_url(redis_url) as client:
        key = f"rq:job:{FORGED}"
        client.hset(key, mapping={"data": f"{{{FORGED}", "origin": "approvals"})
        client.rpush("rq:queue:approvals", FORGED, f"gone\n{FORGED}")
    return signoff


@pytest.mark.parametrize(
    "command",
    [["audit"], ["status"], ["event", FORGED], ["doctor"]],
    ids=lambda command: command[0],
)
def test_a_waiting_job_cannot_forge_a_line(hostile: Signoff, command: list[str]) -> None:
    """Its id is shown escaped on one line."""
    ran = hostile(*command, expect=None)

    assert_unforged(ran.stdout + ran.stderr)


def test_the_last_message_of_a_command_is_escaped(signoff: Signoff) -> None:
    """The name of a file may hold anything."""
    shown = signoff("publish", "x\x1b[2J\x9b\u202e", expect=2).stderr

    assert shown == "signoff: x\\x1b[2J\\x9b\\u202e cannot be read: No such file or directory\n"


def test_a_dead_letter_cannot_forge_a_line(hostile: Signoff, database_url: str) -> None:
    """In lists, in `dlq show`, and in the worker's log."""
    log = hostile.folder / "log"
    with log.open("wb") as output, hostile.process("worker", "--burst", stderr=output) as worker:
        assert worker.wait() == 0
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT max(id) FROM dead_letters").fetchone()
    assert row
    assert row[0]
    shown = [
        hostile(*command, expect=None).stdout
        for command in (
            ["dlq", "list"],
            ["dlq", "show", row[0]],
            ["dlq", "groups"],
            ["audit"],
        )
    ]

    for text in (*shown, log.read_text()):
        assert_unforged(text)


def assert_unforged(text: str) -> None:
    """No line begins with the hostile text, and none holds a control sequence."""
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)
        assert not line.startswith("Every table equals the fold of the ledger\\")


def test_json_holds_no_control_sequences(hostile: Signoff) -> None:
    """Its values are unchanged."""
    text = hostile("audit", "--json", expect=None).stdout

    assert text.replace("\n", "").isprintable()
    assert any(FORGED in value for value in strings(json.loads(text)))


def strings(value: Any) -> list[str]:
    """All texts in a JSON value."""
    match value:
        case str():
            return [value]
        case list():
            return [text for one in value for text in strings(one)]
        case dict():
            return [text for one in value.values() for text in strings(one)]
    return []


@pytest.mark.parametrize(
    "options",
    [
        ["dlq", "replay", "--all", "--yes", "--rate", "inf"],
        ["dlq", "replay", "--all", "--yes", "--rate", "nan"],
        ["alert", "--interval", "nan"],
        ["relay", "--poll", "nan"],
    ],
    ids=" ".join,
)
def test_a_number_that_is_not_finite_is_refused(signoff: Signoff, options: list[str]) -> None:
    """Inf and nan pass some bounds, and would make an endless delay, or none."""
    printed = signoff(*options, expect=2).stderr

    assert "is no finite number" in printed or "expected a number" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("dlq list --limit 0", "expected a number greater than or equal to 1, found '0'"),
        ("dlq edit abc --reason r", "expected a whole number, found 'abc'"),
        ("relay --poll x", "expected a number, found 'x'"),
        ("interaction 12", "expected a UUID, such as 6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11, found"),
        ("dlq list --kind nope", "'nope' is not one of 'invalid_payload'"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(signoff: Signoff, arguments: str, said: str) -> None:
    """Not in those of the library that checks it."""
    printed = signoff(*arguments.split(), expect=2).stderr

    assert f": {said}" in printed
    for phrase in ("Input should", "Value error", "unable to parse"):
        assert phrase not in printed


def test_times_without_a_local_time_are_shown(signoff: Signoff) -> None:
    """The first hours of year 1 have no local time in New York."""
    first = mapping(occurred_at="0001-01-01T00:00:00Z")
    signoff.publish(first)
    signoff.work()
    there = signoff.having(TZ="America/New_York")

    for command in ("event", "interaction", "customer"):
        asked = {"event": "event_id", "interaction": "interaction_id", "customer": "user_id"}
        assert "00:00:00 UTC" in there(command, first[asked[command]]).stdout
        there(command, first[asked[command]], "--json")


def test_a_line_of_any_length_is_refused_by_its_number(signoff: Signoff) -> None:
    """In bounded memory; the other lines are published."""
    huge = signoff.folder / "huge.jsonl"
    with huge.open("wb") as file:
        file.write(lines(mapping()))
        file.seek(500_000_000, os.SEEK_CUR)
        file.write(b"\n" + lines(mapping()))
    limited = "ulimit -v 1500000; $S publish huge.jsonl --rejects rejects.jsonl --json"

    ran = through_a_shell(signoff, limited)

    assert ran.returncode == 1, ran.stderr
    assert json.loads(ran.stdout)["accepted"] == 2
    assert b"line 2: rejected: it is 500,000,001 bytes long" in ran.stderr
    assert f"at most {MAX_EVENT_BYTES:,}" in ran.stderr.decode()
    assert not (signoff.folder / "rejects.jsonl").read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ["publish", "-", "--rejects", "link"],
        ["dlq", "export", "--all", "--output", "link"],
        ["prune", "--older-than", "0s", "--yes", "--export", "link"],
    ],
    ids=lambda command: command[-2],
)
def test_output_files_are_not_links(signoff: Signoff, command: list[str]) -> None:
    """The target of a link is not changed."""
    precious = signoff.folder / "precious"
    precious.write_text("precious")
    (signoff.folder / "link").symlink_to(precious)
    signoff.publish(mapping(user_id=None))
    signoff.work()
    signoff("dlq", "discard", "--all", "--reason", "r", "--yes")

    printed = signoff(*command, typed=b"{}\n", expect=2).stderr

    assert "link cannot be written" in printed
    assert precious.read_text() == "precious"


def test_files_are_for_their_owner_alone(signoff: Signoff) -> None:
    """They hold customers' texts; a list of letters is a new file."""
    signoff.publish(mapping(user_id=None))
    signoff.work()
    signoff("publish", "-", "--rejects", "rejects", typed=b"{}\n", expect=1)
    signoff("dlq", "export", "--all", "--output", "letters")

    assert {mode(signoff.folder / name) for name in ("rejects", "letters")} == {0o600}
    assert "File exists" in signoff(
        "dlq", "export", "--all", "--output", "letters", expect=2
    ).stderr  # fmt: skip


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return path.stat().st_mode & 0o777


def test_a_read_only_database_is_named(signoff: Signoff, database_url: str) -> None:
    """`alert` goes on, since the database may be writable again after a failover."""
    signoff.publish(mapping(user_id=None))
    signoff.work()
    read_only = signoff.having(
        SIGNOFF_DATABASE_URL=f"{database_url}?options=-cdefault_transaction_read_only%3Don",
        SIGNOFF_ALERT_COMMAND="touch told",
    )

    assert "is read-only" in read_only("outbox", "create", expect=2).stderr
    assert "is read-only" in read_only("insight", "run", "--once", expect=2).stderr
    assert "is read-only" in read_only("insight", "rebuild", expect=2).stderr
    assert "is read-only" in read_only("alert", "--once", expect=1).stderr
    assert not (signoff.folder / "printed").exists()
