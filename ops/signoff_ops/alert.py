"""Send alerts of new causes of dead letters, and of too many; see also `alert_conversion`.

It runs in a separate process, so that no hook can delay a worker.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final
from uuid import uuid4

from signoff_db.alerts import Cause, News, alone, news, remember
from signoff_db.read_connection import require_writable
from signoff_ops.hook import deliver
from signoff_ops.servers import Servers
from signoff_schemas.wording import count, json_default

_MOST_CAUSES: Final = 20
"""The most causes that one message lists."""


def alert_once(
    servers: Servers, hook: Callable[[bytes], None], *, stopped: Callable[[float], bool]
) -> str | None:
    """Send new causes to the hook, once over all instances; returns the sentence that was sent.

    Args:
        servers: with the database of the dead letters.
        hook: delivers a message, or raises `HookError`.
        stopped: waits for the given seconds between tries, and returns whether to stop.

    Returns:
        None if there was nothing new, or another instance sends it.

    Raises:
        HookError: the hook failed; the next call tries again.
        DatabaseUnavailableError: Postgres is unavailable, or read-only.
    """
    limit = servers.settings.dead_letter_limit
    with servers.database() as connection, alone(connection) as mine:
        found = news(connection, limit=limit) if mine else None
        if found is None:
            return None
        # An alert that is sent must be noted, or it would be sent again and again.
        require_writable(connection, servers.settings.require("database_url"))
        message = _message(found, limit, servers.settings.web_url)
        deliver(hook, json.dumps(message, default=json_default).encode(), stopped=stopped)
        remember(connection, found)
        return str(message["text"])


def _message(found: News, limit: int, web_url: str | None) -> dict[str, Any]:
    """The message as JSON, without customers' texts and amounts: anybody may receive it.

    It links to the console, if the URL of the web service is set.
    """
    pages = None if web_url is None else f"{web_url.rstrip('/')}/ops/causes"
    return {
        "id": uuid4(),
        "alert": "dead_letters",
        "text": _text(found, limit, pages),
        "dead": found.dead,
        "limit": limit,
        "limit_passed": found.limit_passed,
        "new_causes": [_cause(cause, pages) for cause in found.causes[:_MOST_CAUSES]],
        "new_causes_total": len(found.causes),
    }


def _cause(cause: Cause, pages: str | None) -> dict[str, Any]:
    url = {} if pages is None else {"url": f"{pages}/{cause.fingerprint}"}
    return {**asdict(cause), **url}


def _text(found: News, limit: int, pages: str | None) -> str:
    """A sentence for people; chat systems show the member `text` of a message."""
    parts = []
    if found.causes:
        kinds = ", ".join(dict.fromkeys(cause.kind for cause in found.causes))
        parts.append(f"{count(len(found.causes), 'new cause')} of dead letters ({kinds})")
    passed = f", more than the limit of {limit:,}" if found.limit_passed else ""
    parts.append(f"{found.dead:,} open in all{passed}")
    return f"Signoff: {'; '.join(parts)}; see {pages or '`signoff dlq groups`'}"
