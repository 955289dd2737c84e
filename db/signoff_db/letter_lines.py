"""Dead letters as JSON: for machines, and as lines of a file."""

import base64
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.dead_letters import FullLetter, payload_parts
from signoff_schemas.wording import json_text


def as_data(full: FullLetter) -> dict[str, Any]:
    """All of a letter as JSON-able data; a payload that is no text, or not whole, is in base64."""
    fields = _fields(full)
    if full.payload_complete:
        with suppress(UnicodeDecodeError):
            return fields | {"payload": full.payload.decode()}
    return fields | {"payload_base64": base64.b64encode(full.payload).decode()}


def line_pieces(connection: Connection[TupleRow], full: FullLetter) -> Iterator[str]:
    """A letter as one line of JSON, piece by piece, so that the largest takes some megabytes."""
    if len(full.payload) == full.letter.payload_kept:
        yield json_text(as_data(full)) + "\n"
        return
    yield json_text(_fields(full)).removesuffix("}") + ', "payload_base64": "'
    for part in payload_parts(lambda: nullcontext(connection), full.letter):
        yield base64.b64encode(part).decode()
    yield '"}\n'


def _fields(full: FullLetter) -> dict[str, Any]:
    return {**asdict(full.letter), "detail": full.detail}
