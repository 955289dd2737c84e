"""The answer to an event that was taken. It is built by hand: this is the hot path of the API."""

from typing import Final, Self

from starlette.types import Receive, Scope, Send

from signoff_ops.verdict_answers import FinalVerdict
from signoff_producer import Answer, Receipt
from signoff_web.api.receipts import as_line
from signoff_web.rates import Allowance

RawHeaders = list[tuple[bytes, bytes]]
_JSON: Final = (b"content-type", b"application/json")
_STATUS: Final = {Answer.ACCEPTED: 202, Answer.DUPLICATE: 200}


class RawAnswer:
    """A body of JSON with its headers (an ASGI application)."""

    def __init__(self, status: int, body: bytes, headers: RawHeaders) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    @classmethod
    def of_receipt(cls, receipt: Receipt, allowance: Allowance) -> Self:
        """The answer as soon as the queue has the event."""
        event_id = str(receipt.event_id)
        body = f'{{"event_id":"{event_id}","answer":"{receipt.answer.value}"}}\n'
        headers = _headers(event_id, allowance)
        return cls(_STATUS[receipt.answer], body.encode(), headers)

    def with_verdict(self, verdict: FinalVerdict | None, wait: int) -> Self:
        """The answer to one who waited so many seconds, perhaps in vain."""
        headers = [*self.headers, (b"preference-applied", b"wait=%d" % wait)]
        if verdict is None:
            return type(self)(self.status, self.body, headers)
        return type(self)(200, _extended(self.body, _members_of(verdict)), headers)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = [*self.headers, _JSON, length]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def _members_of(verdict: FinalVerdict) -> bytes:
    """What a verdict says, as members of a JSON object."""
    if verdict.dead_letter is None:
        return f'"verdict":"{verdict.verdict.value}"'.encode()
    letter = {"dead_letter": verdict.dead_letter, "reason": verdict.reason}
    return as_line({"verdict": verdict.verdict, **letter})[1:-2]


def _extended(line: bytes, members: bytes) -> bytes:
    """A JSON object, as a line, with more members."""
    return b"%b,%b}\n" % (line.removesuffix(b"}\n"), members)


def _headers(event_id: str, allowance: Allowance) -> RawHeaders:
    location = (b"location", b"/v1/events/" + event_id.encode())
    return [location, *allowance.raw_headers]
