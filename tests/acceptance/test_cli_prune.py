"""`signoff prune`, as an operator or cron runs it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff


@pytest.fixture
def old(signoff: Signoff, database_url: str) -> dict[str, Any]:
    """Make a discarded letter that is a year old, and a dead one; gives the discarded event."""
    event = mapping(user_id=None)
    signoff.publish(event, mapping(user_id=None))
    signoff.work()
    (letter,) = (
        one["id"]
        for one in signoff.json("dlq", "list")
        if one["event_id"] == str(event["event_id"])
    )
    signoff("dlq", "discard", letter, "--reason", "test data")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE dead_letters SET resolved_at = now() - interval '1 year' WHERE state <> 'dead'"
        )
    return event


def states(signoff: Signoff) -> list[str]:
    """The states of all letters."""
    every = [f"--state={state}" for state in ("dead", "resolved", "discarded")]
    return sorted(letter["state"] for letter in signoff.json("dlq", "list", *every))


@pytest.mark.usefixtures("old")
def test_a_dry_run_counts_and_keeps(signoff: Signoff) -> None:
    """It writes no file either."""
    said = signoff.json(
        "prune", "--older-than", "30d", "--dry-run", "--export", signoff.folder / "file"
    )

    assert (said["dry_run"], said["resolved"], said["discarded"]) == (True, 0, 1)
    assert (said["export"], said["sha256"]) == (None, None)
    assert states(signoff) == ["dead", "discarded"]
    assert not (signoff.folder / "file").exists()


def test_an_export_comes_first_and_can_be_checked(signoff: Signoff, old: dict[str, Any]) -> None:
    """One line for each letter, and a checksum for `sha256sum -c`; then they are deleted."""
    file = signoff.folder / "letters.jsonl"

    said = signoff.json("prune", "--older-than", "30d", "--export", file, "--yes")

    (letter,) = map(json.loads, file.read_text().splitlines())
    assert (letter["event_id"], letter["state"]) == (str(old["event_id"]), "discarded")
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    beside = Path(f"{file}.sha256").read_text()
    assert beside == f"{said['sha256']}  letters.jsonl\n"
    assert states(signoff) == ["dead"]


def test_its_event_is_still_known(signoff: Signoff, old: dict[str, Any]) -> None:
    """The history of a discarded event ends with who pruned its letter, and where it went."""
    signoff("prune", "--older-than", "30d", "--export", signoff.folder / "f", "--yes")

    (entry,) = signoff.json("event", old["event_id"])["history"]

    assert entry["what"] == "pruned"
    assert "by ann, because: settled before 30d; exported to" in entry["text"]


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("there", ["letters.jsonl", "letters.jsonl.sha256"])
def test_a_file_is_never_overwritten(signoff: Signoff, there: str) -> None:
    """It may be an earlier export; no letter is deleted."""
    (signoff.folder / there).write_text("precious")

    printed = signoff(
        "prune", "--older-than", "30d", "--export", signoff.folder / "letters.jsonl", "--yes",
        expect=2,
    ).stderr  # fmt: skip

    assert f"{there} cannot be written: File exists; nothing was deleted" in printed
    assert (signoff.folder / there).read_text() == "precious"
    assert states(signoff) == ["dead", "discarded"]


@pytest.mark.usefixtures("old")
def test_it_asks_first(signoff: Signoff) -> None:
    """Without a terminal it needs --yes; "no" deletes nothing; without letters it does not ask."""
    assert "say --yes" in signoff("prune", "--older-than", "30d", expect=2).stderr
    asked = signoff.at_a_terminal()
    assert "Forget 1 settled dead letter?" in asked(
        "prune", "--older-than", "30d", typed=b"n\n", expect=1
    ).stderr  # fmt: skip
    assert states(signoff) == ["dead", "discarded"]
    assert "Forgot 0 resolved" in signoff("prune", "--older-than", "400d").stdout


def test_an_invalid_age_is_named(signoff: Signoff) -> None:
    """With the allowed forms."""
    assert "--older-than holds 'a month'" in signoff(
        "prune", "--older-than", "a month", expect=2
    ).stderr  # fmt: skip
