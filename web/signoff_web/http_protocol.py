"""HTTP/1.1 of uvicorn with bounds that it does not have: they hold before anybody is known.

- The head of a request (its line and headers) has at most 64 KiB.
- A connection waits only so long for a whole request, also if some of it comes now and then.
- Where there are too many connections, the one that has waited longest for a request gives way: so
  nobody keeps others out with connections that ask for nothing.
- A client that does not read its answer loses its connection.
"""

from asyncio import Transport
from collections.abc import Iterable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_BYTES: Final = 65_536
"""Of a head; what comes in one piece with its end may be more."""
_TOO_LARGE: Final = b"The head of a request has at most 65,536 bytes."
_STUCK_SECONDS: Final = 60.0
"""How long an answer may wait for its client to read on."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    most: int = 1000
    """Connections beyond which one gives way; a subclass for a service sets it."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- uvicorn's
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._in_head = True
        self.waits_since = self.loop.time()
        """Since when it waits for a request, unless one is being answered."""
        self._unread = 0
        self._unread_since = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Make room, if there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            others = [one for one in _bounded(self.connections) if one is not self]
            waiting = [one for one in others if one.is_waiting]
            # Where all are being answered, this one is told that the service is busy.
            if waiting:
                min(waiting, key=lambda one: one.waits_since).transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless a head has become too large."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes - len(data) > MOST_BYTES:
                self._refuse_head()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin with the head of a request (the parser calls this)."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete (the parser calls this)."""
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer was sent: wait for the next request."""
        self.waits_since = self.loop.time()
        super().on_response_complete()

    def end_if_idle(self, now: float, seconds: float) -> None:
        """End the connection if it has waited so long for a request, or for its client to read."""
        if self.is_waiting:
            if now - self.waits_since > seconds:
                self.transport.close()
            return
        unread = self.transport.get_write_buffer_size() if self.flow.write_paused else 0
        if unread != self._unread or not unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > _STUCK_SECONDS:
            self.transport.abort()

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        if self.is_waiting:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
            )
        self.transport.close()


def _bounded(connections: Iterable[object]) -> Iterable[BoundedProtocol]:
    return (one for one in connections if isinstance(one, BoundedProtocol))


def end_idle(connections: Iterable[object], now: float, seconds: float) -> None:
    """End the connections that have waited so long for a request, or for their client to read."""
    for connection in list(_bounded(connections)):
        connection.end_if_idle(now, seconds)


def protocol_for(most: int) -> type[BoundedProtocol]:
    """The protocol of a service that serves so many connections at the same time."""
    return type("ServiceProtocol", (BoundedProtocol,), {"most": most})
