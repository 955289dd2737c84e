"""Keys that were verified, kept in memory: a request with one of them asks no server.

A thread listens to Postgres, which notifies each change of a key; that key is forgotten at once.
What is kept is used only while the thread hears from Postgres. There is one exception: while
Postgres is away, a key that was valid within the last minute is still accepted, so that events can
be published. Each key is verified again after a minute in any case, which also notes its use.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from signoff_db.accounts import keys as table
from signoff_db.accounts.key_changes import ALL_KEYS, KeyChanges, listening
from signoff_db.connection import DatabaseUnavailableError
from signoff_ops.servers import Servers
from signoff_ops.tokens import KeyParts, key_parts
from signoff_schemas import SignoffError
from signoff_schemas.access import Identity
from signoff_schemas.backoff import backoff_delays

_LOG: Final = logging.getLogger(__name__)
_SECONDS: Final = 60.0
"""How long a verified key is used, and how long after that while Postgres is away."""
_WAIT_SECONDS: Final = 0.5
"""Seconds between looks whether to stop."""
_CHECK_SECONDS: Final = 3.0
"""Seconds between checks that Postgres still answers."""
_LONGEST_DELAY: Final = 2.0
"""Seconds between tries to listen again, at most."""
_SILENT_SECONDS: Final = 10.0
"""Seconds without an answer after which Postgres counts as away."""
_MOST: Final = 10_000
"""Keys in memory; beyond this, all are forgotten."""


@dataclass(frozen=True, slots=True)
class _Verified:
    id: str
    identity: Identity
    at: float
    expires: float


class KeyRing:
    """Tells whose key it is. A context manager: the thread ends with the block."""

    def __init__(self, servers: Servers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._servers = servers
        self._clock = clock
        self._lock = threading.Lock()
        self._verified: dict[bytes, _Verified] = {}
        self._changes = 0
        """Counts what was heard, so that an answer from before a change is not kept after it."""
        self._is_listening = False
        self._is_away = False
        self._heard_at = -float("inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="key changes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_SILENT_SECONDS)

    def known(self, key: str) -> Identity | None:
        """Whose key it is, from memory; None if that has to be looked up. Never waits."""
        now = self._clock()
        with self._lock:
            found = self._verified.get(_hash(key))
            if found is None or now >= found.expires:
                return None
            is_silent = now - self._heard_at > _SILENT_SECONDS
            if self._is_listening and not is_silent:
                return found.identity if now - found.at < _SECONDS else None
            is_away = self._is_away or self._is_listening
            return found.identity if is_away and self._is_recent(found, now) else None

    def identity(self, key: str) -> Identity | None:
        """Whose key it is, verified now; None if it is unknown, revoked or expired.

        Raises:
            DatabaseUnavailableError: Postgres is away, and the key was not valid a minute ago.
        """
        parts = key_parts(key)
        if parts is None:
            return None
        with self._lock:
            changes = self._changes
        try:
            with self._servers.database() as connection:
                holder = table.holder_of(connection, parts.id, parts.secret_hash)
        except DatabaseUnavailableError:
            if recent := self._recent(key):
                return recent
            raise
        if holder is None:
            with self._lock:
                self._verified.pop(_hash(key), None)
            return None
        return self._kept(parts, holder, changes)

    def _kept(self, parts: KeyParts, holder: table.KeyHolder, changes: int) -> Identity:
        now = self._clock()
        remaining = holder.remaining.total_seconds() if holder.remaining else float("inf")
        identity = Identity("key", holder.name, holder.scopes)
        with self._lock:
            self._is_away = False
            # If something changed meanwhile, nobody knows whether before or after this answer.
            if changes == self._changes:
                if len(self._verified) >= _MOST:
                    self._verified.clear()
                verified = _Verified(parts.id, identity, now, now + remaining)
                self._verified[_hash(str(parts))] = verified
        return identity

    def _recent(self, key: str) -> Identity | None:
        now = self._clock()
        with self._lock:
            found = self._verified.get(_hash(key))
            is_valid = found and now < found.expires and self._is_recent(found, now)
            return found.identity if found and is_valid else None

    def _is_recent(self, found: _Verified, now: float) -> bool:
        """Whether the key was valid within the last minute: no change was heard up to then."""
        return now - max(found.at, self._heard_at) < _SECONDS

    def _listen(self) -> None:
        """Listen until the block ends; connect again whenever the connection is lost."""
        delays = backoff_delays(longest=_LONGEST_DELAY)
        while not self._stop.is_set():
            try:
                with listening(self._servers.settings.require("database_url")) as changes:
                    self._begin()
                    delays = backoff_delays(longest=_LONGEST_DELAY)
                    self._hear(changes)
            except SignoffError as error:
                _LOG.warning("changes of keys are not heard: %s", error)
            if self._lost():
                self._stop.wait(next(delays))

    def _begin(self) -> None:
        """What changed while nobody listened is not known: all keys are verified again."""
        with self._lock:
            self._verified.clear()
            self._changes += 1
            self._is_listening, self._is_away = True, False
            self._heard_at = self._clock()

    def _hear(self, changes: KeyChanges) -> None:
        while not self._stop.is_set():
            for key_id in changes.wait(_WAIT_SECONDS):
                self._forget(key_id)
            if self._clock() - self._heard_at > _CHECK_SECONDS:
                changes.check()
                with self._lock:
                    self._heard_at = self._clock()

    def _forget(self, key_id: str) -> None:
        with self._lock:
            self._changes += 1
            kept = {} if key_id == ALL_KEYS else self._verified
            self._verified = {key: held for key, held in kept.items() if held.id != key_id}

    def _lost(self) -> bool:
        """Note that nobody listens; returns whether that was so before: then Postgres is away."""
        with self._lock:
            self._is_away = not self._is_listening
            self._is_listening = False
            return self._is_away


def _hash(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
