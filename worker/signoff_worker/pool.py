"""Several worker processes under one supervisor, which replaces those that die."""

import os
import signal
import threading
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess
from typing import Any

from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from signoff_schemas import WorkerSettings, redis_client
from signoff_worker.worker import ApprovalWorker


class ApprovalWorkerPool(WorkerPool):
    """RQ's pool. Each process gets its own health port, and ends when the pool ends."""

    def __init__(self, settings: WorkerSettings, processes: int) -> None:
        super().__init__(
            [settings.queue],
            connection=redis_client(settings.require("redis_url")),
            num_workers=processes,
            worker_class=ApprovalWorker,
            serializer=JSONSerializer,
        )
        # Nothing is written to this pipe. When the supervisor ends, in any way, its write end is
        # closed, and the children notice that at the read end: each closes its own write end.
        self._gone, self._alive = os.pipe()
        os.register_at_fork(after_in_child=self._become_a_worker)
        self._first_port = settings.health_port
        self._ports: dict[str, int] = {}
        """The processes that are alive, by the worker's name."""

    def get_worker_process(self, name: str, *args: Any, **kwargs: Any) -> BaseProcess:  # noqa: ANN401
        """The process that will be forked; it reads its settings from this environment."""
        if self._first_port is not None:
            living = {w: p for w, p in self._ports.items() if w in self.worker_dict}
            port = next(p for p in count(self._first_port) if p not in living.values())
            self._ports = {**living, name: port}
            os.environ["SIGNOFF_HEALTH_PORT"] = str(port)
        process: BaseProcess = super().get_worker_process(name, *args, **kwargs)
        return process

    def _become_a_worker(self) -> None:
        # A new process that replaces a dead one inherits the pool's signal handlers. A signal
        # before it sets its own would be handled as one to the pool, and the process would never
        # stop.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        with suppress(OSError):  # closed already, in a child's child
            os.close(self._alive)
            threading.Thread(target=self._end_with_pool, name="supervisor", daemon=True).start()

    def _end_with_pool(self) -> None:
        """When the supervisor has ended, finish the current batch and end, as after a signal."""
        os.read(self._gone, 1)
        os.kill(os.getpid(), signal.SIGTERM)
