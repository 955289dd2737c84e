"""Options of a producer, each instead of the setting of the same name."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """Each stands for the setting `SIGNOFF_<NAME>`, and wins over it; None leaves it alone."""

    queue: str | None
    """The RQ queue's name."""
    max_queue_length: int | None
    """With this many events waiting, publishing raises `QueueFull`."""
    full_retry_after: float | None
    """Seconds that `QueueFull.retry_after` asks a publisher to wait."""
    redis_timeout: float | None
    """Seconds that connecting, and then each answer, may take."""
    publish_retries: int | None
    """Times that publishing is repeated while Redis is away, with growing, jittered delays."""
    wait_replicas: int | None
    """Replicas that must have an event before its publish is answered."""
    wait_timeout: float | None
    """Seconds that they are waited for; then `ReplicasBehindError` is raised."""
    breaker_failures: int | None
    """Publishes in a row that fail before Redis is not tried for a while; 0: it always is."""
    breaker_cooldown: float | None
    """Seconds between tries then; a publish meanwhile raises `CircuitOpenError`."""
    spool: Path | str | Literal[False] | None
    """A local file that takes events while Redis is away; False: none, whatever the setting."""
    spool_max_bytes: int | None
    """The size that this file may have."""


def argument_of(field: str) -> str:
    """The argument of a producer that stands for a field of its settings."""
    return f"the argument {'timeout' if field == 'publish_timeout' else field}"


def check_options(options: Mapping[str, object]) -> None:
    """See that each is an option: what is misspelt would otherwise change nothing.

    Raises:
        TypeError: one is not; the text names it, and what it may mean.
    """
    known = [*Options.__annotations__, "redis_url", "connection", "timeout", "settings"]
    for name in options:
        if name not in known:
            meant = get_close_matches(name, known, n=1)
            hint = f"; did you mean {meant[0]}?" if meant else f"; it takes {', '.join(known)}"
            raise TypeError(f"a producer has no option {name!r}{hint}")
