"""The dead-letter queue, which lives in Postgres beside the state it could not change."""

import json
from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.delivery import Delivery, Failure
from signoff_db.sql import statement


def record(
    connection: Connection[TupleRow], failures: Sequence[tuple[Delivery, Failure]]
) -> None:
    """Write what failed for good into the dead letters, inside the caller's transaction."""
    if not failures:
        return
    letters = {(d.job_id, d.payload): _letter(d, failure) for d, failure in failures}
    connection.execute(
        statement("record_dead_letters"),
        {
            "letters": json.dumps(list(letters.values())).replace("\\u0000", "\\ufffd"),
            "payloads": [payload for _, payload in letters],
        },
    )


def _letter(delivery: Delivery, failure: Failure) -> dict[str, Any]:
    identity = delivery.identity
    return {
        "event_id": identity.event_id and str(identity.event_id),
        "job_id": delivery.job_id,
        "kind": failure.kind,
        "message": failure.message,
        "detail": failure.detail,
        "fingerprint": failure.fingerprint,
        "interaction_id": identity.interaction_id and str(identity.interaction_id),
        "user_id": identity.user_id,
        "attempts": delivery.attempts,
    }
