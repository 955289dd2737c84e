"""What reaches a terminal: text from outside is escaped, bounded, and never read as markup."""

import pytest

from signoff_cli import terminal

FORGED = "a\nb\x1b[2J\x9b\u202e[bold]c:bug:"
ESCAPED = "a\\nb\\x1b[2J\\x9b\\u202e[bold]c:bug:"


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks and controls are escaped, on both streams."""
    terminal.say(FORGED)
    terminal.complain(FORGED)
    assert tuple(capsys.readouterr()) == (f"{ESCAPED}\n", f"{ESCAPED}\n")


def test_a_block_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    """So none of its lines looks like one of Signoff's own."""
    terminal.say_block("Every table equals the fold\nof the ledger\x1b")
    assert capsys.readouterr().out == "  Every table equals the fold\n  of the ledger\\x1b\n"


def test_cells_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """In tables and in lists of fields; markup is shown as it is."""
    terminal.show_table(["name"], [[FORGED]])
    terminal.show_fields([("name", FORGED)])
    shown = capsys.readouterr().out
    assert shown.count(ESCAPED) == 2
    assert "\x1b[2J" not in shown


def test_cells_and_lines_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a value holds; its length is added."""
    assert len(terminal.cell("x" * 10_000_000)) < 10_100
    terminal.say("x" * 10_000_000)
    terminal.complain("x" * 10_000_000)
    out, err = capsys.readouterr()
    assert "(10,000,000 characters)" in out
    assert max(len(out), len(err)) < 20_100


def test_json_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Controls as JSON escapes them; a reader of JSON gets the same text."""
    terminal.show_json({"name": FORGED})
    terminal.show_json_list([{"name": FORGED}])
    shown = capsys.readouterr().out
    assert shown.count('"a\\nb\\u001b[2J\\u009b\\u202e[bold]c:bug:"') == 2
