"""Pause and resume the queue's workers.

Paused workers finish what they hold and take nothing more. Publishing goes on, so the queue grows.

Each pause is in Redis, where workers look, and noted in `operator_actions`, in Postgres. The order
is: note it in a transaction, change Redis, commit. So there are these cases:

- Postgres is away at first, or Redis is: nothing is changed and nothing is noted.
- Redis does not answer the change: nothing is noted, and it is not known whether Redis made it.
- The commit fails: what was changed in Redis is taken back.

While Postgres is away workers apply nothing, so it does not matter that they cannot be paused then.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from signoff_db.operator_actions import Action, note
from signoff_ops.errors import DatabaseUnavailableError, RedisUnavailableError
from signoff_ops.operating import Operator
from signoff_ops.servers import Servers
from signoff_queue import pausing
from signoff_queue.pausing import Pause
from signoff_schemas import SignoffError

LONGEST_REASON: Final = 500
LONGEST_PAUSE: Final = timedelta(days=30)
_LONGEST_ACTOR: Final = 200


class QueuePausedError(SignoffError):
    """The queue is paused already."""


class QueueNotPausedError(SignoffError):
    """The queue is not paused, or by somebody else by now."""


class InvalidPauseError(SignoffError):
    """A pause without a reason, or one that is too long."""


def pause_of(servers: Servers) -> Pause | None:
    """The pause that holds now; None if the queue is not paused.

    Raises:
        RedisUnavailableError: Redis is unavailable.
    """
    with servers.redis() as client:
        return pausing.pause_of(client)


def pause(servers: Servers, operator: Operator, *, lasting: timedelta | None = None) -> Pause:
    """Pause all workers of this Redis; with `lasting` they go on by themselves after that time.

    Raises:
        InvalidPauseError: there is no reason, or it or the time is too long.
        QueuePausedError: the queue is paused already.
        RedisUnavailableError, DatabaseUnavailableError: a server is unavailable; see above.
    """
    if lasting is not None and not timedelta(seconds=1) <= lasting <= LONGEST_PAUSE:
        raise InvalidPauseError(f"a pause lasts from 1 second to {LONGEST_PAUSE.days} days")
    begun = Pause.by_operator(operator.actor[:_LONGEST_ACTOR], _reason_of(operator), lasting)

    def change() -> None:
        with servers.redis() as client:
            if not pausing.begin(client, begun):
                raise QueuePausedError(f"the queue is paused already{_told(client)}")

    def take_back() -> None:
        with servers.redis() as client:
            pausing.end(client, begun)

    data = pause_data(begun)
    _change_noted(servers, operator, Action.PAUSE_QUEUE, None, data, change, take_back)
    return begun


def resume(servers: Servers, operator: Operator) -> Pause:
    """Let workers go on; returns the pause that has ended, whoever began it.

    Raises:
        InvalidPauseError: there is no reason, or it is too long.
        QueueNotPausedError: the queue is not paused.
        RedisUnavailableError, DatabaseUnavailableError: a server is unavailable; see above.
    """
    _reason_of(operator)
    held = pause_of(servers)
    if held is None:
        raise QueueNotPausedError("the queue is not paused: workers take what waits")

    def change() -> None:
        with servers.redis() as client:
            if not pausing.end(client, held):
                raise QueueNotPausedError("the pause has ended or changed meanwhile; look again")

    def take_back() -> None:
        with servers.redis() as client:
            pausing.begin(client, held)

    data = pause_data(held)
    _change_noted(servers, operator, Action.RESUME_QUEUE, data, None, change, take_back)
    return held


def pause_data(pause: Pause) -> dict[str, Any]:
    """A pause as data for JSON."""
    return {
        "by": pause.by,
        "since": pause.since,
        "reason": pause.reason,
        "until": pause.until,
    }


def _reason_of(operator: Operator) -> str:
    reason = (operator.reason or "").strip()
    if not reason:
        raise InvalidPauseError("a reason is wanted: others will read why")
    if len(reason) > LONGEST_REASON:
        raise InvalidPauseError(f"a reason has at most {LONGEST_REASON} characters")
    return reason


def _told(client: Any) -> str:  # noqa: ANN401 -- the client of Redis
    found = pausing.pause_of(client)
    if found is None:
        return ""
    return f": {paused_text(found)}"


def paused_text(pause: Pause) -> str:
    """Who paused, since when, until when and why, as one sentence without its end."""
    by = pause.by or "somebody outside of Signoff (`rq suspend`)"
    since = f" since {pause.since:%Y-%m-%d %H:%M} UTC" if pause.since else ""
    until = f", until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
    return f"by {by}{since}{until}" + (f": {pause.reason}" if pause.reason else "")


def _change_noted(  # noqa: PLR0917 -- what is noted, what is changed
    servers: Servers,
    operator: Operator,
    action: Action,
    before: object,
    after: object,
    change: Callable[[], None],
    take_back: Callable[[], None],
) -> None:
    """Note an action, change Redis, and commit."""
    changed = False
    try:
        with servers.database() as connection, connection.transaction():
            note(
                connection, operator.actor, action, [], operator.reason, before=before, after=after
            )
            _change(change)
            changed = True
    except DatabaseUnavailableError as error:
        if changed:
            _undo(take_back, error)
        raise DatabaseUnavailableError(
            f"{error}. Nothing was changed: what cannot be noted is not done"
        ) from None


def _change(change: Callable[[], None]) -> None:
    try:
        change()
    except RedisUnavailableError as error:
        raise RedisUnavailableError(
            f"{error}. Nothing was noted; whether workers are paused is known when Redis answers "
            "again: `signoff queue show`"
        ) from None


def _undo(take_back: Callable[[], None], error: DatabaseUnavailableError) -> None:
    try:
        take_back()
    except RedisUnavailableError as also:
        raise DatabaseUnavailableError(
            f"{error}. It was changed in Redis, but could not be noted, and could not be taken "
            f"back either ({also}): look with `signoff queue show`"
        ) from None
