"""One delivery: a job as it came off the queue, or a dead letter as it is replayed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from signoff_db.failure import Failure
from signoff_db.transactions import Refusal
from signoff_schemas import (
    MAX_EVENT_BYTES,
    AnyEvent,
    Identity,
    InvalidEvent,
    Kind,
    content_hash,
    decode_job,
    inflate,
    kind_of,
)

Decode = Callable[[bytes], tuple[Kind, bytes]]
"""Takes an event's kind and JSON out of a job's data, or raises `InvalidEvent`."""


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
    event: AnyEvent | None
    failure: Failure | None = None
    attempts: int = 1
    """How often the event has been tried, this time included."""
    retries: int = 0
    """How often it was put off since it may succeed later."""
    canonical_json: bytes = b""
    """The event in its canonical form, if there is an event."""
    content_hash: bytes | None = None
    """Distinguishes a duplicate from a conflict, if there is an event."""
    size: int | None = None
    """How many bytes came, where `payload` holds only the first of them."""

    @classmethod
    def cut_short(
        cls,
        job_id: str,
        beginning: bytes,
        *,
        size: int,
        sha1: str | None,
        kept_at: str | None,
        attempts: int = 1,
    ) -> Self:
        """More data than any approval's job holds; only its beginning was read.

        Args:
            job_id: the job's id.
            beginning: the first bytes, as many as were read.
            size: how many bytes there are.
            sha1: the hash of all of them, in hex; None where it was not computed.
            kept_at: where all of them still are, such as a key in Redis; None if nowhere.
            attempts: how often the job has been tried, this time included.
        """
        failure = Failure.too_large(size, sha1, kept_at)
        return cls(job_id, beginning, None, failure, attempts, size=size)

    @classmethod
    def of_job(cls, job: Job, decode: Decode = decode_job) -> Self:
        """Read what a job holds: its event, or why there is none."""
        job_id, data, attempts, retries, failure = job
        try:
            kind, payload = decode(data)
        except InvalidEvent as error:
            return cls(job_id, inflate(data), None, Failure.of_payload(error), attempts, retries)
        except Exception as error:  # noqa: BLE001 -- whatever data a job holds, it ends as a letter
            return cls(job_id, data, None, Failure.unreadable(error), attempts, retries)
        return cls.of_payload(
            job_id, payload, kind, attempts=attempts, retries=retries, failure=failure
        )

    @classmethod
    def of_payload(
        cls,
        job_id: str,
        payload: bytes,
        kind: Kind | None = None,
        *,
        attempts: int = 1,
        retries: int = 0,
        failure: Failure | None = None,
    ) -> Self:
        """Read an event's JSON; `failure` says why it is not to be applied, if readable.

        Without a kind, the event's `event_type` names it.
        """
        try:
            event, canonical = (kind or kind_of(payload)).parse_and_canonicalize(payload)
        except InvalidEvent as error:
            return cls(job_id, payload, None, Failure.of_payload(error), attempts, retries)
        except Exception as error:  # noqa: BLE001 -- likewise
            return cls(job_id, payload, None, Failure.unreadable(error), attempts, retries)
        return cls(
            job_id, payload, event, failure, attempts, retries, canonical, content_hash(canonical)
        )

    def refused(self, refusal: Refusal | None) -> Self:
        """The same as it was refused, standing alone; unchanged where it was not."""
        return self if refusal is None else self._replace(failure=Failure.of_refusal(refusal))

    @property
    def identity(self) -> Identity:
        """Whom the payload concerns, as far as it can be read."""
        if self.event is None:
            too_large = len(self.payload) > MAX_EVENT_BYTES
            return Identity() if too_large else Identity.of(self.payload)
        return Identity(self.event.event_id, self.event.interaction_id, self.event.user_id)


def read_jobs(jobs: Sequence[Job], decode: Decode = decode_job) -> list[Delivery]:
    """Read many jobs, each as `Delivery.of_job` does, in their order.

    Each step is taken for all of them, which is quicker. Where one of them is no event, or they are
    of several kinds, all are read one by one.
    """
    try:
        kinds, payloads = zip(*[decode(job.data) for job in jobs], strict=True)
        (kind,) = set(kinds)
        events = kind.validate_all(payloads)
        canonical_events = kind.canonicalize_all(events, payloads)
    except Exception:  # noqa: BLE001 -- which job it was, and why, is found by reading one by one
        return [Delivery.of_job(job, decode) for job in jobs]
    hashes = map(content_hash, canonical_events)
    return [
        Delivery(job.id, payload, event, job.failure, job.attempts, job.retries, canonical, hashed)
        for job, payload, event, canonical, hashed in zip(
            jobs, payloads, events, canonical_events, hashes, strict=True
        )
    ]


def event_of(delivery: Delivery) -> AnyEvent:
    """The event of a delivery that was read.

    Raises:
        ValueError: there is none.
    """
    if delivery.event is None:
        raise ValueError(delivery.job_id)
    return delivery.event


def array_of(deliveries: Sequence[Delivery]) -> str:
    """Their events as a JSON array, for the statements that take one."""
    return (b"[" + b",".join([d.canonical_json for d in deliveries]) + b"]").decode()
