"""Bodies of requests: which forms are taken, and how they are read within bounds."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_web.problems import ProblemError

Headers = Mapping[bytes, bytes]
"""The headers of a request by their names in lower case."""
_CLOSE: Final = {"Connection": "close"}
_TOO_SLOW: Final = "the body is too slow"
_SLICE: Final = 65_536
"""The most bytes that are inflated at once."""
_UNSUSPICIOUS: Final = 1_048_576
_MOST_RATIO: Final = 100
"""Beyond so many bytes, a body may not be more than so many times larger than it was sent."""
_READ_ON: Final = 1_048_576
_READ_ON_SECONDS: Final = 1.0
"""How much of a refused body is read on: many clients read the answer only when all is sent."""


class Form(StrEnum):
    """The media types of bodies with events."""

    JSON = "application/json"
    LINES = "application/x-ndjson"


_FORMS: Final = {form.value.encode(): form for form in Form}


def headers_of(request: Request) -> Headers:
    """All headers of a request."""
    return dict(request.scope["headers"])


def form_of(headers: Headers) -> Form:
    """What the body is.

    Raises:
        ProblemError: it is nothing that is taken (415).
    """
    given = headers.get(b"content-type", b"")
    form = _FORMS.get(given) or _form_with_parameters(given)
    if form is None:
        raise ProblemError(
            415,
            "unsupported-media-type",
            "This type of content is not taken",
            f"Send one event as `Content-Type: {Form.JSON}`, or many as `{Form.LINES}`, in UTF-8; "
            f"found {_shown(given)}",
            headers={"Accept-Post": ", ".join(Form)},
        )
    return form


def _form_with_parameters(given: bytes) -> Form | None:
    media_type, _, parameters = given.partition(b";")
    charset = parameters.strip().lower().replace(b'"', b"")
    if charset not in {b"", b"charset=utf-8"}:
        return None
    return _FORMS.get(media_type.strip().lower())


def is_compressed(headers: Headers) -> bool:
    """Whether the body is compressed by gzip.

    Raises:
        ProblemError: it is encoded in another way (415).
    """
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in {b"identity", b"gzip"}:
        raise ProblemError(
            415,
            "unsupported-encoding",
            "This encoding of content is not taken",
            f"Send the body as it is, or as `Content-Encoding: gzip`; found {_shown(encoding)}",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    return encoding == b"gzip"


def _shown(value: bytes) -> str:
    return ascii(value.decode("latin-1"))[:80] if value else "none"


async def read_event(request: Request, headers: Headers, *, seconds: float) -> bytes:
    """The body of a request with one event.

    Raises:
        ProblemError: it is too large (413), takes too long (408), or is no gzip (400).
        ClientDisconnect: the client is gone.
    """
    compressed = is_compressed(headers)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > MAX_EVENT_BYTES:
        await _read_on(request, headers)
        raise too_large()
    message = await _first_message(request, seconds)
    if not compressed and message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]  # it came at once, as nearly every event does
        if len(body) > MAX_EVENT_BYTES:
            raise too_large()
        return body
    try:
        async with asyncio.timeout(seconds):
            return await _rest(request, message, Inflater() if compressed else None)
    except TimeoutError:
        raise too_slow(seconds) from None


async def read_within(
    request: Request, most: int, *, seconds: float, refusal: ProblemError
) -> bytes:
    """A whole body of at most so many bytes.

    Raises:
        ProblemError: it is larger (`refusal`), or takes more than so many seconds (408).
        ClientDisconnect: the client is gone.
    """
    read = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                read += piece
                if len(read) > most:
                    raise refusal
    except TimeoutError:
        raise too_slow(seconds) from None
    return bytes(read)


async def _first_message(request: Request, seconds: float) -> Message:
    """The first message of the body. `asyncio.timeout` would cost 4 % of the whole request."""
    task = asyncio.current_task()
    if task is None:
        raise AssertionError
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel, _TOO_SLOW)
    try:
        return await request.receive()
    except asyncio.CancelledError as cancelled:
        if cancelled.args == (_TOO_SLOW,) and not task.uncancel():
            raise too_slow(seconds) from None
        raise
    finally:
        timer.cancel()


async def _rest(request: Request, message: Message, inflater: "Inflater | None") -> bytes:
    """A body of several messages, or one that is compressed."""
    read = bytearray()
    while True:
        for piece in pieces_of(message, inflater):
            read += piece
            if len(read) > MAX_EVENT_BYTES:
                await _read_on(request, {})
                raise too_large()
        if not message.get("more_body"):
            return bytes(read)
        message = await request.receive()


def pieces_of(message: Message, inflater: "Inflater | None") -> Iterable[bytes]:
    """What an ASGI message holds of the body, inflated piece by piece if it is compressed.

    Raises:
        ProblemError: as `Inflater.pieces`.
        ClientDisconnect: the client is gone.
    """
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body: bytes = message.get("body", b"")
    if inflater is None:
        return (body,)
    return inflater.pieces(body, is_last=not message.get("more_body"))


class Inflater:
    """Inflates a body in small pieces, and refuses one that inflates to far more than was sent."""

    def __init__(self) -> None:
        self._stream = _gzip()
        self._taken = 0
        self._given = 0

    def pieces(self, data: bytes, *, is_last: bool) -> Iterator[bytes]:
        """The next part of the body.

        Raises:
            ProblemError: it is no gzip, or it ends too early (400), or inflates to too much (413).
        """
        self._taken += len(data)
        is_more = bool(data)
        while is_more:
            if self._stream.eof:  # a body may consist of several, one after the other
                self._stream = _gzip()
            try:
                piece = self._stream.decompress(data, _SLICE)
            except zlib.error:
                raise _no_gzip("it is none, or damaged") from None
            self._given += len(piece)
            if self._given > max(_UNSUSPICIOUS, self._taken * _MOST_RATIO):
                raise too_large("it inflates to more than 100 times of what was sent")
            yield piece
            data = self._stream.unconsumed_tail or self._stream.unused_data
            is_more = bool(data) or (len(piece) == _SLICE and not self._stream.eof)
        if is_last and self._taken and not self._stream.eof:
            raise _no_gzip("it ends too early")


def _gzip() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=31)


async def _read_on(request: Request, headers: Headers) -> None:
    """Read some more of a refused body, unless the client waits for leave to send it."""
    if b"expect" in headers:
        return
    left = _READ_ON
    with suppress(TimeoutError):
        async with asyncio.timeout(_READ_ON_SECONDS):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def too_large(because: str = "") -> ProblemError:
    """The problem of a body that is too large."""
    found = f"; {because}" if because else ""
    return ProblemError(
        413,
        "body-too-large",
        "The body is too large",
        f"An event's JSON may take at most {MAX_EVENT_BYTES} bytes{found}",
        headers=_CLOSE,
    )


def too_slow(seconds: float) -> ProblemError:
    """The problem of a body that did not come in time."""
    return ProblemError(
        408,
        "body-too-slow",
        "The body did not come in time",
        f"A body, or the next line of one, may take {seconds:g} s (SIGNOFF_BODY_TIMEOUT). Send it "
        "again",
        headers=_CLOSE,
    )


def _no_gzip(because: str) -> ProblemError:
    return ProblemError(
        400,
        "not-gzip",
        "The body is not what its Content-Encoding says",
        f"The body cannot be inflated as gzip: {because}",
        headers=_CLOSE,
    )
