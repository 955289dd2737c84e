"""Clean up RQ's registries of one queue, as RQ's own workers do, without RQ's callbacks."""

from typing import Final, cast

from redis import Redis
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from signoff_queue.scripts import Script
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

_AT_A_TIME: Final = 1000


class Upkeep:
    """Cleans up one queue's registries."""

    def __init__(self, redis: Redis, name: str) -> None:
        keys = QueueKeys(name)
        self._name = name
        self._script = Script(redis, "upkeep")
        self._keys = [
            keys.waiting,
            keys.started,
            keys.missing_jobs,
            keys.finished,
            keys.ready,
            keys.intermediate,
            WORKERS_BY_QUEUE_KEY % name,
            REDIS_WORKER_KEYS,
        ]

    def run(self) -> int:
        """Clean up once; returns how many jobs of dead stock workers were requeued.

        Raises:
            WrongTypeError: a key of the queue holds something else; nothing was changed.
        """
        return cast("int", self._script(self._keys, [JOB_PREFIX, self._name, _AT_A_TIME]))
