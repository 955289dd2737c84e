"""TLS in front of a real server whose own build has none: for a client it is the same."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import trustme

READ = 1 << 16
POSTGRES_ASKS_FOR_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class Authority:
    """A certificate authority for one test; `file` holds its certificate."""

    def __init__(self, folder: Path, name: str) -> None:
        self._authority = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def server(self, host: str) -> ssl.SSLContext:
        """The certificate of a server of this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context


@contextmanager
def tls(url: str, context: ssl.SSLContext) -> Iterator[str]:
    """Stand before the URL's server until the block ends; gives the URL of the TLS side."""
    target = urlsplit(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    plain, _ = listener.accept()
                    threading.Thread(target=_relay, args=[plain, url, context], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        scheme = "rediss" if target.scheme == "redis" else target.scheme
        netloc = f"{target.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
        yield target._replace(scheme=scheme, netloc=netloc).geturl()
        listener.shutdown(socket.SHUT_RDWR)


def _relay(plain: socket.socket, url: str, context: ssl.SSLContext) -> None:
    target = urlsplit(url)
    with suppress(OSError), plain:
        if target.scheme == "postgresql":
            assert plain.recv(8) == POSTGRES_ASKS_FOR_TLS
            plain.sendall(b"S")
        with (
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection((target.hostname, target.port)) as server,
        ):
            back = threading.Thread(target=_copy, args=[server, client], daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(READ):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
