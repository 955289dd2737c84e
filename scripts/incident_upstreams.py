"""What upstreams do to the servers during an incident."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from incident_events import json_of
from incident_model import Event, Incident, Sent
from rq.utils import utcformat

from signoff_ops.demo_data import insert_interaction
from signoff_ops.producing import producer_of
from signoff_ops.servers import Servers
from signoff_schemas.keys import JOB_PREFIX, QUEUES, QueueKeys

_AT_ONCE: Final = 1000
_AGAIN: Final = 0.1
"""Minutes after which what the queue did not take is published again."""


class Upstreams:
    """The upstreams of an incident; `act` does what is due."""

    def __init__(self, servers: Servers, of: Incident, *, minute: float = 60) -> None:
        """`minute` is how many seconds a minute of theirs takes."""
        self._servers = servers
        self._incident = of
        self._minute = minute
        self._started = monotonic()
        self._live = deque(of.live)
        self._mended: Sequence[Event] = of.mended
        self._due: list[tuple[float, Callable[[], None]]] = [
            (of.rows_at, self._insert_rows),
            (of.outbox_at, self._mend_outbox),
            (of.mended_at, self._publish_again),
        ]

    def begin(self) -> None:
        """Fill the queue and the outbox; minutes count from now on."""
        self._put(self._incident.backlog)
        with self._servers.database() as connection:
            for event in self._incident.outbox:
                connection.execute(
                    "INSERT INTO public.signoff_outbox (event) VALUES (%s)",
                    [json_of(event).decode()],
                )
        self._started = monotonic()

    @property
    def done(self) -> bool:
        """Whether nothing is left for them to do."""
        return not self._live and not self._due

    def act(self) -> None:
        """Do what is due."""
        minute = self._minutes()
        sent: list[Sent] = []
        while self._live and self._live[0][0] <= minute:
            sent.append(self._live.popleft()[1])
        self._put(sent)
        due = [step for step in self._due if step[0] <= minute]
        self._due = [step for step in self._due if step[0] > minute]
        for _, step in due:
            step()

    def _minutes(self) -> float:
        """Minutes of theirs since the start."""
        return (monotonic() - self._started) / self._minute

    def _put(self, jobs: Sequence[Sent]) -> None:
        """Put jobs on the queue, as upstreams without Signoff's library do."""
        queue = self._servers.settings.queue
        waiting = QueueKeys(queue).waiting
        now = utcformat(datetime.now(UTC))
        with self._servers.redis() as client:
            for first in range(0, len(jobs), _AT_ONCE):
                with client.pipeline() as pipe:
                    pipe.sadd(QUEUES, waiting)
                    for job in jobs[first : first + _AT_ONCE]:
                        key = JOB_PREFIX + job.job_id
                        fields = {"data": job.data, "origin": queue, "enqueued_at": now}
                        pipe.hset(key, mapping=dict[Any, Any](fields))
                        if job.deaths:
                            pipe.hset(key, "signoff_deaths", str(job.deaths))
                        pipe.rpush(waiting, job.job_id)
                    pipe.execute()

    def _publish_again(self) -> None:
        """The upstream of the bad release publishes mended events, under the same ids."""
        left: list[Event] = []
        with producer_of(self._servers.settings) as producer:
            receipts = producer.publish_many(self._mended)
            for event, receipt in zip(self._mended, receipts, strict=True):
                if receipt.conflict:  # the bad one is on the queue still
                    left.append(event)
                else:
                    receipt.raise_for_status()
        self._mended = left
        if left:
            self._due.append((self._minutes() + _AGAIN, self._publish_again))

    def _insert_rows(self) -> None:
        """The job that inserts interactions runs at last."""
        for row in self._incident.rows:
            insert_interaction(self._servers, *row)

    def _mend_outbox(self) -> None:
        """The upstream corrects the rows that its plugin wrote."""
        with self._servers.database() as connection:
            for event in self._incident.outbox_mended:
                connection.execute(
                    "UPDATE public.signoff_outbox SET event = %s WHERE event_id = %s",
                    [json_of(event).decode(), event["event_id"]],
                )
