"""`signoff dlq`, as an operator uses it."""

import base64
import json
import re
import signal
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from approvals import mapping
from blocking import await_blocked
from command_line import Signoff
from processes import DEADLINE
from pydantic_core import to_json

from signoff_db.apply import apply
from signoff_db.connection import connect_for_batches
from signoff_db.delivery import Delivery

OTHER = "00000000-0000-4000-8000-000000000009"
Bury = Callable[..., None]


class Stopped(NamedTuple):
    """The result of a command that was stopped."""

    code: int
    stdout: str
    stderr: str


Stopping = Callable[..., Stopped]


@pytest.fixture
def bury(database_url: str) -> Bury:
    """Make dead letters of payloads that cannot be applied."""

    def apply_all(*payloads: dict[str, Any] | bytes) -> None:
        raw = [p if isinstance(p, bytes) else to_json(p) for p in payloads]
        with connect_for_batches(database_url, application="test") as connection:
            apply(connection, [Delivery.of_payload(f"job-{n}", p) for n, p in enumerate(raw)])

    return apply_all


def ids(signoff: Signoff, *arguments: object) -> list[int]:
    """The ids of the listed letters, the oldest first."""
    return sorted(letter["id"] for letter in signoff.json("dlq", "list", *arguments))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ([], [0, 1, 2]),
        (["--kind", "invalid_payload"], [0, 2]),
        (["--kind", "invalid_payload", "--kind", "unknown_interaction"], [0, 1, 2]),
        (["--user", "user-7"], [0]),
        (["--interaction", "00000000-0000-4000-8000-000000000001"], [1]),
        (["--since", "1h"], [0, 1, 2]),
        (["--until", "1h"], []),
        (["--until", "0s"], [0, 1, 2]),
        (["--since", "2020-01-01T00:00", "--until", "2020-01-02"], []),
        (["--limit", "1"], [2]),
        (["--state", "resolved"], []),
    ],
    ids=str,
)
def test_letters_are_chosen(
    signoff: Signoff, bury: Bury, choice: list[str], expected: list[int]
) -> None:
    """Each option narrows the list; several kinds widen it."""
    bury(
        mapping(user_id="user-7", quality_score=9),
        mapping(user_id=None, interaction_id="00000000-0000-4000-8000-000000000001"),
        b"\xff\x00 no text",
    )
    every = ids(signoff)

    assert ids(signoff, *choice) == [every[place] for place in expected]


@pytest.mark.parametrize("command", ["replay", "discard", "export"])
def test_acting_on_all_letters_needs_all(signoff: Signoff, command: str) -> None:
    """Without a choice nothing is changed; --all together with a choice is an error."""
    reason = ["--reason", "r"] if command == "discard" else []

    assert "--all" in signoff("dlq", command, *reason, expect=2).stderr
    assert "--all" in signoff("dlq", command, 1, "--all", *reason, expect=2).stderr


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_acting_on_several_asks_first(signoff: Signoff, bury: Bury, command: str) -> None:
    """Without a terminal nothing is changed; a dry run and a single letter need no confirmation."""
    bury(mapping(user_id=None), mapping(user_id=None))
    reason = ["--reason", "r"] if command == "discard" else []

    printed = signoff("dlq", command, "--all", *reason, expect=2)
    signoff("dlq", command, "--all", *reason, "--dry-run", expect=int(command == "replay"))

    assert "--yes" in printed.stderr
    assert len(ids(signoff)) == 2


def test_a_dry_run_shows_the_verdict_and_changes_nothing(signoff: Signoff, bury: Bury) -> None:
    """It shows the balance of each interaction; the letters stay dead."""
    interaction = uuid4()
    bury(mapping(user_id=None, interaction_id=interaction, ltv_amount="5"))
    bury(mapping(0, interaction_id=interaction))  # the interaction is there now

    report = signoff.json("dlq", "replay", "--all", "--dry-run")

    assert report["counts"] == {"applied": 1}
    (printed,) = report["replayed"]
    assert (printed["before"]["ltv_usd"], printed["after"]["ltv_usd"]) == ("0.00", "5.00")
    assert len(ids(signoff)) == 1


def test_a_replay_applies_and_resolves(signoff: Signoff, bury: Bury) -> None:
    """Applied letters are resolved; if a letter fails again, the exit code is 1."""
    interaction = uuid4()
    bury(mapping(user_id=None, interaction_id=interaction), mapping(user_id=None))
    bury(mapping(interaction_id=interaction))
    good, _ = ids(signoff)

    report = signoff.json("dlq", "replay", "--all", "--yes", expect=1)

    assert report["counts"] == {"applied": 1, "unknown_interaction": 1}
    assert ids(signoff, "--state", "resolved") == [good]
    assert "is resolved already" in signoff("dlq", "replay", good, expect=1).stderr
    assert "no dead letter 999" in signoff("dlq", "replay", 999, expect=1).stderr


def test_a_replay_stops_where_one_cause_keeps_recurring(signoff: Signoff, bury: Bury) -> None:
    """Ten failures of one cause in a row end it, unless --keep-going is given."""
    bury(*[mapping(user_id=None) for _ in range(30)])

    stopped = signoff("dlq", "replay", "--all", "--yes", expect=1)
    kept_on = signoff.json("dlq", "replay", "--all", "--yes", "--keep-going", expect=1)

    assert "keeps recurring" in stopped.stdout
    assert kept_on["counts"] == {"unknown_interaction": 30}


def test_an_edit_by_fields_applies(signoff: Signoff, bury: Bury) -> None:
    """The difference is shown, the event is applied, and actor and reason are recorded."""
    event = mapping(quality_score=9)
    bury(event)
    (letter,) = ids(signoff)

    printed = signoff(
        "dlq", "edit", letter, "--set", "quality_score=5", "--set", "ltv_amount=2.50",
        "--reason", "typo", "--yes",
    )  # fmt: skip

    assert "- quality_score: 9\n+ quality_score: 5\n" in printed.stdout
    assert signoff.json("interaction", event["interaction_id"])["ltv_usd"] == "2.50"
    (action,) = signoff.json("dlq", "show", letter)["actions"]
    assert (action["actor"], action["action"], action["reason"]) == ("ann", "edit", "typo")
    assert action["before"]["quality_score"] == 9


@pytest.mark.parametrize("editor", [False, True])
def test_an_edit_rounds_no_amount(signoff: Signoff, bury: Bury, *, editor: bool) -> None:
    """The other fields are applied unchanged, or refused."""
    event = to_json(mapping(quality_score=9, ltv_amount="X"))
    bury(event.replace(b'"X"', b"10.000000000000000001"))
    (letter,) = ids(signoff)
    command = signoff.at_a_terminal().having(EDITOR="sed -i s/9,$/3,/", VISUAL="")
    change = [] if editor else ["--set", "quality_score=4"]

    printed = command("dlq", "edit", letter, *change, "--reason", "typo", "--yes", expect=1)

    assert "ltv_amount must have at most 2 decimal places" in printed.stderr
    assert signoff.json("dlq", "show", letter)["state"] == "dead"


def test_the_difference_of_an_edit_rounds_nothing(signoff: Signoff, bury: Bury) -> None:
    """What was refused for its decimal places is shown with them, also in JSON."""
    bury(to_json(mapping(ltv_amount="X")).replace(b'"X"', b"10.005"))
    (letter,) = ids(signoff)

    edited = signoff.json("dlq", "edit", letter, "--set", "ltv_amount=10", "--reason", "r", "--yes")

    assert edited["difference"] == [["ltv_amount", "10.005", 10]]


def test_an_edit_in_an_editor_applies(signoff: Signoff, bury: Bury) -> None:
    """$EDITOR opens the event as indented JSON, and the saved text is applied."""
    event = mapping(quality_score=9)
    bury(event)
    (letter,) = ids(signoff)
    editor = signoff.at_a_terminal().having(EDITOR="sed -i s/9$/3/", VISUAL="")

    editor("dlq", "edit", letter, "--reason", "typo", "--yes")

    assert signoff.json("interaction", event["interaction_id"])["quality_score"] == 3


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (["--set", "quality_score=8", "--yes"], 1, "quality_score must be at most 5"),
        (["--set", "quality_score=5", "--set", f"event_id={OTHER}", "--yes"], 2, "keeps the event"),
        (["--set", "quality_score", "--yes"], 2, "expected FIELD=VALUE"),
        (["--set", "quality_score=5"], 2, "--yes"),
    ],
    ids=str,
)
def test_an_edit_that_is_refused_changes_nothing(
    signoff: Signoff, bury: Bury, change: list[str], code: int, sentence: str
) -> None:
    """Invalid events, another event_id, or no terminal: the letter is not changed."""
    bury(mapping(quality_score=9))
    (letter,) = ids(signoff)

    printed = signoff("dlq", "edit", letter, *change, "--reason", "r", expect=code)

    assert sentence in printed.stderr
    assert signoff.json("dlq", "show", letter)["state"] == "dead"


@pytest.mark.parametrize(
    ("editor", "code", "sentence"),
    [
        ("true", 1, "Nothing was changed"),
        ("false", 2, "ended with code 1"),
        ("no-such-editor", 2, "cannot be started"),
    ],
)
def test_an_editor_that_changes_nothing(
    signoff: Signoff, bury: Bury, editor: str, code: int, sentence: str
) -> None:
    """An unchanged text, an editor that fails and a missing editor have different messages."""
    bury(mapping(quality_score=9))
    (letter,) = ids(signoff)
    editing = signoff.at_a_terminal().having(EDITOR=editor, VISUAL="")

    assert sentence in editing("dlq", "edit", letter, "--reason", "r", expect=code).stderr


def test_discarding_needs_a_reason_and_records_it(signoff: Signoff, bury: Bury) -> None:
    """A discarded letter is kept, with actor and reason."""
    bury(mapping(user_id=None), mapping(user_id=None))
    first, second = ids(signoff)

    assert "--reason" in signoff("dlq", "discard", first, expect=2).stderr
    signoff("dlq", "discard", "--all", "--limit", 1, "--reason", "a test", "--actor", "bob")

    assert ids(signoff) == [second]
    shown = signoff("dlq", "show", first).stdout
    assert re.search(r"discard by bob \(in Postgres \S+\): a test", shown)


def test_groups_are_by_cause(signoff: Signoff, bury: Bury) -> None:
    """The biggest group is first, and names a letter."""
    bury(*[mapping(user_id=None) for _ in range(3)], mapping(quality_score=9))

    groups = signoff.json("dlq", "groups")

    assert [(group["kind"], group["count"]) for group in groups] == [
        ("unknown_interaction", 3),
        ("invalid_payload", 1),
    ]
    assert groups[1]["sample_id"] in ids(signoff, "--fingerprint", groups[1]["fingerprint"])
    assert "or edit it and set user_id" in groups[0]["message"]
    assert "example id" in signoff("dlq", "groups").stdout


def test_an_export_holds_unchanged_payloads(signoff: Signoff, bury: Bury) -> None:
    """Text as text, other bytes in base64; in a file if one is named."""
    event = mapping(user_id=None)
    bury(event, b"\xff\x00")

    signoff("dlq", "export", "--all", "--output", "letters.jsonl")

    newest, oldest = (
        json.loads(line) for line in (signoff.folder / "letters.jsonl").read_bytes().splitlines()
    )
    assert base64.b64decode(newest["payload_base64"]) == b"\xff\x00"
    assert json.loads(oldest["payload"])["event_id"] == str(event["event_id"])


def test_a_payload_cannot_control_the_terminal(signoff: Signoff, bury: Bury) -> None:
    """Escape sequences in it are escaped."""
    bury(b"\x1b]0;owned\x07 {not json")
    (letter,) = ids(signoff)

    shown = signoff("dlq", "show", letter).stdout

    assert "\x1b" not in shown
    assert "\\x1b]0;owned" in shown


def test_the_advice_for_a_letter_without_an_event(signoff: Signoff, bury: Bury) -> None:
    """Nothing that its upstream publishes resolves a pickle, for example."""
    bury(b"\x80\x04\x95", mapping(quality_score=9))
    unnamed, named = ids(signoff)

    printed = signoff("dlq", "show", unnamed).stdout

    assert "resolves the letter" not in printed
    assert f"signoff dlq discard {unnamed} --reason WHY" in printed
    assert "resolves the letter" in signoff("dlq", "show", named).stdout


@pytest.mark.parametrize("when", ["soon", "999999w", "5 minutes", "2026-13-01", "-3d"])
def test_an_invalid_time_is_named(signoff: Signoff, when: str) -> None:
    """With the option, its value and what was expected."""
    assert "--since holds" in signoff("dlq", "list", f"--since={when}", expect=2).stderr


@pytest.fixture
def stopping(signoff: Signoff, bury: Bury, database_url: str) -> Stopping:
    """Replay two letters, and call `stop` while it waits for the second."""

    def replay(*options: object, stop: Callable[[subprocess.Popen[bytes]], None]) -> Stopped:
        interaction = uuid4()
        bury(
            mapping(user_id=None, interaction_id=interaction),
            mapping(1, user_id=None, interaction_id=interaction),
        )
        bury(mapping(2, interaction_id=interaction))
        _, second = ids(signoff)
        with (
            psycopg.connect(database_url) as operator,
            signoff.interruptible("dlq", "replay", "--all", "--yes", "--rate", 1, *options) as it,
        ):
            operator.execute("SELECT FROM dead_letters WHERE id = %s FOR UPDATE", [second])
            await_blocked(database_url)  # the replay, by the second letter
            stop(it)
            out, err = it.communicate(timeout=DEADLINE)
        return Stopped(it.returncode, out.decode(), err.decode())

    return replay


def test_ctrl_c_shows_what_a_replay_has_done(signoff: Signoff, stopping: Stopping) -> None:
    """Committed letters are counted, also in JSON; no message of the driver is shown."""
    stopped = stopping("--json", stop=lambda it: it.send_signal(signal.SIGINT))

    report = json.loads(stopped.stdout)
    assert stopped.code == 130
    assert (report["interrupted"], report["away"], report["counts"]) == (True, {}, {"applied": 1})
    assert [one["letter_id"] for one in report["replayed"]] == ids(signoff, "--state", "resolved")
    assert stopped.stderr == (
        "signoff: interrupted; a batch is replayed as a whole or not at all\n"
    )


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_a_replay_that_loses_postgres_shows_what_it_has_done(
    signoff: Signoff, stopping: Stopping, database_url: str, as_json: bool
) -> None:
    """Committed letters are counted by verdict, and the reason is shown; exit code 2."""

    def cut(_: subprocess.Popen[bytes]) -> None:
        with psycopg.connect(database_url) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'signoff dlq replay'"
            )

    stopped = stopping(*(["--json"] if as_json else []), stop=cut)

    assert stopped.code == 2
    assert "terminating connection" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    if not as_json:
        assert "Replayed 1 dead letter: 1 applied." in stopped.stdout
        return
    report = json.loads(stopped.stdout)
    assert (report["interrupted"], report["counts"]) == (False, {"applied": 1})
    assert "terminating connection" in report["away"]["postgres"]
    assert [one["letter_id"] for one in report["replayed"]] == ids(signoff, "--state", "resolved")


def test_a_blank_reason_is_refused(signoff: Signoff, bury: Bury) -> None:
    """The reason is kept for ever."""
    bury(mapping(user_id=None))
    (letter,) = ids(signoff)

    for command in ("discard", "edit"):
        assert "blank" in signoff("dlq", command, letter, "--reason", " ", expect=2).stderr
    assert ids(signoff) == [letter]


def test_all_letters_are_listed_page_by_page(
    signoff: Signoff, bury: Bury, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, as JSON too, though no more than a page is in memory."""
    assert signoff.json("dlq", "list", "--all") == []
    bury(*(mapping(user_id=None) for _ in range(5)))
    monkeypatch.setattr("signoff_ops.dead_letters._PAGE", 2)

    assert signoff.json("dlq", "list", "--all") == signoff.json("dlq", "list")
    assert len(ids(signoff, "--all")) == 5
    assert signoff("dlq", "list", "--all").stdout.count("unknown_interaction") == 5


@pytest.mark.parametrize("command", ["show", "list", "replay", "export"])
def test_an_id_that_is_too_large_is_an_error(signoff: Signoff, command: str) -> None:
    """Postgres's largest bigint is the limit, and the message names it."""
    printed = signoff("dlq", command, "99999999999999999999", expect=2)

    assert str(2**63 - 1) in printed.stderr


def test_without_a_terminal_no_editor_starts(signoff: Signoff, bury: Bury) -> None:
    """A script has to name the fields with --set."""
    bury(mapping(quality_score=9))
    (letter,) = ids(signoff)
    editing = signoff.having(EDITOR="touch started; true", VISUAL="")

    printed = editing("dlq", "edit", letter, "--reason", "r", expect=2)

    assert "no terminal; use --set FIELD=VALUE" in printed.stderr
    assert list(signoff.folder.iterdir()) == []


def test_a_replays_summary_counts_failures_apart(signoff: Signoff, bury: Bury) -> None:
    """In a dry run too."""
    bury(*[mapping(user_id=None) for _ in range(10)])

    dry = signoff("dlq", "replay", "--all", "--dry-run", expect=1).stdout
    wet = signoff("dlq", "replay", "--all", "--yes", expect=1).stdout

    assert "0 would apply, 10 would fail again: 10 unknown_interaction." in dry
    assert "Replayed 10 dead letters: 0 applied, 10 failed again: 10 unknown_interaction." in wet


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_a_choice_that_matches_nothing_is_no_error(signoff: Signoff, command: str) -> None:
    """The command says so, with exit code 0."""
    reason = ["--reason", "r"] if command == "discard" else []

    printed = signoff("dlq", command, "--kind", "abandoned", *reason)

    assert printed.stdout == "No dead letter matches.\n"


def test_a_missing_letter_has_the_same_message_everywhere(signoff: Signoff, bury: Bury) -> None:
    """Also a settled letter for an edit: exit code 1 and the same sentence."""
    bury(mapping(user_id=None))
    (letter,) = ids(signoff)
    signoff("dlq", "discard", letter, "--reason", "r")
    change = ["--set", "user_id=u", "--reason", "r"]

    missing = signoff("dlq", "show", 999, expect=1).stderr

    assert missing == "There is no dead letter 999.\n"
    assert signoff("dlq", "edit", 999, *change, expect=1).stderr == missing
    settled = signoff("dlq", "edit", letter, *change, expect=1).stderr
    assert settled == f"Dead letter {letter} is discarded already.\n"
    assert signoff("dlq", "replay", letter, expect=1).stderr == settled
    assert signoff.json("dlq", "show", 999, expect=1) == {"id": 999, "known": False}
