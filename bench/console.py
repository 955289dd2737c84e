"""The console with a ledger of five million, 100,000 open letters and 1,000 causes.

Each page over HTTP, as a signed-in operator gets it. Then the drain while somebody has each page
open and goes from one to the other, and a dry run of all letters runs, in turn with the drain
alone. Then a replay of 100,000 letters as an operation, in turn with the command line's. Each of
the three is a scenario of its own, too.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import letters
import scale
from console_browser import load, opened
from console_operations import OPERATOR, dry_run, dry_runs, ended, runner
from console_pages import Page, pages
from deployment import Deployment, Row, events
from http_api import serving

from signoff_ops.operations import OperationAction, start_operation
from signoff_ops.outbox import create_outbox
from signoff_ops.servers import DirectServers, KeptConnection
from signoff_ops.sign_in import Browser, use_link
from signoff_ops.users import add_user, make_link
from signoff_ops.values import Selection
from signoff_schemas import Settings
from signoff_schemas.access import Role
from signoff_web.authentication import COOKIE

_FILL = Path(__file__).with_name("fill_console.sql").read_text("utf-8")
_LOOKS = 21


@dataclass(frozen=True)
class Sizes:
    """How much there is."""

    ledger: int
    letters: int
    causes: int
    drained: int
    pairs: int

    @classmethod
    def of(cls, *, quick: bool) -> "Sizes":
        """The sizes of a run."""
        if quick:
            return cls(300_000, 10_000, 100, 30_000, 1)
        return cls(5_000_000, 100_000, 1_000, 100_000, 3)


@dataclass(frozen=True)
class _Stage:
    """A filled database, a runner, a web service, and somebody who is signed in."""

    servers: DirectServers
    visitor: httpx.Client
    pages: list[Page]


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    sizes = Sizes.of(quick=quick)
    with _stage(deployment, sizes) as stage:
        rows = [_page_row(stage.visitor, page, sizes.ledger) for page in stage.pages]
        rows.append(_drain_row(deployment, stage, sizes))
    return [*rows, _replay_row(deployment, sizes)]


def run_pages(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure the pages alone."""
    sizes = Sizes.of(quick=quick)
    with _stage(deployment, sizes) as stage:
        return [_page_row(stage.visitor, page, sizes.ledger) for page in stage.pages]


def run_drain(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure the drain alone and beside the console."""
    sizes = Sizes.of(quick=quick)
    with _stage(deployment, sizes) as stage:
        return [_drain_row(deployment, stage, sizes)]


def run_replay(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Measure a replay as an operation and by the command."""
    return [_replay_row(deployment, Sizes.of(quick=quick))]


@contextmanager
def _stage(deployment: Deployment, sizes: Sizes) -> Iterator[_Stage]:
    create_outbox(deployment.database_url)
    deployment.clear()
    scale.fill_ledger(deployment, sizes.ledger)
    _fill(deployment, sizes.letters, sizes.causes)
    servers = DirectServers(_settings(deployment))
    with ExitStack() as stack:
        stack.enter_context(runner(deployment))
        port = stack.enter_context(serving(deployment, "sessions")).port
        visitor = stack.enter_context(_signed_in(servers, port))
        tried = ended(servers, dry_run(servers))
        # It leaves dead rows; else autovacuum would remove them during the first drains.
        deployment.database.execute("VACUUM ANALYZE")
        yield _Stage(servers, visitor, pages(deployment, tried.id))


def _settings(deployment: Deployment) -> Settings:
    return Settings.load(redis_url=deployment.redis_url, database_url=deployment.database_url)


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
        load(visitor, page.path)
        took.append((time.perf_counter() - start) * 1000)
    rest = sorted(took[1:])
    p95 = statistics.quantiles(rest, n=20)[-1]
    unit = f"ms, p95 (median {statistics.median(rest):.0f})"
    return Row(f"console of {size:,}: {page.name}", p95, unit, target="< 300")


# The drain beside it


def _drain_row(deployment: Deployment, stage: _Stage, sizes: Sizes) -> Row:
    shown = [page for page in stage.pages if not page.is_filtered]
    busy = partial(_busy, _settings(deployment), stage.visitor, shown)
    alone, beside = _drains(deployment, busy, sizes.drained, sizes.pairs)
    name = f"drain, console open on {len(shown)} pages, dry run of {sizes.letters:,}"
    return Row(name, beside, "events/s", "alone", alone, ">= 0.9")


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
def _busy(settings: Settings, visitor: httpx.Client, shown: list[Page]) -> Iterator[None]:
    """A dry run runs, and somebody has each page open."""
    paths = [page.path for page in shown]
    with (
        KeptConnection(settings) as servers,
        dry_runs(servers) as running,
        opened(visitor, paths, lambda: running.id),
    ):
        yield


# The replay


def _replay_row(deployment: Deployment, sizes: Sizes) -> Row:
    by_operation, by_command = _replays(deployment, sizes.letters, sizes.pairs)
    name = f"{sizes.letters:,} dead letters: replay by an operation"
    return Row(name, by_operation, "events/s", "signoff dlq replay", by_command, ">= 0.9")


def _replays(deployment: Deployment, count: int, pairs: int) -> tuple[float, float]:
    """Letters a second, by an operation and by the command, in turn."""
    owned = events(count)
    ownerless = [event.model_copy(update={"user_id": None}) for event in owned]
    by_operation: list[float] = []
    by_command: list[float] = []
    for _ in range(pairs):
        for rates, replay in ((by_command, letters.replay), (by_operation, _replay)):
            deployment.clear()
            letters.die(deployment, ownerless)
            letters.arrive(deployment, owned)
            rates.append(replay(deployment, count))
    return statistics.median(by_operation), statistics.median(by_command)


def _replay(deployment: Deployment, count: int) -> float:
    """Letters a second, from when the operation begins to run until it has ended."""
    with KeptConnection(_settings(deployment)) as servers, runner(deployment):
        started = start_operation(servers, Selection(), OPERATOR, OperationAction.REPLAY)
        done = ended(servers, started)
    deployment.check(count)
    assert done.started_at
    assert done.ended_at
    return count / (done.ended_at - done.started_at).total_seconds()
