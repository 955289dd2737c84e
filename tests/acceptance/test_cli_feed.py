"""`signoff feed`: what was applied, for people and for programs."""

import json
import os
import signal
import subprocess
from typing import Any
from uuid import uuid4

import pytest
from approvals import mapping
from command_line import Signoff
from processes import DEADLINE, exit_code


def read_lines(text: str) -> list[dict[str, Any]]:
    """JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_each_event_is_a_line_with_its_position(signoff: Signoff) -> None:
    """Any of the positions is a place to go on from."""
    events = [mapping(n, reviewer_notes="é\u2028\x1b") for n in range(4)]
    signoff.publish(*events)
    signoff.work()
    lines = read_lines(signoff("feed", "--json").stdout)
    assert {line["event"]["event_id"] for line in lines} == {str(e["event_id"]) for e in events}
    assert {line["event_type"] for line in lines} == {"approval"}
    assert lines[0]["event"]["reviewer_notes"] == "é\u2028\x1b"
    rest = signoff("feed", "--json", "--after", lines[1]["position"], "--limit", "1").stdout
    assert read_lines(rest) == [lines[2]]
    assert signoff("feed", "--json", "--after", lines[3]["position"]).stdout == ""


def test_people_see_one_line_an_event(signoff: Signoff) -> None:
    """Nothing of its texts reaches the terminal as it is, and how to go on is said."""
    signoff.publish(mapping(user_id="a\x1bb", customer_status="CUSTOMER", ltv_amount="7"))
    signoff.work()
    shown = signoff("feed")
    assert "a\\x1bb  CUSTOMER  7.00" in shown.stdout
    (command,) = shown.stderr.splitlines()
    position = command.rpartition(" ")[2]
    assert signoff("feed", "--after", position).stdout == ""


def test_what_is_no_position_is_refused_in_a_sentence(signoff: Signoff) -> None:
    """With exit code 2, as any wrong use."""
    refused = signoff("feed", "--after", "yesterday", expect=2)
    assert refused.stderr.startswith("signoff: the position is none that this feed gave")


def test_a_position_from_before_a_restore_is_refused_unless_that_is_accepted(
    signoff: Signoff,
) -> None:
    """The message names the option that goes on from there."""
    signoff.publish(mapping())
    signoff.work()
    (line,) = read_lines(signoff("feed", "--json").stdout)
    version, _, rest = line["position"].split(".", 2)
    old = f"{version}.{uuid4().hex}.{rest}"
    refused = signoff("feed", "--after", old, expect=2)
    assert "--accept-restore" in refused.stderr
    assert signoff("feed", "--json", "--after", old, "--accept-restore").stdout == ""


def test_following_shows_what_comes_and_ends_on_a_signal(signoff: Signoff) -> None:
    """SIGTERM ends it with exit code 0."""
    first, second = mapping(), mapping()
    signoff.publish(first)
    signoff.work()
    with signoff.process("feed", "--json", "--follow", stdout=subprocess.PIPE) as following:
        assert following.stdout
        seen = json.loads(following.stdout.readline())
        assert seen["event"]["event_id"] == str(first["event_id"])
        signoff.publish(second)
        signoff.work()
        seen = json.loads(following.stdout.readline())
        assert seen["event"]["event_id"] == str(second["event_id"])
        following.send_signal(signal.SIGTERM)
        assert exit_code(following) == 0


def test_following_ends_when_nobody_reads_any_more(signoff: Signoff) -> None:
    """Also while nothing is applied."""
    signoff.publish(mapping())
    signoff.work()
    with signoff.process("feed", "--json", "--follow", stdout=subprocess.PIPE) as following:
        assert following.stdout
        following.stdout.readline()
        following.stdout.close()
        assert exit_code(following) == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_wants_no_more_is_no_error(signoff: Signoff, form: tuple[str, ...]) -> None:
    """As `signoff feed | head` wants it: exit code 0, and not a word."""
    signoff.publish(mapping())
    signoff.work()
    reader, writer = os.pipe()
    os.close(reader)
    with signoff.process("feed", *form, stdout=writer, stderr=subprocess.PIPE) as reading:
        os.close(writer)
        _, err = reading.communicate(timeout=DEADLINE)
    assert (reading.returncode, err) == (0, b"")


def test_following_keeps_its_connection(signoff: Signoff, database_url: str) -> None:
    """It asks again each second; where the connection is lost, it makes another."""
    import psycopg  # noqa: PLC0415 -- only this test looks behind the command line

    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        signoff.process("feed", "--json", "--follow", stdout=subprocess.PIPE) as following,
    ):
        assert following.stdout
        sessions = []
        for _ in range(2):
            signoff.publish(mapping())
            signoff.work()
            following.stdout.readline()
            sessions += connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'signoff cli'"
                " AND datname = current_database()"
            ).fetchall()
        assert len(sessions) == 2
        assert len(set(sessions)) == 1
        connection.execute("SELECT pg_terminate_backend(%s, 60000)", sessions[0])
        signoff.publish(mapping())
        signoff.work()
        assert following.stdout.readline()
        following.send_signal(signal.SIGTERM)
        assert exit_code(following) == 0


def test_following_stops_at_its_limit(signoff: Signoff) -> None:
    """So many events, and no more."""
    signoff.publish(*[mapping() for _ in range(3)])
    signoff.work()
    assert len(read_lines(signoff("feed", "--json", "--follow", "--limit", "2").stdout)) == 2


def test_status_and_doctor_show_readers(signoff: Signoff, database_url: str) -> None:
    """How far each is behind, and why it cannot go on."""
    import psycopg  # noqa: PLC0415 -- only this test looks behind the command line

    signoff.publish(mapping(), mapping())
    signoff.work()
    lines = read_lines(signoff("feed", "--json", "--limit", "1").stdout)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO signoff.feed_readers (name, position, failure, failing_since) VALUES"
            " ('webhooks', %s, NULL, NULL), ('facts', NULL, 'the disk is full', now())",
            [lines[0]["position"]],
        )
    facts, webhooks = signoff.json("status")["feed_readers"]
    assert (facts["name"], facts["unread"], facts["failure"]) == ("facts", 2, "the disk is full")
    assert (webhooks["name"], webhooks["unread"], webhooks["failure"]) == ("webhooks", 1, None)
    assert "webhooks" in signoff("status").stdout
    checks = signoff("doctor", expect=None).stdout
    assert "Reader facts" in checks
    assert "the disk is full" in checks
