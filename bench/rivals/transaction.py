"""The change that every rival's task makes: one event, in one transaction.

It is Signoff's own `apply`, so that the tables end as the fold, whatever order workers bring. With
`BENCH_BY_HAND` set it is one statement as a competent user might write it for a queue that hands
over one event at a time: faster, and right only while events arrive in order and none is wrong.
"""

import os
import threading
from importlib.resources import files
from typing import Final, cast

from psycopg.types.json import Jsonb

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.delivery import Delivery
from signoff_schemas import ApprovalEvent, content_hash

BY_HAND: Final = "BENCH_BY_HAND"
STATEMENT: Final = files("rivals").joinpath("apply_one.sql").read_bytes()
_here = threading.local()


def apply_one(payload: str) -> None:
    """Read an event's canonical JSON as a contract demands, and apply it."""
    if os.environ.get(BY_HAND):
        _connection().execute(STATEMENT, parameters(payload), prepare=True)
    else:
        apply(_connection(), [Delivery.of_payload("job", payload.encode())])


def parameters(payload: str) -> dict[str, object]:
    """What the statement takes."""
    given = payload.encode()
    event = ApprovalEvent.parse(given)
    return {
        **dict(event),
        "final_bubbles": list(event.final_bubbles),
        "edit_tags": list(event.edit_tags),
        "cta_data": None if event.cta_data is None else Jsonb(event.cta_data),
        "content_hash": content_hash(given),
    }


def _connection() -> BatchConnection:
    """One connection a thread, in autocommit mode: a statement is a transaction."""
    if not hasattr(_here, "connection"):
        url = os.environ["SIGNOFF_DATABASE_URL"]
        _here.connection = connect_for_batches(url, application="bench")
    return cast("BatchConnection", _here.connection)
