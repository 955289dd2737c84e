"""Processes that run operations: killed, stopped, two at once, cut off from Postgres."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
from approvals import approval
from command_line import Signoff
from desk import servers_of, sql
from letters import bury, letters_in
from operations import ANN, after
from processes import eventually, exit_code

from signoff_db.audit import audit
from signoff_db.connection import connect, connect_for_batches
from signoff_db.selection import Selection
from signoff_embedded.ports import free_port
from signoff_ops.operations import OperationAction, OperationState, start_operation
from signoff_schemas import AnyEvent

REPLAY = OperationAction.REPLAY
SIGNOFF = (sys.executable, "-m", "signoff_cli")
RUN = (*SIGNOFF, "operations", "run")


@pytest.fixture
def env(redis_url: str, database_url: str) -> dict[str, str]:
    """The environment of the processes."""
    return processes.environment(redis_url, database_url)


def bury_all(database_url: str, *events: AnyEvent) -> None:
    """Make dead letters of these events."""
    with connect_for_batches(database_url, application="test") as connection:
        bury(connection, *events)


def noted(database_url: str) -> list[int]:
    """The letters of all replays that are recorded."""
    rows = sql(database_url, "SELECT unnest(dead_letter_ids) FROM operator_actions ORDER BY 1")
    return [row[0] for row in rows]


def ended(database_url: str, number: int) -> bool:
    """Whether an operation has ended."""
    statement = "SELECT ended_at IS NOT NULL FROM operations WHERE id = %s"
    return sql(database_url, statement, number) == [(True,)]


def test_a_killed_runner_repeats_and_loses_nothing(
    env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """Killed before and after each commit: each letter is tried once, and the counts are exact."""
    failing = [approval(user_id=None) for _ in range(40)]
    bury_all(database_url, *(approval(ltv_amount="2.50") for _ in range(160)), *failing)
    started = start_operation(servers_of(database_url), Selection(), ANN, REPLAY, keep_going=True)
    for point in [*("before commit", "after commit") * 3, "never"]:
        command = (sys.executable, "-m", "crashing_runner", point)
        with processes.process(*command, env=env, log=tmp_path / "log") as runner:
            code = exit_code(runner, log=tmp_path / "log")
        if code == 0:
            break
        assert code == -signal.SIGKILL

    done = after(database_url, started)
    assert (done.state, done.tried, done.left) == (OperationState.DONE, 200, 0)
    assert done.effect.counts == {"applied": 160, "unknown_interaction": 40}
    assert done.effect.ltv_after == 400
    assert len(noted(database_url)) == len(set(noted(database_url))) == 200
    with connect(database_url) as connection:
        assert len(letters_in(connection)) == 40
        assert not audit(connection).differences


def test_an_operation_that_ends_each_runner_fails(
    env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """After five of them, with a sentence: it does not keep the others from their work."""
    bury_all(database_url, approval())
    started = start_operation(servers_of(database_url), Selection(), ANN, REPLAY)
    for _ in range(6):
        command = (sys.executable, "-m", "crashing_runner", "before commit")
        with processes.process(*command, env=env, log=tmp_path / "log") as runner:
            code = exit_code(runner, log=tmp_path / "log")
    assert code == 0
    failed = after(database_url, started)
    assert (failed.state, failed.tried) == (OperationState.FAILED, 0)
    assert "got no further" in (failed.message or "")


def test_a_stopped_runner_gives_its_operation_back(
    env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """At SIGTERM, at once: the next one need not wait for the lease, and takes the rest."""
    bury_all(database_url, *(approval() for _ in range(12)))
    started = start_operation(servers_of(database_url), Selection(), ANN, REPLAY, rate=4.0)
    with processes.process(*RUN, env=env, log=tmp_path / "log") as runner:
        eventually(lambda: after(database_url, started).tried > 0, what="it has begun")
        runner.terminate()
        assert exit_code(runner, log=tmp_path / "log") == 0
    paused = after(database_url, started)
    assert (paused.state, paused.held) == (OperationState.RUNNING, False)
    assert sql(database_url, "SELECT count(*) FROM operation_runners") == [(0,)]

    with processes.process(*RUN, env=env, log=tmp_path / "log"):
        eventually(lambda: ended(database_url, started.id), what="it is done", log=tmp_path / "log")
    assert after(database_url, started).effect.counts == {"applied": 12}


def test_two_runners_share_the_work(env: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """Each letter is tried once, by one of them."""
    bury_all(database_url, *(approval(ltv_amount="1") for _ in range(400)))
    servers = servers_of(database_url)
    both = [start_operation(servers, Selection(), ANN, REPLAY) for _ in range(2)]
    with (
        processes.process(*RUN, env=env, log=tmp_path / "one"),
        processes.process(*RUN, env=env, log=tmp_path / "two"),
    ):
        eventually(lambda: all(ended(database_url, one.id) for one in both), what="both are done")

    found = [after(database_url, one) for one in both]
    assert [one.state for one in found] == [OperationState.DONE] * 2
    assert [one.tried + one.left_out for one in found] == [400, 400]
    assert len(noted(database_url)) == len(set(noted(database_url))) == 400


def test_an_outage_fails_no_operation(
    env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """The runner connects again and goes on; the operation is done, and nothing is tried twice."""
    bury_all(database_url, *(approval() for _ in range(30)))
    started = start_operation(servers_of(database_url), Selection(), ANN, REPLAY, rate=15.0)
    with processes.process(*RUN, env=env, log=tmp_path / "log"):
        for tried in (0, 15):
            eventually(lambda at=tried: after(database_url, started).tried > at, what="it goes on")  # type: ignore[misc]
            sql(
                database_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'signoff operations' AND datname = current_database()",
            )
        eventually(lambda: ended(database_url, started.id), what="it is done", log=tmp_path / "log")
    done = after(database_url, started)
    assert (done.state, done.effect.counts) == (OperationState.DONE, {"applied": 30})
    assert len(noted(database_url)) == 30


@pytest.fixture
def served(env: dict[str, str], tmp_path: Path) -> Iterator[int]:
    """A process of `signoff serve`."""
    port = free_port()
    command = (*SIGNOFF, "serve", "--port", str(port))
    with processes.process(*command, env=env, log=tmp_path / "log") as process:
        yield process.pid


def test_the_service_keeps_a_runner(served: int, database_url: str, tmp_path: Path) -> None:
    """What is started is run; a killed runner is replaced; it ends with the service."""
    bury_all(database_url, approval(), approval())
    servers = servers_of(database_url)

    def pid() -> int:
        rows = sql(database_url, "SELECT name FROM operation_runners ORDER BY started_at DESC")
        return int(rows[0][0].rpartition(":")[2]) if rows else 0

    eventually(lambda: pid() > 0, what="a runner is there", log=tmp_path / "log")
    first = pid()
    one = start_operation(servers, Selection(), ANN, REPLAY, limit=1)
    eventually(lambda: ended(database_url, one.id), what="it is done", log=tmp_path / "log")

    os.kill(first, signal.SIGKILL)
    two = start_operation(servers, Selection(), ANN, REPLAY)
    eventually(lambda: ended(database_url, two.id), what="it is done", log=tmp_path / "log")
    assert pid() != first

    os.kill(served, signal.SIGTERM)
    eventually(
        lambda: not Path(f"/proc/{pid()}").exists() if pid() else True, what="the runner has ended"
    )


def test_the_command_line_shows_and_cancels(signoff: Signoff, database_url: str) -> None:
    """`operations list`, `show` and `cancel` say what the page says."""
    bury_all(database_url, approval(), approval())
    started = start_operation(servers_of(database_url), Selection(), ANN, REPLAY)
    number = str(started.id)
    assert "Replay of 2 letters: it has not begun." in signoff("operations", "list").stdout
    shown = signoff("operations", "show", number).stdout
    assert "no process is there that runs operations" in shown
    assert signoff.json("operations", "show", number, "--json")["letters"] == 2
    assert "cancelled" in signoff("operations", "cancel", number, "--actor", "bob").stdout
    again = signoff("operations", "cancel", number, expect=2)
    assert "has ended already: cancelled" in again.stderr
