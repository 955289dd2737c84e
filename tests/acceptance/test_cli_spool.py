"""`signoff spool` publishes events that are in a file since an outage."""

from approvals import mapping
from command_line import Signoff, lines

from signoff_producer import Producer

UNLISTED = "redis://127.0.0.1:1/0"


def test_the_events_of_a_spool_file_are_published(signoff: Signoff) -> None:
    """Their process has ended meanwhile; publishing twice is harmless."""
    with Producer(UNLISTED, spool=signoff.folder / "spool.jsonl", publish_retries=0) as producer:
        for _ in range(2):
            assert producer.publish(mapping()).answer == "spooled"

    assert "2 accepted" in signoff("spool", "spool.jsonl").stdout
    assert signoff.json("status")["waiting"] == 2
    assert signoff.json("spool", "spool.jsonl")["accepted"] == 0


def test_a_refused_line_is_an_exit_code(signoff: Signoff) -> None:
    """The others are published; the refused line is put aside."""
    (signoff.folder / "spool.jsonl").write_bytes(b"nonsense\n" + lines(mapping()))

    printed = signoff("spool", "spool.jsonl", expect=1)

    assert "1 accepted, 0 duplicate, 0 conflict, 1 rejected" in printed.stdout
    assert (signoff.folder / "spool.jsonl.aside").read_bytes() == b"nonsense\n"


def test_during_the_outage_the_file_is_kept(signoff: Signoff) -> None:
    """The message has Redis's reason."""
    spool = signoff.folder / "spool.jsonl"
    held = lines(mapping())
    spool.write_bytes(held)
    away = signoff.having(SIGNOFF_REDIS_URL=UNLISTED)

    printed = away("spool", "spool.jsonl", expect=2)

    assert "Redis at 127.0.0.1:1 did not take the events" in printed.stderr
    assert spool.read_bytes() == held


def test_a_missing_file_is_named(signoff: Signoff) -> None:
    """A misspelt name creates no file."""
    assert "no spool file is known" in signoff("spool", expect=2).stderr
    assert "there is no such file" in signoff("spool", "misspelt.jsonl", expect=2).stderr
    assert not (signoff.folder / "misspelt.jsonl").exists()


def test_commands_do_not_spool(signoff: Signoff) -> None:
    """The published file holds its events already; an outage is an exit code."""
    away = signoff.having(
        SIGNOFF_REDIS_URL=UNLISTED, SIGNOFF_SPOOL="spool.jsonl", SIGNOFF_PUBLISH_RETRIES="0"
    )

    printed = away("publish", "-", typed=lines(mapping()), expect=2)

    assert "stopped, no line is known to be published" in printed.stderr
    assert not (signoff.folder / "spool.jsonl").exists()
