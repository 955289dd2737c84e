"""Logged values cannot forge log lines, nor make them long."""

import json
import logging
import sys

import pytest

from signoff_worker.logs import JsonFormatter, TextFormatter

FORGED = "x\n2026-01-01 00:00:00+0000 INFO    batch applied=1000\x1b[2J\u202e"


def record(message: str, **fields: object) -> logging.LogRecord:
    """A record as the worker's logger makes it, with the exception at hand."""
    at_hand = sys.exc_info()
    made = logging.LogRecord(
        "signoff.worker", logging.WARNING, "", 0, message, (), at_hand if at_hand[0] else None
    )
    made.fields = fields
    return made


def test_a_text_line_is_one_line() -> None:
    """Also if the message or a field holds line breaks."""
    line = TextFormatter().format(record(f"gone: {FORGED}", event=FORGED))

    assert line.isprintable()
    assert r"event=x\n2026-01-01" in line


def fail() -> None:
    """Raise an error with a text from outside."""
    raise LookupError(FORGED)


def test_the_lines_of_a_traceback_are_indented_and_escaped() -> None:
    """So none of them looks like a line of the log, and no control reaches the terminal."""
    try:
        fail()
    except LookupError:
        first, *rest = TextFormatter().format(record("it failed")).split("\n")

    assert "it failed" in first
    assert rest[-1].endswith(r"applied=1000\x1b[2J\u202e")
    assert all(one.startswith("  ") and one.isprintable() for one in rest)


def test_a_json_line_is_one_line() -> None:
    """The text in it is unchanged."""
    line = JsonFormatter().format(record("gone", event=FORGED))

    assert line.isprintable()
    assert json.loads(line)["event"] == FORGED


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_line_is_of_bounded_length(formatter: logging.Formatter) -> None:
    """A job's id may be 185 MB long."""
    huge = "x" * 1_000_000

    line = formatter.format(record(huge, event=huge))

    assert len(line) < 6000
    assert "(1,000,000 characters)" in json.loads(line)["event"] if line[0] == "{" else line
