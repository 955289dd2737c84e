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


class Testbed:
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
def testbed(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Testbed]:
    """Both servers, empty."""
    testbed = Testbed(redis_url, database_url, tmp_path)
    yield testbed
    testbed.close()


def some_events(count: int) -> list[ApprovalEvent]:
    """Events on a few interactions of a few users."""
    return approvals_on(5, 2, count=count)


@pytest.mark.parametrize(
    "point", ["after take", "before commit", "after commit", "after acknowledge"]
)
def test_a_worker_killed_at_any_point_loses_and_doubles_nothing(
    testbed: Testbed, point: str
) -> None:
    """It is killed between drain, commit and acknowledge: the next worker does the rest."""
    events = some_events(60)
    testbed.publish(*events)
    env = environment(testbed.redis_url, testbed.database_url, batch_size=20)
    with worker(env, testbed.log, crash_at=point) as doomed:
        assert exit_code(doomed, log=testbed.log) == -signal.SIGKILL
    testbed.end_leases()
    with worker(env, testbed.log):
        testbed.until_idle()
    assert read(testbed.database) == fold(events)
    assert audit(testbed.database).differing == 0
    assert letters_in(testbed.database) == []


@pytest.mark.parametrize("redeliveries", [1, 2])
def test_poison_events_are_abandoned_and_their_neighbours_are_applied(
    testbed: Testbed, redeliveries: int
) -> None:
    """An event that kills every worker becomes a dead letter, and no other event does.

    With two redeliveries, events are taken in groups; with one, alone.
    """
    good = some_events(200)
    poison = [approval(user_id="poison") for _ in range(2)]
    testbed.publish(*good[:50], poison[0], *good[50:110], poison[1], *good[110:])
    env = environment(
        testbed.redis_url, testbed.database_url, max_redeliveries=redeliveries, batch_size=20
    )
    with worker(env, testbed.log, crash_at="of poison", mode="again") as workers:
        assert exit_code(workers, log=testbed.log) == 0
    assert read(testbed.database) == fold(good)
    letters = {
        letter.event_id: (letter.kind, letter.attempts) for letter in letters_in(testbed.database)
    }
    assert letters == {one.event_id: ("abandoned", redeliveries + 2) for one in poison}


def test_a_suspect_is_taken_by_a_worker_without_other_jobs(testbed: Testbed) -> None:
    """While a full batch is applied, which may kill the worker, a suspect stays on the queue.

    It is taken next: a worker that runs until nothing waits does not leave it.
    """
    events = some_events(3)
    testbed.publish(*events)
    testbed.redis.hset(f"{JOB_PREFIX}{events[2].event_id}", "signoff_deaths", 1)
    env = environment(testbed.redis_url, testbed.database_url, batch_size=2)
    with worker(env, testbed.log, crash_at="of a suspect beside others", mode="burst") as bold:
        assert exit_code(bold, log=testbed.log) == 0
    assert read(testbed.database) == fold(events)


def test_a_worker_that_was_paused_does_no_harm(testbed: Testbed) -> None:
    """After a pause that was longer than its lease, another worker has settled its batch."""
    events = some_events(40)
    with testbed.database.transaction():
        testbed.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
        with worker(testbed.env, testbed.log) as still:
            testbed.publish(*events)
            eventually(lambda: testbed.redis.zcard(KEYS.started) == 40, what="the batch is taken")
            still.send_signal(signal.SIGSTOP)
            testbed.end_leases()
            with worker(testbed.env, testbed.log):
                eventually(
                    lambda: (
                        testbed.redis.hget(f"{JOB_PREFIX}{events[0].event_id}", "signoff_deaths")
                        == b"1"
                    ),
                    what="another worker took over",
                )
                testbed.database.execute("COMMIT")
                still.send_signal(signal.SIGCONT)
                testbed.until_idle()
    assert read(testbed.database) == fold(events)
    assert audit(testbed.database).differing == 0


def test_a_stopped_worker_finishes_its_batch(testbed: Testbed) -> None:
    """After SIGTERM the batch is applied and acknowledged, and then the worker ends."""
    events = some_events(30)
    with worker(testbed.env, testbed.log) as stopped:
        with testbed.database.transaction():
            testbed.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
            testbed.publish(*events)
            eventually(lambda: testbed.redis.zcard(KEYS.started) == 30, what="the batch is taken")
            stopped.send_signal(signal.SIGTERM)
        assert exit_code(stopped, log=testbed.log) == 0
    assert (testbed.applied(), testbed.idle()) == (30, True)
    assert testbed.redis.smembers("rq:workers") == set()


def test_a_worker_that_waits_for_postgres_ends_normally(testbed: Testbed) -> None:
    """With exit code 0 after SIGTERM, since there is nothing to finish."""
    unreachable = environment(testbed.redis_url, "postgresql://u@127.0.0.1:1/x")
    with worker(unreachable, testbed.log) as early:
        eventually(lambda: b"cannot be reached" in testbed.log.read_bytes(), what="it waits")
        early.send_signal(signal.SIGTERM)
        assert exit_code(early, log=testbed.log) == 0


@pytest.mark.parametrize("command", ["worker", "relay"])
def test_a_service_that_is_stopped_while_it_starts_ends_normally(
    testbed: Testbed, command: str
) -> None:
    """With exit code 0 after SIGTERM while Python imports modules."""
    started = [sys.executable, "-X", "importtime", "-m", "signoff_cli", command]
    with process(*started, env=testbed.env, log=testbed.log) as early:
        # Python reports that the command line itself is being imported.
        eventually(lambda: b"signoff_schemas.errors" in testbed.log.read_bytes(), what="it starts")
        early.send_signal(signal.SIGTERM)
        assert exit_code(early, log=testbed.log) == 0


def test_a_second_signal_abandons_the_batch_to_redelivery(testbed: Testbed) -> None:
    """The worker ends at once; its batch is requeued, and no death is counted."""
    events = some_events(30)
    with worker(testbed.env, testbed.log) as hurried:
        with testbed.database.transaction():
            testbed.database.execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
            testbed.publish(*events)
            eventually(lambda: testbed.redis.zcard(KEYS.started) == 30, what="the batch is taken")
            hurried.send_signal(signal.SIGTERM)
            # RQ ignores a second signal within a second of the first.
            eventually(lambda: _leaves_when_asked_again(hurried), what="the worker left")
        assert (testbed.redis.zcard(KEYS.started), testbed.redis.llen(KEYS.waiting)) == (0, 30)
    assert testbed.redis.hget(f"{JOB_PREFIX}{events[0].event_id}", "signoff_deaths") is None
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
    assert read(testbed.database) == fold(events)


def _leaves_when_asked_again(asked: "subprocess.Popen[bytes]") -> bool:
    asked.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        asked.wait(0.4)
    return asked.returncode is not None


def test_an_outage_of_postgres_counts_no_attempt(testbed: Testbed, postgres_server: str) -> None:
    """While the database accepts no connections, the batch is kept; later it is applied."""
    events = some_events(30)
    name = testbed.database.info.dbname
    with (
        psycopg.connect(postgres_server, autocommit=True) as admin,
        worker(testbed.env, testbed.log),
    ):
        testbed.publish(events[0])
        eventually(lambda: testbed.applied() == 1, what="the worker works", log=testbed.log)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name LIKE 'signoff worker%%'",
            [name],
        )
        testbed.publish(*events[1:])
        eventually(
            lambda: b"Postgres is unavailable" in testbed.log.read_bytes(),
            what="the worker noticed",
            log=testbed.log,
        )
        assert testbed.applied() == 1
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        testbed.until_idle()
    assert read(testbed.database) == fold(events)
    assert letters_in(testbed.database, *EVERY_STATE) == []


def test_lost_connections_to_redis_are_replaced(testbed: Testbed) -> None:
    """The worker goes on, and no job stays in flight."""
    events = some_events(300)
    env = environment(testbed.redis_url, testbed.database_url, batch_size=3)
    with worker(env, testbed.log):
        for start in range(0, 300, 30):
            testbed.publish(*events[start : start + 30])
            for kind in ("normal", "pubsub"):
                testbed.redis.client_kill_filter(_type=kind, skipme=True)
        testbed.until_idle()
    assert read(testbed.database) == fold(events)


def test_the_worker_goes_on_with_any_jobs_on_the_queue(testbed: Testbed) -> None:
    """Invalid jobs that would end a stock worker become dead letters; good ones are applied."""
    good = approval()
    testbed.push("pickle", data=b"\x80\x05K\x01.", created_at="yesterday")
    testbed.push("no-data", origin="approvals", status="nonsense")
    testbed.push("gone")
    testbed.redis.set(JOB_PREFIX + "string", "x")
    testbed.push("string")
    testbed.push("function", data=b'["os.system", null, ["true"], {}]')
    testbed.push("two", data=b'["signoff_worker.jobs.apply_approval", null, [{}, {}], {}]')
    testbed.push("huge", data=encode_job(b'{"x": "' + b"y" * 10_000_000 + b'"}'))
    testbed.push("invalid", data=encode_job(b'{"event_id": 1}'), timeout="soon", meta="\x00")
    testbed.publish(good)
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
    assert testbed.applied() == 1
    kinds = {letter.job_id: letter.kind for letter in letters_in(testbed.database)}
    assert kinds == {
        "pickle": "invalid_payload",
        "no-data": "invalid_payload",
        "string": "invalid_payload",
        "function": "unknown_function",
        "two": "invalid_payload",
        "huge": "invalid_payload",
        "invalid": "invalid_payload",
    }
    assert testbed.redis.keys("rq:job:*") == [b"rq:job:huge"]
    assert testbed.redis.smembers(KEYS.oversized) == {b"rq:job:huge"}


def test_an_unknown_interaction_is_applied_once_its_row_arrives(testbed: Testbed) -> None:
    """The upstream's own row may come a little later, so the event is retried."""
    event = approval(user_id=None)
    testbed.publish(event)
    env = environment(testbed.redis_url, testbed.database_url, retry_delay=0.5)
    with worker(env, testbed.log):
        eventually(
            lambda: testbed.redis.zcard(KEYS.scheduled) == 1,
            what="it is scheduled",
            log=testbed.log,
        )
        testbed.database.execute(
            "INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [event.interaction_id]
        )
        eventually(lambda: testbed.applied() == 1, what="it is applied", log=testbed.log)
    assert letters_in(testbed.database) == []


def test_an_unknown_interaction_that_stays_unknown_is_dead(testbed: Testbed) -> None:
    """After its retries it is a dead letter, with all its attempts."""
    event = approval(user_id=None)
    testbed.publish(event)
    env = environment(testbed.redis_url, testbed.database_url, retry_attempts=2)
    with worker(env, testbed.log):
        testbed.until_idle()
    (letter,) = letters_in(testbed.database)
    assert (letter.kind, letter.attempts) == ("unknown_interaction", 3)


def test_a_stock_rq_worker_applies_the_queue_too(testbed: Testbed) -> None:
    """`rq worker --serializer json` takes the same jobs, one at a time, to the same tables."""
    good = some_events(2)
    testbed.publish(*good)
    testbed.push("bad", data=encode_job(b'{"event_id": 1}'), origin="approvals")
    done = subprocess.run(
        [
            BIN / "rq",
            "worker",
            "--burst",
            "--serializer",
            "json",
            "-u",
            testbed.redis_url,
            "approvals",
        ],
        env=testbed.env,
        capture_output=True,
        check=True,
        timeout=DEADLINE,
    )
    assert testbed.idle(), done.stderr
    assert read(testbed.database) == fold(good)
    (letter,) = letters_in(testbed.database)
    assert letter.kind == "invalid_payload"


def test_rq_info_reads_the_queue_and_the_worker(testbed: Testbed) -> None:
    """RQ's own tools show the queue and the worker, and change nothing."""
    testbed.publish(*some_events(3))
    testbed.redis.set("rq:suspended", 1)
    with worker(testbed.env, testbed.log):
        eventually(lambda: testbed.redis.scard("rq:workers") == 1, what="the worker is registered")
        printed = subprocess.run(
            [BIN / "rq", "info", "-u", testbed.redis_url, "--raw"],
            env=testbed.env,
            capture_output=True,
            check=True,
            text=True,
            timeout=DEADLINE,
        ).stdout
        assert "queue approvals 3" in printed
        assert printed.count("worker ") == 1
        testbed.redis.delete("rq:suspended")
        testbed.until_idle()


def test_a_worker_pool_of_rq_runs_our_worker(testbed: Testbed) -> None:
    """`rq worker-pool -w signoff_worker.ApprovalWorker` works, and `ps` does not show its URL."""
    events = some_events(50)
    testbed.publish(*events)
    command = [str(BIN / "rq"), "worker-pool", "approvals", "-n", "2", "-b"]
    command += ["-w", "signoff_worker.ApprovalWorker"]
    env = {**testbed.env, "RQ_REDIS_URL": testbed.redis_url}
    with process(*command, env=env, log=testbed.log) as pool:
        assert exit_code(pool, log=testbed.log) == 0
    assert read(testbed.database) == fold(events)


def test_failed_jobs_of_rq_are_swept_into_the_dead_letters(testbed: Testbed) -> None:
    """Dead letters do not expire; an event that is in the ledger is left out."""
    known, unknown = approval(), approval()
    testbed.publish(known)
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
        for event in (known, unknown):
            job = str(event.event_id)
            testbed.redis.hset(JOB_PREFIX + job, "data", encode_job(event.canonical_json()))
            testbed.redis.zadd(KEYS.failed, {job: 9e9})
        testbed.redis.zadd(KEYS.failed, {"gone": 9e9})
        testbed.until_idle()
    (letter,) = letters_in(testbed.database)
    assert (letter.kind, letter.event_id) == ("abandoned", unknown.event_id)
    assert letter.message == "RQ gave this job up: no reason was noted"
    assert testbed.redis.keys("rq:job:*") == []


def run_stock_worker(testbed: Testbed, env: dict[str, str]) -> None:
    """RQ's own worker, until nothing waits."""
    command = [str(BIN / "rq"), "worker", "--burst", "--serializer", "json", "approvals"]
    subprocess.run([*command, "-u", testbed.redis_url], env=env, check=True, timeout=DEADLINE)


def test_an_outage_is_not_the_events_fault_for_a_stock_worker_either(testbed: Testbed) -> None:
    """A stock worker that cannot reach Postgres retries the event; later it is applied."""
    event = approval()
    testbed.publish(event)
    run_stock_worker(
        testbed, testbed.env | {"SIGNOFF_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    )
    assert (testbed.redis.zcard(KEYS.failed), testbed.redis.zcard(KEYS.scheduled)) == (0, 1)
    testbed.redis.zadd(KEYS.scheduled, {str(event.event_id): 0})
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
    assert testbed.applied() == 1


def test_a_failed_job_of_a_stock_worker_is_swept_with_its_reason(testbed: Testbed) -> None:
    """A stock worker without settings fails the job in RQ; the dead letter has the reason."""
    event = approval()
    testbed.publish(event)
    unset = {name: value for name, value in testbed.env.items() if name != "SIGNOFF_DATABASE_URL"}
    run_stock_worker(testbed, unset)
    assert testbed.redis.zcard(KEYS.failed) == 1
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
    (letter,) = letters_in(testbed.database)
    assert (letter.kind, letter.event_id) == ("abandoned", event.event_id)
    assert "SIGNOFF_DATABASE_URL is not set" in letter.message


def test_a_full_redis_is_drained(testbed: Testbed) -> None:
    """With noeviction and no memory left, a new worker still empties the queue."""
    events = some_events(200)
    testbed.publish(*events)
    testbed.redis.config_set("maxmemory", "1")
    try:
        with worker(testbed.env, testbed.log):
            testbed.until_idle()
    finally:
        testbed.redis.config_set("maxmemory", "0")
    assert read(testbed.database) == fold(events)


def test_an_invalid_retry_counter_does_not_retry_for_ever(testbed: Testbed) -> None:
    """It counts as 0; the event is dead after its retries."""
    event = approval(user_id=None)
    testbed.publish(event)
    testbed.redis.hset(f"{JOB_PREFIX}{event.event_id}", "number_of_retries", "abc")
    env = environment(testbed.redis_url, testbed.database_url, retry_attempts=2)
    with worker(env, testbed.log):
        testbed.until_idle()
    (letter,) = letters_in(testbed.database)
    assert (letter.kind, letter.attempts) == ("unknown_interaction", 3)


def test_a_job_with_an_id_that_is_not_text_is_settled(testbed: Testbed) -> None:
    """An id in Redis may be any bytes."""
    testbed.redis.hset(b"rq:job:\xff\xfe", "data", b"{}")
    testbed.redis.rpush(KEYS.waiting, b"\xff\xfe")
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
    (letter,) = letters_in(testbed.database)
    assert (letter.job_id, letter.attempts) == ("\\xff\\xfe", 1)
    assert testbed.redis.keys("rq:job:*") == []


def test_rq_can_ask_a_worker_to_stop(testbed: Testbed) -> None:
    """RQ's shutdown command ends the worker as a signal does."""
    with worker(testbed.env, testbed.log) as asked:
        eventually(lambda: testbed.redis.scard("rq:workers") == 1, what="the worker is registered")
        eventually(
            lambda: testbed.redis.pubsub_channels("rq:pubsub:*") != [],
            what="it listens to commands",
        )
        (name,) = (worker.name for worker in ApprovalWorker.all(testbed.redis))
        send_shutdown_command(testbed.redis, name)
        assert exit_code(asked, log=testbed.log) == 0


def test_a_worker_refuses_a_database_that_is_behind(
    redis_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """It names the command to run, and takes no job."""
    env = environment(redis_url, empty_database_url)
    with worker(env, tmp_path / "log") as refused:
        assert exit_code(refused, log=tmp_path / "log") != 0
    assert "signoff migrate" in (tmp_path / "log").read_text()


def test_log_lines_hold_no_texts_and_no_amounts(testbed: Testbed) -> None:
    """The log holds counts, times and kinds, but no customers' texts and amounts."""
    fields = mapping(final_bubbles=["top secret"], ltv_amount="1234.56", quality_score=9)
    testbed.publish(approval(final_bubbles=["top secret"], ltv_amount="4321.09"))
    testbed.push("bad", data=encode_job(to_json(fields)))
    env = environment(testbed.redis_url, testbed.database_url, log_format="json")
    logged = b'"message": "dead letter: quality_score must be at most 5"'
    with worker(env, testbed.log):
        testbed.until_idle()
        eventually(lambda: logged in testbed.log.read_bytes(), what="it is logged", log=testbed.log)
    printed = testbed.log.read_text()
    assert '"events": 2' in printed or '"events": 1' in printed
    assert not any(secret in printed for secret in ("top secret", "1234.56", "4321.09"))


def test_an_audit_is_exact_while_workers_go_on(testbed: Testbed) -> None:
    """It finds no difference; if one event is changed, it finds exactly that one."""
    first, *events = some_events(2001)
    env = environment(testbed.redis_url, testbed.database_url, batch_size=20)
    with worker(env, testbed.log), worker(env, testbed.log):
        testbed.publish(first)
        testbed.until_idle()
        testbed.publish(*events)
        looks = 0
        while not testbed.idle():
            report = audit(testbed.database)
            assert report.differences == ()
            looks += report.totals.events < 2001
        assert looks > 0
        testbed.database.execute("ALTER TABLE approvals DISABLE TRIGGER approvals_insert_only")
        testbed.database.execute(
            "UPDATE approvals SET quality_score = 1 WHERE event_id = %s", [first.event_id]
        )
        testbed.publish(*some_events(500))
        named = {
            d.key
            for _ in range(3)
            for d in audit(testbed.database).differences
            if d.what == "event"
        }
        assert named == {str(first.event_id)}
        testbed.until_idle()


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


def test_a_worker_registers_again_after_flushall(testbed: Testbed) -> None:
    """RQ's tools show it as before, with all its details."""
    env = environment(testbed.redis_url, testbed.database_url, redeliver_after=3)
    with worker(env, testbed.log):
        eventually(lambda: testbed.redis.scard("rq:workers") == 1, what="it is registered")
        (before,) = ApprovalWorker.all(testbed.redis)
        testbed.redis.flushall()
        eventually(
            lambda: testbed.redis.scard("rq:workers") == 1, what="it is back", log=testbed.log
        )
        (after,) = ApprovalWorker.all(testbed.redis)
        assert (after.name, after.pid, after.hostname, after.queue_names()) == (
            before.name, before.pid, before.hostname, ["approvals"]
        )  # fmt: skip
        event = approval()
        testbed.publish(event)
        testbed.until_idle()
    assert read(testbed.database) == fold([event])


def test_processes_end_with_their_supervisor(testbed: Testbed) -> None:
    """Also if it is killed: no process goes on without it."""
    command = [sys.executable, "-m", "signoff_cli", "worker", "--processes", "2"]
    with process(*command, env=testbed.env, log=testbed.log) as supervisor:
        eventually(
            lambda: testbed.redis.scard("rq:workers") == 2,
            what="both are registered",
            log=testbed.log,
        )
        workers = list(ApprovalWorker.all_keys(testbed.redis))
        pids = [int(testbed.redis.hget(key, "pid") or 0) for key in workers]
        supervisor.kill()
        supervisor.wait()
        eventually(lambda: not any(map(_is_running, pids)), what="they end", log=testbed.log)
    assert testbed.redis.smembers("rq:workers") == set()


def _is_running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
