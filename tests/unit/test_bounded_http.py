"""The HTTP client of webhooks and alerts: bounds of time and size, and where it may connect to."""

import socket
import ssl
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from processes import DEADLINE
from receivers import endless, receiving

from signoff_ops import bounded_http
from signoff_ops.bounded_http import Answer, PostError, post
from signoff_ops.webhook_url import WebhookUrlError, check_url, shown_url
from signoff_schemas import Settings, SettingsError
from signoff_schemas.networks import is_allowed

send = partial(post, message=b"{}", headers={"webhook-id": "1"})


def test_any_answer_is_an_answer() -> None:
    """Its status, the beginning of its body, and when to come again."""
    with receiving() as receiver:
        receiver.answers, receiver.text = [503], b"later"
        receiver.headers = {"Retry-After": "7"}
        assert send(receiver.url) == Answer(503, b"later", "7")
    (got,) = receiver.got
    assert (got.body, got.id, got.path) == (b"{}", "1", "/hook/t0k3n")


def test_a_redirect_is_not_followed() -> None:
    """It could lead to where nobody may send to."""
    with receiving() as receiver, receiving() as other:
        for status in (301, 302, 303, 307, 308):
            receiver.answers, receiver.headers = [status], {"Location": other.url}
            answer = send(receiver.url)
            assert (answer.status, answer.ok) == (status, False)
    assert (len(receiver.got), len(other.got)) == (5, 0)


def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    """It is a success all the same."""
    with receiving() as receiver:
        receiver.answers = [endless]
        answer = send(receiver.url)
    assert (answer.status, len(answer.body)) == (200, 16_384)


def test_proxies_of_the_environment_are_not_used_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody else's variable does not decide where webhooks go."""
    with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        send(receiver.url)
        assert (len(receiver.got), len(proxy.got)) == (1, 0)
        send("http://example.invalid/hook", proxies=True)
    assert proxy.got[0].path == "http://example.invalid/hook"


def test_a_slow_resolver_counts_into_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be interrupted, so it is left alone."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(DEADLINE))
    started = time.monotonic()
    with pytest.raises(PostError, match=r"^did not answer within 0\.2 s$"):
        send("http://receiver.example/", seconds=0.2)
    assert time.monotonic() - started < DEADLINE
    answered.set()


def _resolver(*answers: str) -> Any:
    """A name server that gives one address after the other."""
    left = list(answers)

    def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        address = left.pop(0)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return getaddrinfo


def test_a_name_that_changes_its_address_leads_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection goes to the address that was checked: the name is not asked for again."""
    seen: list[str] = []

    def allowed(address: str) -> bool:
        seen.append(address)
        return is_allowed(address, "127.0.0.1")

    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        monkeypatch.setattr(socket, "getaddrinfo", _resolver("127.0.0.1", "10.1.2.3"))
        assert send(f"http://receiver.example:{port}/", allowed=allowed).status == 204
        assert seen == ["127.0.0.1"]
        with pytest.raises(PostError, match=r"its address 10\.1\.2\.3 is not public"):
            send(f"http://receiver.example:{port}/", allowed=allowed)
    (got,) = receiver.got
    assert got.headers["host"] == f"receiver.example:{port}"


def test_of_several_addresses_the_allowed_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, until one can be connected to."""
    with receiving() as receiver, socket.create_server(("127.0.0.2", 0)) as closed:
        port = int(receiver.url.split(":")[2].split("/")[0])
        dead = closed.getsockname()[1]
        closed.close()
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kind, ("10.0.0.1", port)), (*kind, ("127.0.0.2", dead))]
        found.append((*kind, ("127.0.0.1", port)))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        url = f"http://receiver.example:{port}/"
        assert send(url, allowed=lambda ip: is_allowed(ip, "127.0.0.0/8")).status == 204


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "198.18.0.1", "::", "::1",
        "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:4136:e378::1", "no address",
    ],
)  # fmt: skip
def test_no_address_that_is_not_public_is_allowed(address: str) -> None:
    """Nor one that stands for such an address."""
    assert not is_allowed(address, "false")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_allowed(address: str) -> None:
    """With any setting."""
    assert is_allowed(address, "false")
    assert is_allowed(address, "10.0.0.0/8")


def test_networks_may_be_allowed() -> None:
    """Only they, also where IPv6 writes an address of IPv4; or all."""
    some = "10.0.0.0/8, 192.168.1.5,fd00::/8"
    allowed = ["10.9.9.9", "192.168.1.5", "fd00::1", "::ffff:10.0.0.1"]
    refused = ["192.168.1.6", "127.0.0.1", "::1", "fe80::1"]
    assert all(is_allowed(address, some) for address in allowed)
    assert not any(is_allowed(address, some) for address in refused)
    assert all(is_allowed(address, "true") for address in allowed + refused)


def test_a_wrong_list_of_networks_is_refused() -> None:
    """The setting's message says what is allowed."""
    with pytest.raises(SettingsError, match="expected true, false, or networks such as"):
        Settings.load(webhook_allow_private="10.0.0.1/8,all")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ftp://h/", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("https://h:port/", "no http or https URL"),
        ("https://user:t0k3n@h/", "holds a user or password"),
        ("https://h/#t0k3n", "has a fragment"),
        ("https://h/a b", "holds blanks"),
        ("https://hé/", "not ASCII"),
        (f"https://h/{'t0k3n' * 400}", "has 2,010 characters"),
        ("http://localhost/t0k3n", "which is not public"),
        ("http://2130706433/", r"has the address 127\.0\.0\.1, which is not public"),
        ("http://[::ffff:10.0.0.1]/", "which is not public"),
        ("http://169.254.169.254/latest/meta-data", "SIGNOFF_WEBHOOK_ALLOW_PRIVATE"),
    ],
)
def test_a_url_that_no_webhook_may_have(url: str, shown: str) -> None:
    """What is wrong is said, without the URL."""
    with pytest.raises(WebhookUrlError, match=shown) as caught:
        check_url(url, "false")
    assert "t0k3n" not in str(caught.value)


def test_a_url_is_shown_without_what_may_be_a_token() -> None:
    """Many receivers have it in the path."""
    check_url("http://localhost:8080/t0k3n?a=b", "127.0.0.0/8,::1")
    assert shown_url("https://h.example:8443/t0k3n") == "https://h.example:8443/…"
    assert shown_url("https://h.example/") == "https://h.example"
    assert shown_url("https://h.example?t0k3n") == "https://h.example/…"


def test_tls_is_verified_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not against the address that it connects to; an unknown authority is refused."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.example").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(*["127.0.0.1"] * 3))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_answer_over_tls, args=[listener, context], daemon=True)
        thread.start()
        with pytest.raises(PostError, match="its certificate is not trusted"):
            send(f"https://receiver.example:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert send(f"https://receiver.example:{port}/").status == 204
        with pytest.raises(PostError, match="its certificate is not trusted: Hostname mismatch"):
            send(f"https://other.example:{port}/")
        thread.join(DEADLINE)


def _answer_over_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Take three connections; not each comes through its handshake."""
    for _ in range(3):
        connection, _ = listener.accept()
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65_536)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    # A close with unread data is a reset: the client might lose the answer.
                    while secure.recv(65_536):
                        pass
            except OSError:
                continue


def test_nothing_of_a_refusal_is_a_traceback() -> None:
    """What is no URL at all, or no HTTP, is a sentence."""
    for url in ("http://h:port/", f"http://{'x' * 70}.example/", "http://127.0.0.1:1/"):
        with pytest.raises(PostError, match=r"^cannot be reached: "):
            send(url)
    assert bounded_http.REQUEST_SECONDS == 10
