"""How an event travels: the `data` of an RQ job, `[function, null, [EVENT], {}]` as JSON.

RQ compresses its own jobs with zlib; both forms are read. Pickle is never read.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_schemas.invalid import InvalidEvent, Problem, shortened
from signoff_schemas.verdicts import FailureKind

FUNCTION: Final = "signoff_worker.jobs.apply_approval"
_HEAD: Final = f'["{FUNCTION}", null, ['.encode()
_TAIL: Final = b"], {}]"
_OPENING: Final = _HEAD + b"{"
_CLOSING: Final = b"}" + _TAIL
_MAX_DATA_BYTES: Final = MAX_EVENT_BYTES + 1024
# Where JSON is read only to find its way about, `parse_int=float`: int() raises on a long number.


def encode_job(event_json: bytes) -> bytes:
    """Wrap an event's JSON into the job's `data`."""
    return _HEAD + event_json + _TAIL


def decode_job(data: bytes) -> bytes:
    """Take the event's JSON, byte for byte, out of a job's `data`.

    Raises:
        InvalidEvent: the data is no approval's; the kind says why.
    """
    if data.startswith(_OPENING) and data.endswith(_CLOSING):
        return data[len(_HEAD) : -len(_TAIL)]
    return _read(inflate(data))


def inflate(data: bytes) -> bytes:
    """Undo zlib where it was used; a bomb is cut short, what is not zlib comes back as it is."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, _MAX_DATA_BYTES + 1)
    except zlib.error:
        return data
    whole = stream.eof or len(plain) > _MAX_DATA_BYTES
    return plain if whole else data


def _read(plain: bytes) -> bytes:
    """Read any spelling of the envelope, keeping the event's own bytes."""
    if len(plain) > _MAX_DATA_BYTES:
        raise InvalidEvent.too_large(len(plain), MAX_EVENT_BYTES)
    if plain.startswith(b"\x80"):
        raise InvalidEvent.unreadable("the job is a pickle; Signoff reads JSON only")
    try:
        text = plain.decode()
        function, *rest = envelope = json.loads(text, parse_int=float)
    except (ValueError, TypeError, RecursionError):
        raise InvalidEvent.unreadable(
            f'must be the JSON of an RQ job, ["{FUNCTION}", null, [EVENT], {{}}]',
            shortened(repr(plain[:200])),
        ) from None
    if isinstance(envelope, list) and isinstance(function, str) and function != FUNCTION:
        raise _unknown_function(function)
    match rest:
        case [None, [dict()], {**kwargs}] if not kwargs and function == FUNCTION:
            return _first_argument(text).encode()
    raise InvalidEvent.unreadable(
        "an approval's job must carry one event, as its only argument", shortened(text)
    )


def _unknown_function(function: str) -> InvalidEvent:
    problem = Problem(
        "", f"the job must call {FUNCTION}", "unknown_function", shortened(repr(function))
    )
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
    """Whom a payload concerns, as far as it can be read; it may be invalid otherwise."""

    event_id: UUID | None = None
    interaction_id: UUID | None = None
    user_id: str | None = None

    @classmethod
    def of(cls, payload: bytes) -> "Identity":
        """Read what can be read of a payload that was refused."""
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
        )


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
