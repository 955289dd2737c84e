"""An event's form on the queue: the `data` of an RQ job, `[function, null, [EVENT], {}]` as JSON.

RQ compresses its own jobs with zlib; both forms are read. Pickle is never read. Sizes are checked
before anything is inflated or parsed.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from signoff_schemas.approval import ApprovalEvent
from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_schemas.invalid import InvalidEvent, Problem, shortened
from signoff_schemas.kinds import KINDS, Kind
from signoff_schemas.verdicts import FailureKind

FUNCTION: Final = ApprovalEvent.function
"""The function that the job of an approval names."""
_NAMES: Final = {kind: name for name, kind in KINDS.items()}
_KIND_OF: Final = {kind.function: kind for kind in KINDS.values()}
_HEADS: Final = {kind: f'["{kind.function}", null, ['.encode() for kind in KINDS.values()}
_TAIL: Final = b"], {}]"
_OPENINGS: Final = [(kind, head + b"{", len(head)) for kind, head in _HEADS.items()]
_CLOSING: Final = b"}" + _TAIL
_END: Final = -len(_TAIL)
_SHOWN: Final = 80
MAX_JOB_BYTES: Final = MAX_EVENT_BYTES + 1024
"""The largest `data` of a job in which an event may be, plain or compressed."""
# Where only the structure of the JSON matters, `parse_int=float`: int() raises on a long number.


def encode_job(event_json: bytes, kind: Kind = ApprovalEvent) -> bytes:
    """Wrap the JSON of an event of this kind into the job's `data`."""
    return _HEADS[kind] + event_json + _TAIL


def decode_job(data: bytes) -> tuple[Kind, bytes]:
    """The kind of event that a job's `data` carries, and its JSON, byte for byte.

    Raises:
        InvalidEvent: the data is no event's; the kind says why.
    """
    if len(data) > MAX_JOB_BYTES:
        raise InvalidEvent.too_large(len(data), MAX_EVENT_BYTES)
    if data.endswith(_CLOSING):
        for kind, opening, start in _OPENINGS:
            if data.startswith(opening):
                return kind, data[start:_END]
    plain = _inflated(data)
    if len(plain) > MAX_JOB_BYTES:
        raise InvalidEvent.too_large(len(plain), MAX_EVENT_BYTES, or_more=True)
    return _read(plain)


def inflate(data: bytes) -> bytes:
    """The data without zlib.

    Data that is not zlib, is too large, or would inflate to too much, is returned unchanged.
    """
    if len(data) > MAX_JOB_BYTES:
        return data
    plain = _inflated(data)
    return data if len(plain) > MAX_JOB_BYTES else plain


def first_bytes(data: bytes, most: int = 16) -> bytes:
    """The first bytes of a job's data without zlib; `data` may be only its beginning."""
    try:
        plain = zlib.decompressobj().decompress(data, most)
    except zlib.error:
        plain = b""
    return plain or data[:most]


def _inflated(data: bytes) -> bytes:
    """The data without zlib; if it is too large, only one byte more than is allowed."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, MAX_JOB_BYTES + 1)
    except zlib.error:
        return data
    return plain if stream.eof or len(plain) > MAX_JOB_BYTES else data


def _beginning(plain: bytes) -> str:
    """How a job's data begins, as text, and how long all of it is."""
    shown = repr(plain[:_SHOWN].decode(errors="replace"))
    if len(plain) <= _SHOWN and len(shown) <= _SHOWN:
        return shown
    return f"{shown[:_SHOWN]}… ({len(plain)} bytes)"


def _read(plain: bytes) -> tuple[Kind, bytes]:
    """Read any form of the envelope, keeping the event's own bytes."""
    if plain.startswith(b"\x80"):
        raise InvalidEvent.unreadable("the job is a pickle; Signoff reads JSON only")
    try:
        text = plain.decode()
        function, *rest = envelope = json.loads(text, parse_int=float)
    except (ValueError, TypeError, RecursionError):
        raise InvalidEvent.unreadable(
            f'must be the JSON of an RQ job, ["{FUNCTION}", null, [EVENT], {{}}]',
            _beginning(plain),
        ) from None
    kind = _KIND_OF.get(function) if isinstance(function, str) else None
    if isinstance(envelope, list) and isinstance(function, str) and kind is None:
        raise _unknown_function(function)
    match rest:
        case [None, [dict()], {**kwargs}] if not kwargs and kind is not None:
            return kind, _first_argument(text).encode()
    raise InvalidEvent.unreadable(
        "an event's job must carry one event, as its only argument", shortened(text)
    )


def _unknown_function(function: str) -> InvalidEvent:
    rule = f"the job must call {' or '.join(_KIND_OF)}"
    problem = Problem("", rule, "unknown_function", shortened(repr(function)))
    return InvalidEvent(FailureKind.UNKNOWN_FUNCTION, [problem])


def _first_argument(text: str) -> str:
    """The exact text of the first argument of an envelope that is known to be well formed."""
    decoder = json.JSONDecoder(parse_int=float)
    position = _after(text, 0, "[")
    for closing in (",", ","):
        _, end = decoder.raw_decode(text, position)
        position = _after(text, end, closing)
    start = _after(text, position, "[")
    _, end = decoder.raw_decode(text, start)
    return text[start:end]


def _after(text: str, start: int, mark: str) -> int:
    """The position of what follows the next `mark`, with blanks skipped."""
    end = text.index(mark, start) + 1
    return len(text) - len(text[end:].lstrip())


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids in a refused payload and its kind of event, as far as they can be read."""

    event_id: UUID | None = None
    interaction_id: UUID | None = None
    user_id: str | None = None
    event_type: str | None = None
    """The kind of event; None where the payload is no JSON object, or names an unknown kind."""

    @classmethod
    def of(cls, payload: bytes, kind: Kind = ApprovalEvent) -> "Identity":
        """Read the ids that can be read; none of a payload that is larger than a job may be.

        `kind` is the one of a payload that names none.
        """
        if len(payload) > MAX_JOB_BYTES:
            return cls()
        try:
            event = json.loads(payload, parse_int=float)
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(event, dict):
            return cls()
        user_id = event.get("user_id")
        storable = isinstance(user_id, str) and user_id.isprintable()
        return cls(
            _uuid(event.get("event_id")),
            _uuid(event.get("interaction_id")),
            str(user_id)[:200] if storable else None,
            _kind_name(event.get("event_type"), kind),
        )


def _kind_name(value: object, otherwise: Kind) -> str | None:
    if value is None:
        return _NAMES[otherwise]
    return value if isinstance(value, str) and value in KINDS else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
