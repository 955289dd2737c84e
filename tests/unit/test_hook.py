"""Alerts are handed to a command or webhook, retried, signed; errors are shown."""

import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from processes import DEADLINE, eventually

from signoff_ops import alert_command, alert_post
from signoff_ops.hook import HookError, deliver, hook_of, signature
from signoff_schemas import Settings, SettingsError
from signoff_schemas.backoff import backoff_delays


def test_it_is_tried_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing delays; then the error is raised."""
    tries: list[bytes] = []
    pauses: list[float] = []

    def refuse(message: bytes) -> None:
        tries.append(message)
        raise HookError("no")

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return False

    monkeypatch.setattr(
        "signoff_ops.hook.backoff_delays", partial(backoff_delays, chance=lambda: 1)
    )
    with pytest.raises(HookError):
        deliver(refuse, b"m", stopped=wait)

    assert (tries, pauses) == ([b"m"] * 4, [1, 2, 4])


def test_a_stop_ends_the_tries() -> None:
    """A process that is asked to stop does not wait for a hook."""
    tries: list[bytes] = []

    def refuse(message: bytes) -> None:
        tries.append(message)
        raise HookError("no")

    with pytest.raises(HookError):
        deliver(refuse, b"m", stopped=lambda _pause: True)

    assert len(tries) == 1


def test_a_signature_can_be_checked_by_anybody() -> None:
    """HMAC-SHA256 over the time and the body, as RFC 2104 has it."""
    expected = hmac.new(b"key", b"1700000000." + b'{"a":1}', hashlib.sha256).hexdigest()

    assert signature(b'{"a":1}', "key", 1_700_000_000) == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "neither of them is set"),
        ({"alert_command": "a", "alert_url": "http://h/"}, "each of them is set"),
        ({"alert_command": "say 'hello"}, "SIGNOFF_ALERT_COMMAND cannot be read"),
    ],
    ids=str,
)
def test_exactly_one_hook_must_be_set(fields: dict[str, str], shown: str) -> None:
    """A command or a URL, and the command must be one that a shell can split."""
    with pytest.raises(SettingsError, match=shown):
        hook_of(Settings.load(**fields))


def test_a_missing_command_is_named() -> None:
    """By the setting's name: without news, and if it was deleted later."""
    with pytest.raises(SettingsError, match="names no program that this user may execute"):
        hook_of(Settings.load(alert_command="t0k3n-at-all"))
    with pytest.raises(HookError, match="SIGNOFF_ALERT_COMMAND cannot be started: No such file"):
        alert_command.run(["/missing/command"], b"{}")


def test_a_command_that_may_not_be_executed_is_named(tmp_path: Path) -> None:
    """A script without its x bit, or a folder: the text does not quote it."""
    script = tmp_path / "t0k3n"
    script.write_text("#!/bin/sh\n")
    for command in (script, tmp_path):
        with pytest.raises(SettingsError, match="names no program") as caught:
            hook_of(Settings.load(alert_command=str(command)))
        assert "t0k3n" not in str(caught.value)
    script.chmod(0o700)
    hook_of(Settings.load(alert_command=str(script)))(b"{}")


def test_a_command_that_fails_without_output_is_reported() -> None:
    """The message says that it wrote no reason."""
    with pytest.raises(HookError, match="exit code 1: it wrote no reason"):
        hook_of(Settings.load(alert_command="false"))(b"{}")


def test_a_webhooks_token_is_not_shown() -> None:
    """Chat systems have the secret in the URL's path."""
    hook = hook_of(Settings.load(alert_url="http://127.0.0.1:1/services/t0k3n"))

    with pytest.raises(
        HookError, match=r"host 127\.0\.0\.1.*reached: Connection refused"
    ) as caught:
        hook(b"{}")

    assert "t0k3n" not in str(caught.value)


def test_a_blank_key_is_refused() -> None:
    """Otherwise alerts would be signed with a key that everybody knows."""
    with pytest.raises(SettingsError, match=r"the argument alert_secret holds .*not blank"):
        Settings.load(alert_url="http://h/", alert_secret="  ")


def test_a_command_gets_none_of_signoffs_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment is ours without Signoff's variables."""
    monkeypatch.setenv("SIGNOFF_DATABASE_URL", "postgresql://u:s3cr3t@h/d")
    monkeypatch.setenv("signoff_alert_secret", "s3cr3t")
    monkeypatch.setenv("PGPASSWORD", "s3cr3t")
    monkeypatch.setenv("KEPT", "yes")

    alert_command.run(["sh", "-c", f"env > {tmp_path}/environment"], b"{}")

    held = (tmp_path / "environment").read_text()
    assert "KEPT=yes" in held
    assert "s3cr3t" not in held


def test_a_command_that_takes_too_long_is_ended_and_not_quoted(tmp_path: Path) -> None:
    """Its child processes are ended too; its arguments may hold a token and are not shown."""
    started = f"echo $$ > {tmp_path}/pid; sleep 600 & echo $! > {tmp_path}/child; wait"

    with pytest.raises(HookError, match="did not end within 1 s") as caught:
        alert_command.run(["sh", "-c", started, "t0k3n"], b"{}", seconds=1)

    assert "t0k3n" not in str(caught.value)
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not runs(child), what="the child has ended")


def runs(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_commands_child_that_goes_on_is_not_waited_for() -> None:
    """Also if it keeps the command's streams open."""
    alert_command.run(["sh", "-c", "sleep 100 & echo $! >&2"], b"{}", seconds=30)


def test_the_output_of_a_failed_command_is_shown_on_one_line() -> None:
    """Its end is escaped: it cannot forge lines, nor move the cursor."""
    with pytest.raises(HookError) as caught:
        alert_command.run(["sh", "-c", r"printf 'a\nb\033[2J' >&2; exit 3"], b"{}")

    assert str(caught.value) == r"SIGNOFF_ALERT_COMMAND ended with exit code 3: a\nb\x1b[2J"


@contextmanager
def receiver(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that does this with each connection; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/services/t0k3n"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def drip(connection: socket.socket) -> None:
    """Send an endless header, byte by byte."""
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_sends_slowly_times_out(scheme: str) -> None:
    """It sends bytes, but never a complete answer; or an endless TLS handshake."""
    with receiver(drip if scheme == "http" else drip_handshake) as url:
        started = time.monotonic()
        with pytest.raises(HookError, match=r"did not answer within 1 s"):
            alert_post.post(url.replace("http", scheme), b"{}", {}, seconds=1)

    assert time.monotonic() - started < DEADLINE


def drip_handshake(connection: socket.socket) -> None:
    """Begin a large record of the handshake, and never complete it."""
    connection.sendall(b"\x16\x03\x03\x40\x00\x02")
    while True:
        connection.sendall(b"\0")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/services/t0k3n with blanks", r"host h\) cannot be reached"),
        ("http://h:port/t0k3n", "cannot be reached"),
        ("http://user:t0k3n/rest@h/", r"^SIGNOFF_ALERT_URL cannot be reached"),
        (f"http://{'x' * 70}.example/t0k3n", "cannot be reached"),
    ],
)
def test_no_part_of_an_unreadable_url_is_shown(url: str, shown: str) -> None:
    """A parser's message would quote it."""
    with pytest.raises(HookError, match=shown) as caught:
        alert_post.post(url, b"{}", {})

    assert "t0k3n" not in str(caught.value)


def test_an_answer_that_is_not_http_is_not_quoted() -> None:
    """It may be any text of any length."""

    def garbage(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"\x1b[2Jgarbage\r\n\r\n")

    with (
        receiver(garbage) as url,
        pytest.raises(HookError, match="what answers speaks no HTTP") as caught,
    ):
        alert_post.post(url, b"{}", {})

    assert "garbage" not in str(caught.value)
