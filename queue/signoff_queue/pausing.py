"""Pause workers by RQ's own key, which workers of Signoff and stock RQ workers honour.

The key holds for all queues of its Redis. RQ looks only at whether it exists, so its value can say
who paused, since when and why. `rq suspend` writes another value; and anybody who can write to
Redis can write any.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from redis import Redis

from signoff_queue.scripts import Script
from signoff_queue.workers import moment
from signoff_schemas.keys import SUSPENDED

_MOST_BYTES: Final = 8192
_OURS: Final = "signoff"
"""The name of the field that only Signoff's value has: the pause's id."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Workers are paused."""

    by: str | None
    """Who paused them; None if it was not Signoff, as with `rq suspend`."""
    since: datetime | None
    reason: str | None
    until: datetime | None
    """When it ends by itself; None if it does not."""
    value: bytes = field(default=b"", repr=False)
    """What the key holds; empty if that is no text, or too large."""

    @classmethod
    def by_operator(cls, actor: str, reason: str, lasting: timedelta | None) -> "Pause":
        """A pause that begins now."""
        now = datetime.now(UTC).replace(microsecond=0)
        until = now + lasting if lasting else None
        held = {_OURS: str(uuid4()), "by": actor, "since": now.isoformat(), "reason": reason}
        if until:
            held["until"] = until.isoformat()
        return cls(actor, now, reason, until, json.dumps(held, ensure_ascii=False).encode())


def pause_of(client: Redis) -> Pause | None:
    """The pause that holds now; None if workers are not paused."""
    found = Script(client, "read_pause")([SUSPENDED], [_MOST_BYTES])
    if not found:
        return None
    value, milliseconds = found
    held = _held(value)
    until = _end_of(milliseconds)
    if until is not None:  # whatever the value says, Redis ends it only then
        until = _moment(held, "until") or until
    return Pause(held.get("by"), _moment(held, "since"), held.get("reason"), until, value)


def _end_of(milliseconds: int) -> datetime | None:
    """When a key expires; None for never, and for after the year 9999."""
    if milliseconds < 0:
        return None
    try:
        found = datetime.now(UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return found.replace(microsecond=0)


def _moment(held: dict[str, str], name: str) -> datetime | None:
    return moment(held.get(name, "").encode())


def begin(client: Redis, pause: Pause) -> bool:
    """Pause workers; False, with nothing changed, if they are paused already."""
    left = None
    if pause.until:
        left = max(1, round((pause.until - datetime.now(UTC)).total_seconds() * 1000))
    return bool(client.set(SUSPENDED, pause.value or b"1", nx=True, px=left))


def end(client: Redis, pause: Pause) -> bool:
    """End this pause; False, with nothing changed, if it is not the one that holds now."""
    return bool(Script(client, "end_pause")([SUSPENDED], [pause.value, _MOST_BYTES]))


def _held(value: bytes) -> dict[str, str]:
    """The texts that Signoff's own value holds; empty for any other value."""
    try:
        found: Any = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or _OURS not in found:
        return {}
    texts = {name: held for name, held in found.items() if isinstance(held, str)}
    # JSON may name half of a surrogate pair, which no file or connection can be given.
    return {name: held.encode(errors="backslashreplace").decode() for name, held in texts.items()}
