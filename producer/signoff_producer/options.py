"""Options of a producer; each overrides the setting of the same name."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """Each option overrides the setting `SIGNOFF_<NAME>`; None overrides nothing."""

    queue: str | None
    """The RQ queue's name."""
    max_queue_length: int | None
    """If this many events are waiting, publishing raises `QueueFull`."""
    full_retry_after: float | None
    """Seconds that `QueueFull.retry_after` asks a publisher to wait."""
    redis_timeout: float | None
    """The most seconds for connecting, and then for each answer."""
    publish_retries: int | None
    """How often a publish is retried while Redis is unavailable, with growing, jittered delays."""
    wait_replicas: int | None
    """How many replicas must have an event before its publish is answered."""
    wait_timeout: float | None
    """Seconds to wait for the replicas; then `ReplicasBehindError` is raised."""
    breaker_failures: int | None
    """Failed publishes in a row after which Redis is not tried for some time; 0: never."""
    breaker_cooldown: float | None
    """Seconds between single tries then; other publishes raise `CircuitOpenError`."""
    spool: Path | str | Literal[False] | None
    """A local file for events while Redis is unavailable; False: none, even if one is set."""
    spool_max_bytes: int | None
    """The most bytes of this file."""


def argument_of(field: str) -> str:
    """The argument of a producer that stands for a field of its settings."""
    return f"the argument {'timeout' if field == 'publish_timeout' else field}"


def check_options(options: Mapping[str, object]) -> None:
    """Check that each name is an option: a misspelt one would have no effect.

    Raises:
        TypeError: a name is not an option; the text names it and similar options.
    """
    known = [*Options.__annotations__, "redis_url", "connection", "timeout", "settings"]
    for name in options:
        if name not in known:
            meant = get_close_matches(name, known, n=1)
            hint = f"; did you mean {meant[0]}?" if meant else f"; it takes {', '.join(known)}"
            raise TypeError(f"a producer has no option {name!r}{hint}")
