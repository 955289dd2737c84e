"""Show that a stream of lines takes no more memory the longer it is: a million events over HTTP.

    python bench/http_memory.py [LINES] [SHARE_OF_REFUSED]

Starts servers of its own and a web service in a process of its own, sends lines and reads receipts
at the same time, and prints that process's memory as it goes.
"""

import socket
import sys
import threading
import time
from pathlib import Path

from deployment import deployment, stream
from http_api import serving

HEAD = (
    b"POST /v1/approvals HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
AT_ONCE = 500


def main(lines: int = 1_000_000, refused: float = 0.0) -> None:
    """Send so many lines, this share of them such as are refused."""
    with deployment() as servers, serving(servers, "signoff") as served:
        connection = socket.create_connection(("127.0.0.1", served.port))
        threading.Thread(target=_send, args=(connection, lines, refused), daemon=True).start()
        begin, received = time.monotonic(), 0
        step = max(1, lines // 10)
        shown = 0
        while data := connection.recv(1_048_576):
            received += data.count(b'{"line":')
            if received >= shown + step:
                shown += step
                servers.redis.flushall()
                print(f"{received:>9,} receipts, {_megabytes(served.pid):6.1f} MB", flush=True)
        took = time.monotonic() - begin
        most = _megabytes(served.pid, "VmHWM")
        print(f"{received:,} receipts in {took:.1f} s, at most {most:.1f} MB")


def _send(connection: socket.socket, lines: int, refused: float) -> None:
    connection.sendall(HEAD)
    coming = stream()
    every = int(1 / refused) if refused else 0
    for first in range(0, lines, AT_ONCE):
        texts = [
            b"[]" if every and n % every == 0 else next(coming).canonical_json()
            for n in range(first, min(lines, first + AT_ONCE))
        ]
        data = b"\n".join(texts) + b"\n"
        connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
    connection.sendall(b"0\r\n\r\n")


def _megabytes(pid: int, field: str = "VmRSS") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:3]))
