"""Health over HTTP: requests are answered although other connections are idle."""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from processes import DEADLINE, eventually

from signoff_embedded.ports import free_port
from signoff_worker import health_server
from signoff_worker.health import HealthReport
from signoff_worker.health_server import HealthServer

READY = HealthReport("w", live=True, waits_for=None, turn_age_seconds=0.1)
WAITS = HealthReport("w", live=True, waits_for="Postgres: it is unavailable", turn_age_seconds=0.1)


@contextmanager
def serving(port: int, report: Callable[[], HealthReport] = lambda: READY) -> Iterator[None]:
    """A server on the port, once it answers."""
    server = HealthServer(report, "127.0.0.1", port)
    server.open()
    try:
        eventually(lambda: listens(port), what="it listens")
        yield
    finally:
        server.close()


@pytest.fixture
def port() -> int:
    """A port that nothing listens on."""
    return free_port()


def listens(port: int) -> bool:
    """Whether anything accepts connections on the port."""
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """The status and the body of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize(
    ("report", "path", "method", "status"),
    [
        (READY, "/live", "GET", 200),
        (READY, "/ready", "GET", 200),
        (READY, "/ready", "HEAD", 200),
        (WAITS, "/live", "GET", 200),
        (WAITS, "/ready", "GET", 503),
        (READY, "/other", "GET", 404),
        (READY, "/ready", "POST", 405),
    ],
)
def test_each_path_and_method_has_its_answer(
    port: int, report: HealthReport, path: str, method: str, status: int
) -> None:
    """A report is JSON."""
    with serving(port, lambda: report):
        answered, body = ask(port, path, method)

    assert answered == status
    if method == "GET" and status != 404:
        assert json.loads(body)["waits_for"] == report.waits_for


def test_a_probe_is_answered_beside_a_thousand_silent_connections(port: int) -> None:
    """Idle and slow connections use no thread and are closed; each probe is answered."""
    threads = threading.active_count()
    with serving(port), ExitStack() as stack:
        silent = []
        for number in range(700):
            one = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
            )
            one.sendall(b"GET /live HTTP/1.1\r\n"[: number % 20])
            silent.append(one)
            if number % 100 == 99:
                assert ask(port, "/ready")[0] == 200
        assert threading.active_count() <= threads + 1


def test_a_request_without_an_end_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds, or when it is longer than any valid request."""
    monkeypatch.setattr(health_server, "_REQUEST_SECONDS", 0.2)
    with serving(port):
        for sent in (b"GET /live", b"x" * 20_000):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as one:
                one.sendall(sent)
                assert ended(one)


def ended(connection: socket.socket) -> bool:
    """Wait until the other side has closed."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_port_in_use_is_tried_again(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the worker works meanwhile."""
    monkeypatch.setattr(health_server, "_TAKEN_PAUSE", 0.05)
    server = HealthServer(lambda: READY, "127.0.0.1", port)
    with caplog.at_level(logging.ERROR), socket.create_server(("127.0.0.1", port)):
        server.open()
        eventually(lambda: "cannot be opened" in caplog.text, what="it says so")
    try:
        eventually(lambda: listens(port), what="it listens")
        assert ask(port, "/live")[0] == 200
    finally:
        server.close()


def test_a_closed_server_frees_its_port(port: int) -> None:
    """Also if idle connections are open."""
    with ExitStack() as stack:
        with serving(port):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert not listens(port)
