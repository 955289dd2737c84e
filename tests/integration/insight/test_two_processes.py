"""A rebuild of the facts of many customers takes a second process to help."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
from approvals import apply_events, approval
from fact_tables import tables_from, tables_of
from plain_insight import plain_facts
from processes import environment, eventually, exit_code

from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_insight.facts.state import state_of
from signoff_schemas import ApprovalEvent

CUSTOMERS: Final = 250
HALF: Final = "when half of a part is committed"


@pytest.fixture
def events(connection: BatchConnection) -> list[ApprovalEvent]:
    """Applied events, two of each customer."""
    found = [
        approval(minute, user_id=f"user-{n}", customer_status=status)
        for n in range(CUSTOMERS)
        for minute, status in ((n, "PROSPECT"), (n + 5, "CUSTOMER"))
    ]
    apply_events(connection, *found)
    return found


@contextmanager
def keeping(database_url: str, point: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that rebuilds the facts in parts of 100 customers, in a session of its own."""
    command = [sys.executable, "-m", "crashing_facts", *([point] if point else [])]
    env = environment("redis://127.0.0.1:1", database_url)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def has_ended(session: int) -> bool:
    """Whether no process of a session is left."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return True
    return False


def test_both_compute_the_same_facts(
    connection: BatchConnection, database_url: str, events: list[ApprovalEvent]
) -> None:
    """Parts of an odd number of customers, the last one of few."""
    with closing(FactsReader(database_url, "UTC", chunk=61, together=20)) as reader:
        while reader.turn() is not Turn.CAUGHT_UP:
            pass
        assert tables_of(connection) == tables_from(plain_facts(events))


@pytest.mark.usefixtures("events")
def test_the_second_one_ends_with_a_killed_first(database_url: str, tmp_path: Path) -> None:
    """Though nobody tells it."""
    with keeping(database_url, HALF, tmp_path) as process:
        assert exit_code(process, log=tmp_path / "log") == -signal.SIGKILL
        eventually(lambda: has_ended(process.pid), what="both ended", log=tmp_path / "log")


def test_a_signal_to_both_is_for_the_first(
    connection: BatchConnection, database_url: str, tmp_path: Path, events: list[ApprovalEvent]
) -> None:
    """As a terminal or a supervisor sends it: the part in hand is finished, and both end."""

    def has_begun() -> bool:
        state = state_of(connection)
        return state is not None and state.customers_rebuilt > 0

    log = tmp_path / "log"
    with keeping(database_url, "", tmp_path) as process:
        eventually(has_begun, what="a part is computed", log=log)
        os.killpg(process.pid, signal.SIGTERM)
        assert exit_code(process, log=log) == 0
        eventually(lambda: has_ended(process.pid), what="both ended", log=log)
    assert "Traceback" not in log.read_text()
    with closing(FactsReader(database_url, "UTC")) as reader:
        while reader.turn() is not Turn.CAUGHT_UP:
            pass
        assert tables_of(connection) == tables_from(plain_facts(events))
