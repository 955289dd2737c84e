"""Write failed deliveries to the dead letters, with bounded sizes and storable text."""

import json
import re
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.delivery import Delivery
from signoff_db.failure import Failure
from signoff_db.sql import statement
from signoff_schemas import MAX_EVENT_BYTES

MAX_PAYLOAD_BYTES: Final = MAX_EVENT_BYTES + 1024
"""The most bytes of a payload that a letter keeps: no valid event's job has more."""
_MAX_ATTEMPTS: Final = 1_000_000
"""The most attempts that are counted: a writer to Redis may set any number."""
_MAX_JOB_ID: Final = 1000
"""The most characters of a job's id; a longer id is cut, and its hash is added."""

_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON escapes it. After another backslash, `u0000` is no escape but text."""


class _Letter(NamedTuple):
    fields: dict[str, Any]
    payload: bytes
    content_hash: bytes | None


def record(connection: Connection[TupleRow], failures: Sequence[tuple[Delivery, Failure]]) -> None:
    """Write failed deliveries to the dead letters, inside the caller's transaction."""
    if not failures:
        return
    made = [_letter(_cut(delivery, failure)) for delivery, failure in failures]
    letters = {(letter.fields["job_id"], letter.payload): letter for letter in made}.values()
    connection.execute(
        statement("record_dead_letters"),
        {
            "letters": storable([letter.fields for letter in letters]),
            "payloads": [letter.payload for letter in letters],
            "hashes": [letter.content_hash for letter in letters],
            "most_attempts": _MAX_ATTEMPTS,
        },
    )


def open_letters_of(connection: Connection[TupleRow], deliveries: Sequence[Delivery]) -> list[int]:
    """The ids of the open letters of these deliveries: of the same job, with the same bytes."""
    parameters = {
        "jobs": [delivery.job_id for delivery in deliveries],
        "payloads": [delivery.payload for delivery in deliveries],
    }
    return [row[0] for row in connection.execute(statement("open_letters_of"), parameters)]


def storable(value: object) -> str:
    """JSON that Postgres can store: without NUL and unpaired surrogates, which jsonb refuses."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if "\\u0000" in text:
        text = _NUL.sub(r"\1\\ufffd", text)
    return text.encode("utf-8", "replace").decode()


def _cut(delivery: Delivery, failure: Failure) -> Delivery:
    """The failed delivery, its payload cut to what a letter keeps."""
    delivery = delivery._replace(failure=failure)
    payload = delivery.payload
    if len(payload) <= MAX_PAYLOAD_BYTES:
        return delivery
    if delivery.size is None:
        size, digest = len(payload), sha1(payload, usedforsecurity=False).hexdigest()
        delivery = delivery._replace(size=size, failure=Failure.too_large(size, digest, None))
    return delivery._replace(payload=payload[:MAX_PAYLOAD_BYTES])


def _letter(delivery: Delivery) -> _Letter:
    failure = delivery.failure
    if failure is None:
        raise ValueError(delivery.job_id)
    known = _minimal_identity(delivery) if failure.minimal else _identity(delivery)
    fields = {
        **known,
        "kind": failure.kind,
        "message": failure.message,
        "detail": failure.detail,
        "fingerprint": failure.fingerprint,
        "attempts": min(delivery.attempts, _MAX_ATTEMPTS),
    }
    return _Letter(fields, delivery.payload, delivery.content_hash)


def _identity(delivery: Delivery) -> dict[str, str | None]:
    identity = delivery.identity
    return {
        "job_id": _bounded(delivery.job_id),
        "event_id": _text(identity.event_id),
        "interaction_id": _text(identity.interaction_id),
        "user_id": identity.user_id,
        "event_type": identity.event_type,
    }


def _minimal_identity(delivery: Delivery) -> dict[str, str | None]:
    """Only the job's id, in ASCII; nothing is read from the payload."""
    event = delivery.event
    return {
        "job_id": _bounded(ascii(delivery.job_id)[1:-1]).encode("ascii", "replace").decode(),
        "event_id": None if event is None else str(event.event_id),
        "interaction_id": None if event is None else _text(event.interaction_id),
        "user_id": None,
        "event_type": None if event is None else event.event_type,
    }


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def _bounded(job_id: str) -> str:
    if len(job_id) <= _MAX_JOB_ID:
        return job_id
    digest = sha1(job_id.encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()
    return f"{job_id[:_MAX_JOB_ID]}… ({len(job_id)} characters, SHA-1 {digest})"
