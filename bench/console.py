"""The console with a ledger of five million, 100,000 open letters and 1,000 causes.

Each page over HTTP, as a signed-in operator gets it. Then the drain while somebody has each page
open, with its live numbers, and a dry run of all letters runs, in turn with the drain alone. Then a
replay of 100,000 letters as an operation, in turn with the command line's.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
import letters
import scale
from console_pages import LIVE, Page, pages
from deployment import Deployment, Row, environment, events
from http_api import serving

from signoff_ops.operating import Operator
from signoff_ops.operations import (
    Operation,
    OperationAction,
    cancel_operation,
    operation,
    start_operation,
)
from signoff_ops.outbox import create_outbox
from signoff_ops.servers import DirectServers
from signoff_ops.sign_in import Browser, use_link
from signoff_ops.users import add_user, make_link
from signoff_ops.values import Selection
from signoff_schemas import Settings
from signoff_schemas.access import Role
from signoff_web.authentication import COOKIE

_FILL = Path(__file__).with_name("fill_console.sql").read_text("utf-8")
_LOOKS = 21
_POLL_SECONDS = 2.0
"""An open page asks again after so long."""
_OPERATOR = Operator("user:bench", "measured")


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    size, open_letters, causes = (300_000, 10_000, 100) if quick else (5_000_000, 100_000, 1_000)
    count, pairs = (30_000, 1) if quick else (100_000, 3)
    create_outbox(deployment.database_url)
    deployment.clear()
    scale.fill_ledger(deployment, size)
    _fill(deployment, open_letters, causes)
    servers = DirectServers(
        Settings.load(redis_url=deployment.redis_url, database_url=deployment.database_url)
    )
    with ExitStack() as stack:
        stack.enter_context(_runner(deployment))
        port = stack.enter_context(serving(deployment, "sessions")).port
        visitor = stack.enter_context(_signed_in(servers, port))
        dry_run = _ended(servers, _dry_run(servers))
        shown = pages(deployment, dry_run.id)
        rows = [_page_row(visitor, page, size) for page in shown]
        opened = [page for page in shown if not page.is_filtered]
        busy = partial(_busy, servers, visitor, opened)
        alone, beside = _drains(deployment, busy, count, pairs)
    name = f"drain, console open on {len(opened)} pages, dry run of {open_letters:,}"
    rows.append(Row(name, beside, "events/s", "alone", alone, ">= 0.9"))
    by_operation, by_command = _replays(deployment, servers, open_letters, pairs)
    name = f"{open_letters:,} dead letters: replay by an operation"
    rows.append(Row(name, by_operation, "events/s", "signoff dlq replay", by_command, ">= 0.9"))
    return rows


def _fill(deployment: Deployment, open_letters: int, causes: int) -> None:
    text = _FILL.replace("{letters}", str(open_letters)).replace("{causes}", str(causes))
    for step in text.split(";"):
        if step.strip():
            deployment.database.execute(step.encode())
    deployment.database.execute("VACUUM ANALYZE")


# Pages


@contextmanager
def _signed_in(servers: DirectServers, port: int) -> Iterator[httpx.Client]:
    """A client with the session of an operator."""
    add_user(servers, "bench", [Role.OPERATOR], "bench")
    session = use_link(servers, make_link(servers, "bench", "bench").token, Browser())
    assert session
    cookie = {"Cookie": f"{COOKIE}={session.token}"}  # clients keep it for HTTPS only
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=cookie, timeout=60) as client:
        yield client


def _page_row(visitor: httpx.Client, page: Page, size: int) -> Row:
    """The 95th percentile of a page, in milliseconds; its median stands beside."""
    took = []
    for _ in range(_LOOKS):
        start = time.perf_counter()
        _get(visitor, page)
        took.append((time.perf_counter() - start) * 1000)
    rest = sorted(took[1:])
    p95 = statistics.quantiles(rest, n=20)[-1]
    unit = f"ms, p95 (median {statistics.median(rest):.0f})"
    return Row(f"console of {size:,}: {page.name}", p95, unit, target="< 300")


def _get(visitor: httpx.Client, page: Page) -> None:
    answer = visitor.get(page.path)
    if answer.is_error:
        raise AssertionError(page, answer.status_code, answer.text[:2000])


# The drain beside it


def _drains(
    deployment: Deployment, busy: Callable[[], AbstractContextManager[None]], count: int, pairs: int
) -> tuple[float, float]:
    """Events a second, alone and while the console is busy, in turn."""
    alone: list[float] = []
    beside: list[float] = []
    for seed in range(pairs):
        deployment.publish(events(count, seed=100 + 2 * seed))
        alone.append(count / deployment.drain())
        deployment.publish(events(count, seed=101 + 2 * seed))
        with busy():
            beside.append(count / deployment.drain())
    return statistics.median(alone), statistics.median(beside)


@contextmanager
def _busy(servers: DirectServers, visitor: httpx.Client, shown: list[Page]) -> Iterator[None]:
    """A dry run runs, and somebody has each page open, which asks again every two seconds.

    Each listens to the live numbers, too.
    """
    with ExitStack() as stack:
        for page in shown:
            stack.enter_context(_repeated(partial(_get, visitor, page)))
            stack.enter_context(_streamed(visitor))
        stack.enter_context(_dry_runs(servers))
        yield


@contextmanager
def _repeated(work: Callable[[], object]) -> Iterator[None]:
    """Do it again and again, each two seconds, until the block ends; a failure is raised then."""
    stop, failed = threading.Event(), list[Exception]()

    def loop() -> None:
        try:
            while not stop.wait(_POLL_SECONDS):
                work()
        except Exception as error:  # noqa: BLE001 -- raised below
            failed.append(error)

    with _thread(loop, stop):
        yield
    if failed:
        raise failed[0]


@contextmanager
def _streamed(visitor: httpx.Client) -> Iterator[None]:
    """Read the live stream until the block ends."""
    stop = threading.Event()

    def read() -> None:
        with visitor.stream("GET", LIVE) as answer:
            for _ in answer.iter_raw():
                if stop.is_set():
                    return

    with _thread(read, stop):
        yield


@contextmanager
def _thread(target: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# Operations


@contextmanager
def _runner(deployment: Deployment) -> Iterator[None]:
    """The process that runs operations."""
    command = [sys.executable, "-m", "signoff_cli", "operations", "run"]
    with (deployment.folder / "runner.log").open("ab") as log:
        running = subprocess.Popen(command, env=environment(deployment), stderr=log)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def _dry_run(servers: DirectServers) -> Operation:
    operator = Operator(_OPERATOR.actor, _OPERATOR.reason, dry_run=True)
    return start_operation(servers, Selection(), operator, OperationAction.REPLAY)


def _ended(servers: DirectServers, started: Operation) -> Operation:
    """Wait until it has ended."""
    while True:
        found = operation(servers, started.id)
        assert found
        if found.ended_at is not None:
            assert found.state == "done", found
            return found
        time.sleep(0.05)


@contextmanager
def _dry_runs(servers: DirectServers) -> Iterator[None]:
    """One dry run of all letters after the other, until the block ends."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            running = _dry_run(servers)
            while not stop.wait(0.1):
                found = operation(servers, running.id)
                if found is None or found.ended_at is not None:
                    break
            else:
                cancel_operation(servers, running.id, _OPERATOR.actor)

    with _thread(loop, stop):
        yield


def _replays(
    deployment: Deployment, servers: DirectServers, count: int, pairs: int
) -> tuple[float, float]:
    """Letters a second, by an operation and by the command, in turn."""
    owned = events(count)
    ownerless = [event.model_copy(update={"user_id": None}) for event in owned]
    by_operation: list[float] = []
    by_command: list[float] = []
    operate = partial(_replay, servers)
    for _ in range(pairs):
        for rates, replay in ((by_command, letters.replay), (by_operation, operate)):
            deployment.clear()
            letters.die(deployment, ownerless)
            letters.arrive(deployment, owned)
            rates.append(replay(deployment, count))
    return statistics.median(by_operation), statistics.median(by_command)


def _replay(servers: DirectServers, deployment: Deployment, count: int) -> float:
    """Letters a second, from when the operation begins to run until it has ended."""
    with _runner(deployment):
        started = start_operation(servers, Selection(), _OPERATOR, OperationAction.REPLAY)
        done = _ended(servers, started)
    deployment.check(count)
    assert done.started_at
    assert done.ended_at
    return count / (done.ended_at - done.started_at).total_seconds()
