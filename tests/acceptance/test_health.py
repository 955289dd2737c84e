"""Worker health over HTTP, in `signoff health` and in `signoff status`."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
import redis
from approvals import mapping
from command_line import Signoff
from processes import DEADLINE, eventually, exit_code
from rq.suspension import resume, suspend

from signoff_db.migrate import migrate
from signoff_embedded import embedded_postgres
from signoff_embedded.ports import free_port


@pytest.fixture
def port() -> int:
    """A port that nothing listens on."""
    return free_port()


def ask(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """The status and the report; status 0 while nothing answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except HTTPError as answer:
        return answer.code, json.loads(answer.read() or b"{}")
    except OSError:
        return 0, {}


def until(port: int, path: str, status: int, log: Path, waits_for: str = "") -> None:
    """Wait until the worker has this status and reason."""

    def holds() -> bool:
        found, report = ask(port, path)
        return found == status and waits_for in (report["waits_for"] or "")

    eventually(holds, what=f"/{path} answers {status} {waits_for}", log=log)


@contextmanager
def working(signoff: Signoff, port: int, *options: object) -> Iterator[Path]:
    """Run a worker process that reports its health, and stop it at the end; gives its log."""
    log = signoff.folder / "worker.log"
    often_told = signoff.having(SIGNOFF_REDELIVER_AFTER="3")
    with (
        log.open("wb") as output,
        often_told.process(
            "worker", "--health-port", port, *options, stdout=output, stderr=output
        ) as worker,
    ):
        try:
            yield log
            worker.terminate()
            assert exit_code(worker, log=log) == 0
        finally:
            worker.kill()


def test_a_worker_reports_that_it_is_live_and_ready(signoff: Signoff, port: int) -> None:
    """Over HTTP, and in the command, which reads the port or Redis."""
    with working(signoff, port) as log:
        until(port, "ready", 200, log)
        status, report = ask(port, "live")
        assert (status, report["live"], report["ready"]) == (200, True, True)
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{port}/other", timeout=DEADLINE)
        assert signoff.json("health", "--port", port)["workers"][0]["worker"] == report["worker"]
        (worker,) = signoff.json("health")["workers"]
        assert (worker["worker"], worker["live"]) == (report["worker"], True)
        assert "ready" in signoff("health").stdout

    assert "no worker answers" in signoff("health", "--port", port, expect=1).stdout
    assert "No worker listens" in signoff("health", expect=1).stdout
    printed = signoff.json("health", "--live", expect=1)
    assert printed == {"healthy": False, "workers": [], "away": {}}


def test_a_suspended_worker_is_live_but_not_ready(
    signoff: Signoff, port: int, redis_url: str
) -> None:
    """A pause by `rq suspend` is the reason; after `rq resume` it is ready again."""
    with redis.Redis.from_url(redis_url) as client, working(signoff, port) as log:
        until(port, "ready", 200, log)
        suspend(client)
        until(port, "ready", 503, log, "signoff queue show")
        assert ask(port, "live")[0] == 200
        resume(client)
        until(port, "ready", 200, log)


def test_an_outage_is_shown_everywhere(
    signoff: Signoff, port: int, database_url: str, postgres_server: str
) -> None:
    """A worker that waits for Postgres is live and not ready, and status shows the reason."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with working(signoff, port) as log, psycopg.connect(postgres_server, autocommit=True) as admin:
        until(port, "ready", 200, log)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        signoff.publish(mapping())
        until(port, "ready", 503, log, "Postgres: ")
        assert ask(port, "live")[0] == 200
        eventually(lambda: "Postgres: " in reported_in_redis(signoff), what="Redis knows", log=log)
        assert "live, not ready: Postgres: " in signoff("health", expect=1).stdout
        assert "Postgres: " in signoff("status", expect=2).stdout
        assert "healthy" in signoff("health", "--live", "--json").stdout
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        until(port, "ready", 200, log)
    assert signoff.json("status")["applied"] == 1


def test_status_shows_what_a_worker_waits_for(signoff: Signoff, port: int, redis_url: str) -> None:
    """In a column that is shown only if a worker is not ready."""
    with redis.Redis.from_url(redis_url) as client, working(signoff, port) as log:
        until(port, "ready", 200, log)
        assert "waits for" not in signoff("status").stdout
        suspend(client)
        eventually(lambda: "are paused" in reported_in_redis(signoff), what="Redis knows", log=log)
        assert "workers are paused" in signoff("status").stdout


def test_an_idle_worker_notices_that_postgres_ended(
    signoff: Signoff, port: int, tmp_path: Path
) -> None:
    """Although it has nothing to apply, it is not ready any more."""
    with embedded_postgres(tmp_path / "own", fsync=False) as own:
        migrate(own)
        alone = signoff.having(SIGNOFF_DATABASE_URL=own)
        with working(alone, port) as log:
            until(port, "ready", 200, log)
            own_server_ends(tmp_path / "own")
            until(port, "ready", 503, log, "Postgres")


def reported_in_redis(signoff: Signoff) -> str:
    """What the only worker waits for, as reported in Redis."""
    (worker,) = signoff.json("health", expect=None)["workers"]
    return worker["waits_for"] or ""


def own_server_ends(folder: Path) -> None:
    """Shut the server of this folder down at once."""
    (pid_file,) = folder.rglob("postmaster.pid")
    os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGINT)


def test_a_stuck_batch_is_reported_with_the_blocking_session(
    signoff: Signoff, port: int, database_url: str
) -> None:
    """An open transaction blocks the batch: the worker is not live, and the session is named."""
    stuck = signoff.having(SIGNOFF_STUCK_AFTER="3")
    with (
        working(stuck, port) as log,
        psycopg.connect(database_url, application_name="forgotten psql") as holder,
    ):
        until(port, "ready", 200, log)
        holder.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
        stuck.publish(mapping())
        until(port, "live", 503, log, "(forgotten psql, idle in transaction")
        assert stuck.json("health", "--live", "--port", port, expect=1)["healthy"] is False
        holder.rollback()
        until(port, "live", 200, log)
        eventually(lambda: b"not stuck any more" in log.read_bytes(), what="it is logged", log=log)
    assert b"stuck: no turn for" in log.read_bytes()
    assert signoff.json("status")["applied"] == 1


def test_each_process_of_a_pool_has_its_own_port(signoff: Signoff, port: int) -> None:
    """From the given port on; a process that died is replaced on its port."""
    with working(signoff, port, "--processes", 2) as log:
        until(port, "ready", 200, log)
        until(port + 1, "ready", 200, log)
        first, second = (ask(p, "ready")[1]["worker"] for p in (port, port + 1))
        assert first != second
        pids = {worker["worker"]: worker["pid"] for worker in signoff.json("health")["workers"]}
        os.kill(pids[first], signal.SIGKILL)
        eventually(
            lambda: ask(port, "ready")[1].get("worker") not in {None, first},
            what="another process answers on the port",
            log=log,
        )
        assert ask(port + 1, "ready")[1]["worker"] == second


def test_a_worker_works_although_its_port_is_in_use(signoff: Signoff, port: int) -> None:
    """It logs that, applies events, and answers once the port is free."""
    signoff.publish(mapping())
    taken = socket.create_server(("127.0.0.1", port))
    with working(signoff, port) as log:
        eventually(
            lambda: b"cannot be opened, trying again" in log.read_bytes(), what="it is logged"
        )
        eventually(lambda: signoff.json("status")["applied"] == 1, what="it is applied", log=log)
        taken.close()
        until(port, "ready", 200, log)
