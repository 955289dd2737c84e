"""Real servers for tests that need them: started once, with fresh state for each test."""

import fcntl
import functools
import gc
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import redis.utils
from generous import raise_bounds
from hypothesis import HealthCheck, settings
from role_password import hash_password

from signoff_embedded import embedded_postgres, embedded_services, embedded_valkey, postgres

# Tests start many processes: without compiled files, each takes three times the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# redis-py looks its own version up on the disk for each connection, and for each check of a URL.
redis.utils.get_lib_version = functools.cache(redis.utils.get_lib_version)

# On a busy machine an example may take any time.
settings.register_profile("signoff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("signoff")

_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "alone")
"""The name of this test process; a given server is shared by all of them."""
TEMPLATE = f"signoff_template_{_PROCESS}"
_MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder with a random name is made in it
_PREFIX = "signoff-tests-"
_MEMORY_NEEDED = 3 * 2**30
"""Bytes that must be free in it; Postgres takes some hundred megabytes."""
_BUFFERS_MEGABYTES = 64
_numbers = itertools.count(1)
_administrators: dict[str, psycopg.Connection[Any]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what collecting tests makes (pytest calls this).

    It is a million objects, of which nearly all stay. To look through them again and again would
    take a third of the time here, and a tenth during tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey that runs until this test process ends.

    TEST_REDIS_URL names another Redis or Valkey, of another version, for example. All its data is
    deleted before each test, so only one test process may use it (no -n).
    """
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with embedded_valkey(tmp_path_factory.mktemp("valkey"), fsync=False) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Postgres that runs until this test process ends.

    TEST_POSTGRES_URL names another Postgres, of another version, for example; its user must be a
    superuser.
    """
    with ExitStack() as stack:
        if not (url := os.environ.get("TEST_POSTGRES_URL")):
            folder = stack.enter_context(_in_memory()) or tmp_path_factory.mktemp("postgres")
            # Making and dropping a database looks through all of the buffers, and each connection
            # maps them: a gigabyte costs every test a quarter of what its database costs.
            with mock.patch.object(postgres, "_buffers", return_value=_BUFFERS_MEGABYTES):
                url = stack.enter_context(embedded_postgres(folder, fsync=False))
            hash_password(url, rounds=1)  # tests open thousands of connections
        raise_bounds()
        yield url
        if administrator := _administrators.pop(url, None):
            administrator.close()


@contextmanager
def _in_memory() -> Iterator[Path | None]:
    """A folder in memory, if there is enough: each test makes a database of some hundred files."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _MEMORY_NEEDED:
        yield None
        return
    for left in _MEMORY.glob(f"{_PREFIX}*/lock"):
        _remove_if_unused(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_MEMORY) as folder:
        yield Path(folder)


def _remove_if_unused(lock: Path) -> None:
    """Remove what a run that was killed left: nobody holds its lock."""
    with suppress(OSError), lock.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def make_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Makes a data folder as a first start leaves it.

    A first start runs initdb, for a second of the processor's time: it is copied.
    """
    made = tmp_path_factory.mktemp("made") / "data"
    with embedded_services(made, fsync=False):
        pass
    for log in made.glob("*.log"):
        log.unlink()
    memory = made / "embedded.json"
    # Its ports may be taken by now.
    memory.write_text(json.dumps(json.loads(memory.read_text()) | {"ports": {}}))

    def copy(folder: Path) -> None:
        subprocess.run(["/bin/cp", "-a", f"{made}/.", str(folder)], check=True)

    return copy


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Valkey."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """The name of a migrated, empty database, made once and copied for each test."""
    from signoff_db.migrate import migrate  # noqa: PLC0415 - tests without a database do not load it

    _create(postgres_server, TEMPLATE)
    migrate(_with_database(postgres_server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database, which is dropped after the test."""
    with _migrated_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def databases(
    postgres_server: str, migrated_template: str
) -> Callable[[], AbstractContextManager[str]]:
    """Makes databases for tests that share one, which they fill once and only read."""
    return lambda: _migrated_database(postgres_server, migrated_template)


@pytest.fixture(scope="module")
def module_database_url(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The URL of such a database, which the tests of a file share."""
    with databases() as url:
        yield url


@contextmanager
def _migrated_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{_PROCESS}_{next(_numbers)}"
    _create(server, name, template=template)
    # Tests look into the tables by bare names, as an administrator whose search_path is set may.
    _execute(server, f"ALTER DATABASE {name} SET search_path = signoff, public")
    yield _with_database(server, name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh database without any migration, which is dropped after the test."""
    name = f"test_{_PROCESS}_{next(_numbers)}"
    _create(postgres_server, name)
    yield _with_database(postgres_server, name)
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _create(server: str, name: str, *, template: str = "template0") -> None:
    # A run that was killed may have left one of this name on a server that is given.
    _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    # Copying files takes a quarter of the time that writing each page to the log does.
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _execute(url: str, statement: str) -> None:
    """Run a statement as the administrator, by a connection that is kept for all tests."""
    connection = _administrators.get(url)
    if connection is None or connection.closed:
        connection = _administrators[url] = psycopg.connect(url, autocommit=True)
    connection.execute(statement.encode())
