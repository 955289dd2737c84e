"""Worker processes as operators run them: killed, stopped, and in outages."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from approvals import approval, approvals_on, mapping
from letters import EVERY_STATE, letters_in
from processes import BIN, DEADLINE, KEYS, environment, eventually, exit_code, idle, process, worker
from pydantic_core import to_json
from reference import fold, read
from rq.command import send_shutdown_command

from signoff_db.audit import audit
from signoff_db.connection import connect
from signoff_embedded import embedded_valkey
from signoff_embedded.ports import free_port
from signoff_producer import ApprovalEvent, Producer
from signoff_queue.reader import QueueReader
from signoff_schemas import encode_job
from signoff_schemas.keys import JOB_PREFIX
from signoff_worker import ApprovalWorker


class Deployment:
    """Both servers, and functions to read their state."""

    def __init__(self, redis_url: str, database_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.database_url = database_url
        self.log = folder / "worker.log"
        self.env = environment(redis_url, database_url)
        self.redis = redis.Redis.from_url(redis_url)
        self.database = connect(database_url)

    def publish(self, *events: ApprovalEvent) -> None:
        """Put events on the queue."""
        receipts = list(Producer(connection=self.redis).publish_many(events))
        assert all(receipt.ok for receipt in receipts)

    def push(self, job_id: str, **fields: Any) -> None:
        """Put a job on the queue, as any language may."""
        if fields:
            self.redis.hset(JOB_PREFIX + job_id, mapping=dict[Any, Any](fields))
        self.redis.rpush(KEYS.waiting, job_id)

    def idle(self) -> bool:
        """Whether no job waits, is in flight or scheduled."""
        return idle(self.redis)

    def applied(self) -> int:
        """The number of events in the ledger."""
        row = self.database.execute("SELECT count(*) FROM approvals").fetchone()
        return int(row[0]) if row else 0

    def until_idle(self) -> None:
        """Wait until the queue is empty."""
        eventually(
            self.idle,
            what="the queue is empty",
            log=self.log,
            saw=QueueReader(self.redis, KEYS.name).counts,
        )

    def end_leases(self) -> None:
        """Make all leases expire, so that the jobs of their workers are requeued."""
        self.redis.delete(KEYS.leases)

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()
        self.database.close()


@pytest.fixture
def deployment(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Both servers, empty."""
    deployment = Deployment(redis_url, database_url, tmp_path)
    yield deployment
    deployment.close()


def some_events(count: int) -> list[ApprovalEvent]:
    """Events on a few interactions of a few users."""
    return approvals_on(5, 2, count=count)


@pytest.mark.parametrize(
    "point", ["after take", "before commit", "after commit", "after acknowledge"]
)
def test_a_worker_killed_at_any_point_loses_and_doubles_nothing(
    deployment: Deployment, point: str
) -> None:
    """It is killed between drain, commit and acknowledge: the next worker does the rest."""
    events = some_events(60)
    deployment.publish(*events)
    env = environment(deployment.redis_url, deployment.database_url, batch_size=20)
    with worker(env, deployment.log, crash_at=point) as doomed:
        assert exit_code(doomed, log=deployment.log) == -signal.SIGKILL
    deployment.end_leases()
    with worker(env, deployment.log):
        deployment.until_idle()
    assert read(deployment.database) == fold(events)
    assert audit(deployment.database).differing == 0
    assert letters_in(deployment.database) == []


@pytest.mark.parametrize("redeliveries", [1, 2])
def test_poison_events_are_abandoned_and_their_neighbours_are_applied(
    deployment: Deployment, redeliveries: int
) -> None:
    """An event that kills every worker becomes a dead letter, and no other event does.

    With two redeliveries, events are taken in groups; with one, alone.
    """
    good = some_events(200)
    poison = [approval(user_id="poison") for _ in range(2)]
    deployment.publish(*good[:50], poison[0], *good[50:110], poison[1], *good[110:])
    env = environment(
        deployment.redis_url, deployment.database_url, max_redeliveries=redeliveries, batch_size=20
    )
    with worker(env, deployment.log, crash_at="of poison", mode="again") as workers:
        assert exit_code(workers, log=deployment.log) == 0
    assert read(deployment.database) == fold(good)
    letters = {
        letter.event_id: (letter.kind, letter.attempts)
        for letter in letters_in(deployment.database)
    }
    assert letters == {one.event_id: ("abandoned", redeliveries + 2) for one in poison}


def test_a_suspect_is_taken_by_a_worker_without_other_jobs(deployment: Deployment) -> None:
    """While a full batch is applied, which may kill the worker, a suspect stays on the queue.

    It is taken next: a worker that runs until nothing waits does not leave it.
    """
    events = some_events(3)
    deployment.publish(*events)
    deployment.redis.hset(f"{JOB_PREFIX}{events[2].event_id}", "signoff_deaths", 1)
    env = environment(deployment.redis_url, deployment.database_url, batch_size=2)
    with worker(env, deployment.log, crash_at="of a suspect beside others", mode="burst") as bold:
        assert exit_code(bold, log=deployment.log) == 0
    assert read(deployment.database) == fold(events)


def test_a_worker_that_was_paused_does_no_harm(deployment: Deployment) -> None:
    """After a pause that was longer than its lease, another worker has settled its batch."""
    events = some_events(40)
    with deployment.database.transaction():
        deployment.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
        with worker(deployment.env, deployment.log) as still:
            deployment.publish(*events)
            eventually(
                lambda: deployment.redis.zcard(KEYS.started) == 40, what="the batch is taken"
            )
            still.send_signal(signal.SIGSTOP)
            deployment.end_leases()
            with worker(deployment.env, deployment.log):
                eventually(
                    lambda: (
                        deployment.redis.hget(f"{JOB_PREFIX}{events[0].event_id}", "signoff_deaths")
                        == b"1"
                    ),
                    what="another worker took over",
                )
                deployment.database.execute("COMMIT")
                still.send_signal(signal.SIGCONT)
                deployment.until_idle()
    assert read(deployment.database) == fold(events)
    assert audit(deployment.database).differing == 0


def test_a_stopped_worker_finishes_its_batch(deployment: Deployment) -> None:
    """After SIGTERM the batch is applied and acknowledged, and then the worker ends."""
    events = some_events(30)
    with worker(deployment.env, deployment.log) as stopped:
        with deployment.database.transaction():
            deployment.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
            deployment.publish(*events)
            eventually(
                lambda: deployment.redis.zcard(KEYS.started) == 30, what="the batch is taken"
            )
            stopped.send_signal(signal.SIGTERM)
        assert exit_code(stopped, log=deployment.log) == 0
    assert (deployment.applied(), deployment.idle()) == (30, True)
    assert deployment.redis.smembers("rq:workers") == set()


def test_a_worker_that_waits_for_postgres_ends_normally(deployment: Deployment) -> None:
    """With exit code 0 after SIGTERM, since there is nothing to finish."""
    unreachable = environment(deployment.redis_url, "postgresql://u@127.0.0.1:1/x")
    with worker(unreachable, deployment.log) as early:
        eventually(lambda: b"cannot be reached" in deployment.log.read_bytes(), what="it waits")
        early.send_signal(signal.SIGTERM)
        assert exit_code(early, log=deployment.log) == 0


@pytest.mark.parametrize("command", ["worker", "relay"])
def test_a_service_that_is_stopped_while_it_starts_ends_normally(
    deployment: Deployment, command: str
) -> None:
    """With exit code 0 after SIGTERM while Python imports modules."""
    started = [sys.executable, "-X", "importtime", "-m", "signoff_cli", command]
    with process(*started, env=deployment.env, log=deployment.log) as early:
        # Python reports that the command line itself is being imported.
        eventually(
            lambda: b"signoff_schemas.errors" in deployment.log.read_bytes(), what="it starts"
        )
        early.send_signal(signal.SIGTERM)
        assert exit_code(early, log=deployment.log) == 0


def test_a_second_signal_abandons_the_batch_to_redelivery(deployment: Deployment) -> None:
    """The worker ends at once; its batch is requeued, and no death is counted."""
    events = some_events(30)
    with worker(deployment.env, deployment.log) as hurried:
        with deployment.database.transaction():
            deployment.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
            deployment.publish(*events)
            eventually(
                lambda: deployment.redis.zcard(KEYS.started) == 30, what="the batch is taken"
            )
            hurried.send_signal(signal.SIGTERM)
            # RQ ignores a second signal within a second of the first.
            eventually(lambda: _leaves_when_asked_again(hurried), what="the worker left")
        assert (deployment.redis.zcard(KEYS.started), deployment.redis.llen(KEYS.waiting)) == (
            0,
            30,
        )
    assert deployment.redis.hget(f"{JOB_PREFIX}{events[0].event_id}", "signoff_deaths") is None
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
    assert read(deployment.database) == fold(events)


def _leaves_when_asked_again(asked: "subprocess.Popen[bytes]") -> bool:
    asked.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        asked.wait(0.4)
    return asked.returncode is not None


def test_an_outage_of_postgres_counts_no_attempt(
    deployment: Deployment, postgres_server: str
) -> None:
    """While the database accepts no connections, the batch is kept; later it is applied."""
    events = some_events(30)
    name = deployment.database.info.dbname
    with (
        psycopg.connect(postgres_server, autocommit=True) as admin,
        worker(deployment.env, deployment.log),
    ):
        deployment.publish(events[0])
        eventually(lambda: deployment.applied() == 1, what="the worker works", log=deployment.log)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name LIKE 'signoff worker%%'",
            [name],
        )
        deployment.publish(*events[1:])
        eventually(
            lambda: b"Postgres is unavailable" in deployment.log.read_bytes(),
            what="the worker noticed",
            log=deployment.log,
        )
        assert deployment.applied() == 1
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        deployment.until_idle()
    assert read(deployment.database) == fold(events)
    assert letters_in(deployment.database, *EVERY_STATE) == []


def test_lost_connections_to_redis_are_replaced(deployment: Deployment) -> None:
    """The worker goes on, and no job stays in flight."""
    events = some_events(300)
    env = environment(deployment.redis_url, deployment.database_url, batch_size=3)
    with worker(env, deployment.log):
        for start in range(0, 300, 30):
            deployment.publish(*events[start : start + 30])
            for kind in ("normal", "pubsub"):
                deployment.redis.client_kill_filter(_type=kind, skipme=True)
        deployment.until_idle()
    assert read(deployment.database) == fold(events)


def test_the_worker_goes_on_with_any_jobs_on_the_queue(deployment: Deployment) -> None:
    """Invalid jobs that would end a stock worker become dead letters; good ones are applied."""
    good = approval()
    deployment.push("pickle", data=b"\x80\x05K\x01.", created_at="yesterday")
    deployment.push("no-data", origin="approvals", status="nonsense")
    deployment.push("gone")
    deployment.redis.set(JOB_PREFIX + "string", "x")
    deployment.push("string")
    deployment.push("function", data=b'["os.system", null, ["true"], {}]')
    deployment.push("two", data=b'["signoff_worker.jobs.apply_approval", null, [{}, {}], {}]')
    deployment.push("huge", data=encode_job(b'{"x": "' + b"y" * 10_000_000 + b'"}'))
    deployment.push("invalid", data=encode_job(b'{"event_id": 1}'), timeout="soon", meta="\x00")
    deployment.publish(good)
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
    assert deployment.applied() == 1
    kinds = {letter.job_id: letter.kind for letter in letters_in(deployment.database)}
    assert kinds == {
        "pickle": "invalid_payload",
        "no-data": "invalid_payload",
        "string": "invalid_payload",
        "function": "unknown_function",
        "two": "invalid_payload",
        "huge": "invalid_payload",
        "invalid": "invalid_payload",
    }
    assert deployment.redis.keys("rq:job:*") == [b"rq:job:huge"]
    assert deployment.redis.smembers(KEYS.oversized) == {b"rq:job:huge"}


def test_an_unknown_interaction_is_applied_once_its_row_arrives(deployment: Deployment) -> None:
    """The upstream's own row may come a little later, so the event is retried."""
    event = approval(user_id=None)
    deployment.publish(event)
    env = environment(deployment.redis_url, deployment.database_url, retry_delay=0.5)
    with worker(env, deployment.log):
        eventually(
            lambda: deployment.redis.zcard(KEYS.scheduled) == 1,
            what="it is scheduled",
            log=deployment.log,
        )
        deployment.database.execute(
            "INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [event.interaction_id]
        )
        eventually(lambda: deployment.applied() == 1, what="it is applied", log=deployment.log)
    assert letters_in(deployment.database) == []


def test_an_unknown_interaction_that_stays_unknown_is_dead(deployment: Deployment) -> None:
    """After its retries it is a dead letter, with all its attempts."""
    event = approval(user_id=None)
    deployment.publish(event)
    env = environment(deployment.redis_url, deployment.database_url, retry_attempts=2)
    with worker(env, deployment.log):
        deployment.until_idle()
    (letter,) = letters_in(deployment.database)
    assert (letter.kind, letter.attempts) == ("unknown_interaction", 3)


def test_a_stock_rq_worker_applies_the_queue_too(deployment: Deployment) -> None:
    """`rq worker --serializer json` takes the same jobs, one at a time, to the same tables."""
    good = some_events(2)
    deployment.publish(*good)
    deployment.push("bad", data=encode_job(b'{"event_id": 1}'), origin="approvals")
    done = subprocess.run(
        [
            BIN / "rq",
            "worker",
            "--burst",
            "--serializer",
            "json",
            "-u",
            deployment.redis_url,
            "approvals",
        ],
        env=deployment.env,
        capture_output=True,
        check=True,
        timeout=DEADLINE,
    )
    assert deployment.idle(), done.stderr
    assert read(deployment.database) == fold(good)
    (letter,) = letters_in(deployment.database)
    assert letter.kind == "invalid_payload"


def test_rq_info_reads_the_queue_and_the_worker(deployment: Deployment) -> None:
    """RQ's own tools show the queue and the worker, and change nothing."""
    deployment.publish(*some_events(3))
    deployment.redis.set("rq:suspended", 1)
    with worker(deployment.env, deployment.log):
        eventually(
            lambda: deployment.redis.scard("rq:workers") == 1, what="the worker is registered"
        )
        printed = subprocess.run(
            [BIN / "rq", "info", "-u", deployment.redis_url, "--raw"],
            env=deployment.env,
            capture_output=True,
            check=True,
            text=True,
            timeout=DEADLINE,
        ).stdout
        assert "queue approvals 3" in printed
        assert printed.count("worker ") == 1
        deployment.redis.delete("rq:suspended")
        deployment.until_idle()


def test_a_worker_pool_of_rq_runs_our_worker(deployment: Deployment) -> None:
    """`rq worker-pool -w signoff_worker.ApprovalWorker` works, and `ps` does not show its URL."""
    events = some_events(50)
    deployment.publish(*events)
    command = [str(BIN / "rq"), "worker-pool", "approvals", "-n", "2", "-b"]
    command += ["-w", "signoff_worker.ApprovalWorker"]
    env = {**deployment.env, "RQ_REDIS_URL": deployment.redis_url}
    with process(*command, env=env, log=deployment.log) as pool:
        assert exit_code(pool, log=deployment.log) == 0
    assert read(deployment.database) == fold(events)


def test_failed_jobs_of_rq_are_swept_into_the_dead_letters(deployment: Deployment) -> None:
    """Dead letters do not expire; an event that is in the ledger is left out."""
    known, unknown = approval(), approval()
    deployment.publish(known)
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
        for event in (known, unknown):
            job = str(event.event_id)
            deployment.redis.hset(JOB_PREFIX + job, "data", encode_job(event.canonical_json()))
            deployment.redis.zadd(KEYS.failed, {job: 9e9})
        deployment.redis.zadd(KEYS.failed, {"gone": 9e9})
        deployment.until_idle()
    (letter,) = letters_in(deployment.database)
    assert (letter.kind, letter.event_id) == ("abandoned", unknown.event_id)
    assert letter.message == "RQ gave this job up: no reason was noted"
    assert deployment.redis.keys("rq:job:*") == []


def run_stock_worker(deployment: Deployment, env: dict[str, str]) -> None:
    """RQ's own worker, until nothing waits."""
    command = [str(BIN / "rq"), "worker", "--burst", "--serializer", "json", "approvals"]
    subprocess.run([*command, "-u", deployment.redis_url], env=env, check=True, timeout=DEADLINE)


def test_an_outage_is_not_the_events_fault_for_a_stock_worker_either(
    deployment: Deployment,
) -> None:
    """A stock worker that cannot reach Postgres retries the event; later it is applied."""
    event = approval()
    deployment.publish(event)
    run_stock_worker(
        deployment, deployment.env | {"SIGNOFF_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    )
    assert (deployment.redis.zcard(KEYS.failed), deployment.redis.zcard(KEYS.scheduled)) == (0, 1)
    deployment.redis.zadd(KEYS.scheduled, {str(event.event_id): 0})
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
    assert deployment.applied() == 1


def test_a_failed_job_of_a_stock_worker_is_swept_with_its_reason(deployment: Deployment) -> None:
    """A stock worker without settings fails the job in RQ; the dead letter has the reason."""
    event = approval()
    deployment.publish(event)
    unset = {
        name: value for name, value in deployment.env.items() if name != "SIGNOFF_DATABASE_URL"
    }
    run_stock_worker(deployment, unset)
    assert deployment.redis.zcard(KEYS.failed) == 1
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
    (letter,) = letters_in(deployment.database)
    assert (letter.kind, letter.event_id) == ("abandoned", event.event_id)
    assert "SIGNOFF_DATABASE_URL is not set" in letter.message


def test_a_full_redis_is_drained(deployment: Deployment) -> None:
    """With noeviction and no memory left, a new worker still empties the queue."""
    events = some_events(200)
    deployment.publish(*events)
    deployment.redis.config_set("maxmemory", "1")
    try:
        with worker(deployment.env, deployment.log):
            deployment.until_idle()
    finally:
        deployment.redis.config_set("maxmemory", "0")
    assert read(deployment.database) == fold(events)


def test_an_invalid_retry_counter_does_not_retry_for_ever(deployment: Deployment) -> None:
    """It counts as 0; the event is dead after its retries."""
    event = approval(user_id=None)
    deployment.publish(event)
    deployment.redis.hset(f"{JOB_PREFIX}{event.event_id}", "number_of_retries", "abc")
    env = environment(deployment.redis_url, deployment.database_url, retry_attempts=2)
    with worker(env, deployment.log):
        deployment.until_idle()
    (letter,) = letters_in(deployment.database)
    assert (letter.kind, letter.attempts) == ("unknown_interaction", 3)


def test_a_job_with_an_id_that_is_not_text_is_settled(deployment: Deployment) -> None:
    """An id in Redis may be any bytes."""
    deployment.redis.hset(b"rq:job:\xff\xfe", "data", b"{}")
    deployment.redis.rpush(KEYS.waiting, b"\xff\xfe")
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
    (letter,) = letters_in(deployment.database)
    assert (letter.job_id, letter.attempts) == ("\\xff\\xfe", 1)
    assert deployment.redis.keys("rq:job:*") == []


def test_rq_can_ask_a_worker_to_stop(deployment: Deployment) -> None:
    """RQ's shutdown command ends the worker as a signal does."""
    with worker(deployment.env, deployment.log) as asked:
        eventually(
            lambda: deployment.redis.scard("rq:workers") == 1, what="the worker is registered"
        )
        eventually(
            lambda: deployment.redis.pubsub_channels("rq:pubsub:*") != [],
            what="it listens to commands",
        )
        (name,) = (worker.name for worker in ApprovalWorker.all(deployment.redis))
        send_shutdown_command(deployment.redis, name)
        assert exit_code(asked, log=deployment.log) == 0


def test_a_worker_refuses_a_database_that_is_behind(
    redis_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """It names the command to run, and takes no job."""
    env = environment(redis_url, empty_database_url)
    with worker(env, tmp_path / "log") as refused:
        assert exit_code(refused, log=tmp_path / "log") != 0
    assert "signoff migrate" in (tmp_path / "log").read_text()


def test_log_lines_hold_no_texts_and_no_amounts(deployment: Deployment) -> None:
    """The log holds counts, times and kinds, but no customers' texts and amounts."""
    fields = mapping(final_bubbles=["top secret"], ltv_amount="1234.56", quality_score=9)
    deployment.publish(approval(final_bubbles=["top secret"], ltv_amount="4321.09"))
    deployment.push("bad", data=encode_job(to_json(fields)))
    env = environment(deployment.redis_url, deployment.database_url, log_format="json")
    logged = b'"message": "dead letter: quality_score must be at most 5"'
    with worker(env, deployment.log):
        deployment.until_idle()
        eventually(
            lambda: logged in deployment.log.read_bytes(), what="it is logged", log=deployment.log
        )
    printed = deployment.log.read_text()
    assert '"events": 2' in printed or '"events": 1' in printed
    assert not any(secret in printed for secret in ("top secret", "1234.56", "4321.09"))


def test_an_audit_is_exact_while_workers_go_on(deployment: Deployment) -> None:
    """It finds no difference; if one event is changed, it finds exactly that one."""
    (first,) = some_events(1)
    env = environment(deployment.redis_url, deployment.database_url, batch_size=20)
    with worker(env, deployment.log), worker(env, deployment.log):
        deployment.publish(first)
        deployment.until_idle()
        sent = looks = 0
        while not looks:  # workers that were too quick get more
            deployment.publish(*some_events(2000))
            sent += 2000
            while not deployment.idle():
                report = audit(deployment.database)
                assert report.differences == ()
                looks += report.totals.events <= sent
        deployment.database.execute("ALTER TABLE approvals DISABLE TRIGGER approvals_insert_only")
        deployment.database.execute(
            "UPDATE approvals SET quality_score = 1 WHERE event_id = %s", [first.event_id]
        )
        deployment.publish(*some_events(500))
        named = {
            d.key
            for _ in range(3)
            for d in audit(deployment.database).differences
            if d.what == "event"
        }
        assert named == {str(first.event_id)}
        deployment.until_idle()


def test_a_worker_that_starts_while_redis_is_unavailable_waits_for_it(
    tmp_path: Path, database_url: str
) -> None:
    """A short outage of Redis does not end a worker, neither at the start nor later."""
    port = free_port()
    with embedded_valkey(tmp_path / "valkey", port=port) as url:
        pass
    command = [sys.executable, "-m", "signoff_cli", "worker"]
    env = environment(url, database_url)
    with process(*command, env=env, log=tmp_path / "log") as early:
        eventually(
            lambda: (
                early.poll() is not None
                or b"Redis is unavailable" in (tmp_path / "log").read_bytes()
            ),
            what="it has tried",
        )
        assert early.poll() is None, (tmp_path / "log").read_text()
        with embedded_valkey(tmp_path / "valkey", port=port), redis.Redis.from_url(url) as client:
            eventually(lambda: client.scard("rq:workers") == 1, what="it works")


def test_a_worker_registers_again_after_flushall(deployment: Deployment) -> None:
    """RQ's tools show it as before, with all its details."""
    env = environment(deployment.redis_url, deployment.database_url, redeliver_after=3)
    with worker(env, deployment.log):
        eventually(lambda: deployment.redis.scard("rq:workers") == 1, what="it is registered")
        (before,) = ApprovalWorker.all(deployment.redis)
        deployment.redis.flushall()
        eventually(
            lambda: deployment.redis.scard("rq:workers") == 1, what="it is back", log=deployment.log
        )
        (after,) = ApprovalWorker.all(deployment.redis)
        assert (after.name, after.pid, after.hostname, after.queue_names()) == (
            before.name, before.pid, before.hostname, ["approvals"]
        )  # fmt: skip
        event = approval()
        deployment.publish(event)
        deployment.until_idle()
    assert read(deployment.database) == fold([event])


def test_processes_end_with_their_supervisor(deployment: Deployment) -> None:
    """Also if it is killed: no process goes on without it."""
    command = [sys.executable, "-m", "signoff_cli", "worker", "--processes", "2"]
    with process(*command, env=deployment.env, log=deployment.log) as supervisor:
        eventually(
            lambda: deployment.redis.scard("rq:workers") == 2,
            what="both are registered",
            log=deployment.log,
        )
        workers = list(ApprovalWorker.all_keys(deployment.redis))
        pids = [int(deployment.redis.hget(key, "pid") or 0) for key in workers]
        supervisor.kill()
        supervisor.wait()
        eventually(lambda: not any(map(_is_running, pids)), what="they end", log=deployment.log)
    assert deployment.redis.smembers("rq:workers") == set()


def _is_running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
