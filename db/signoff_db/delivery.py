"""One delivery: a job as it came off the queue, or a dead letter as it is replayed."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from psycopg import Error

from signoff_schemas import (
    ApprovalEvent,
    FailureKind,
    Identity,
    InvalidEvent,
    content_hash,
    decode_job,
    fingerprint,
    inflate,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event could not be applied."""

    kind: FailureKind
    message: str
    """What a person reads; it may quote what the event held."""
    loggable: str
    """The same without customers' texts or amounts."""
    cause: str = ""
    """What failures of the same cause share, beside the kind."""
    detail: tuple[dict[str, Any], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for failures of the same cause."""
        return fingerprint(self.kind, self.cause)

    @classmethod
    def of_payload(cls, error: InvalidEvent) -> Self:
        """The payload breaks the contract."""
        return cls(error.kind, str(error), error.loggable, error.cause, tuple(error.detail))

    @classmethod
    def of_database(cls, error: Error) -> Self:
        """Postgres refused this event, standing alone, for a reason Signoff does not know."""
        diag = error.diag
        message = diag.message_primary or str(error)
        return cls.of_refusal(error.sqlstate, message, diag.message_hint, diag.constraint_name)

    @classmethod
    def of_refusal(
        cls, sqlstate: str | None, message: str, hint: str | None, constraint: str | None
    ) -> Self:
        """The same, in Postgres's words."""
        where = f"SQLSTATE {sqlstate}"
        if constraint:
            where += f", constraint {constraint}"
        return cls(
            FailureKind.REFUSED_BY_DATABASE,
            f"Postgres refused the event: {message} ({where})",
            f"Postgres refused the event ({where})",
            f"{sqlstate}:{constraint or ''}",
            ({"sqlstate": sqlstate, "message": message, "hint": hint},),
        )


class Job(NamedTuple):
    """A job that is still to be read."""

    id: str
    data: bytes
    attempts: int = 1
    """How often its event has been tried, this time included."""
    retries: int = 0
    """How often it was put off since it may succeed later."""
    failure: Failure | None = None
    """Why its event is not to be applied, if there is one to read."""


class Delivery(NamedTuple):
    """What came, and the event in it; or, where it cannot be applied, why not.

    A tuple, as all that is made once an event on its way through a worker: a third of the time.
    """

    job_id: str
    payload: bytes
    """The event's JSON byte for byte; where it cannot be found, the job's data."""
    event: ApprovalEvent | None
    failure: Failure | None = None
    attempts: int = 1
    """How often the event has been tried, this time included."""
    retries: int = 0
    """How often it was put off since it may succeed later."""
    canonical_json: bytes = b""
    """The event in its one spelling, if there is an event."""
    content_hash: bytes | None = None
    """What tells a duplicate from a conflict, if there is an event."""

    @classmethod
    def of_job(cls, job: Job, event_of: Callable[[bytes], bytes] = decode_job) -> Self:
        """Read what a job holds: its event, or why there is none."""
        job_id, data, attempts, retries, failure = job
        try:
            payload = event_of(data)
        except InvalidEvent as error:
            return cls(job_id, inflate(data), None, Failure.of_payload(error), attempts, retries)
        return cls.of_payload(job_id, payload, attempts=attempts, retries=retries, failure=failure)

    @classmethod
    def of_payload(
        cls,
        job_id: str,
        payload: bytes,
        *,
        attempts: int = 1,
        retries: int = 0,
        failure: Failure | None = None,
    ) -> Self:
        """Read an event's JSON; `failure` says why it is not to be applied, if readable."""
        try:
            event, canonical = ApprovalEvent.parse_and_canonicalize(payload)
        except InvalidEvent as error:
            return cls(job_id, payload, None, Failure.of_payload(error), attempts, retries)
        return cls(
            job_id, payload, event, failure, attempts, retries, canonical, content_hash(canonical)
        )

    def refused(self, refusal: Error | None) -> Self:
        """The same as Postgres refused it, standing alone; unchanged where it did not."""
        return self if refusal is None else self._replace(failure=Failure.of_database(refusal))

    @property
    def identity(self) -> Identity:
        """Whom the payload concerns, as far as it can be read."""
        if self.event is None:
            return Identity.of(self.payload)
        return Identity(self.event.event_id, self.event.interaction_id, self.event.user_id)


class Reading:
    """Jobs that are being read, in two halves: validated when it is made, spelled out later.

    Each half takes one step for all of them and then the next. Where one of them is invalid, all
    are read anew, one by one.
    """

    def __init__(
        self, jobs: Sequence[Job], event_of: Callable[[bytes], bytes] = decode_job
    ) -> None:
        """`event_of` takes an event's JSON out of a job's data, or raises `InvalidEvent`."""
        self._jobs = jobs
        self._event_of = event_of
        self._payloads: list[bytes] = []
        self._events: list[ApprovalEvent] | None = None
        with suppress(InvalidEvent):
            self._payloads = [event_of(job.data) for job in jobs]
            self._events = ApprovalEvent.validate_all(self._payloads)

    def deliveries(self) -> list[Delivery]:
        """The second half: each event in its one spelling, with its hash, or why there is none."""
        if self._events is not None:
            with suppress(InvalidEvent):
                return self._canonicalized(self._events)
        return [Delivery.of_job(job, self._event_of) for job in self._jobs]

    def _canonicalized(self, events: list[ApprovalEvent]) -> list[Delivery]:
        spelled = ApprovalEvent.canonicalize_all(events, self._payloads)
        hashes = map(content_hash, spelled)
        return [
            Delivery(
                job.id, payload, event, job.failure, job.attempts, job.retries, canonical, hashed
            )
            for job, payload, event, canonical, hashed in zip(
                self._jobs, self._payloads, events, spelled, hashes, strict=True
            )
        ]


def array_of(deliveries: Sequence[Delivery]) -> str:
    """Their events as a JSON array, for the statements that take one."""
    return (b"[" + b",".join([d.canonical_json for d in deliveries]) + b"]").decode()
