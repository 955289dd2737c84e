"""One delivery: a job that was taken from the queue, or a dead letter that is replayed."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

from signoff_db.failure import Failure
from signoff_db.transactions import Refusal
from signoff_schemas import (
    AnyEvent,
    ApprovalEvent,
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
    """A job that was not read yet."""

    id: str
    data: bytes
    attempts: int = 1
    """How often its event has been tried, including this time."""
    retries: int = 0
    """How often it was scheduled for a retry."""
    failure: Failure | None = None
    """Why its event is not to be applied, if there is one to read."""


class Delivery(NamedTuple):
    """A job's event, or the reason why it cannot be applied.

    It is a tuple, since one is created for each event, and a tuple takes a third of the time.
    """

    job_id: str
    payload: bytes
    """The event's JSON, unchanged; the job's data if it holds no event."""
    event: AnyEvent | None
    failure: Failure | None = None
    attempts: int = 1
    """How often the event has been tried, this time included."""
    retries: int = 0
    """How often it was scheduled for a retry."""
    canonical_json: bytes = b""
    """The event in its canonical form, if there is an event."""
    content_hash: bytes | None = None
    """Distinguishes a duplicate from a conflict, if there is an event."""
    size: int | None = None
    """The size of all the data, if `payload` holds only the first bytes."""
    kind: Kind = ApprovalEvent
    """The kind that the job's function names; of interest if there is no event."""

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
        """A job with more data than any event's; only its beginning was read.

        Args:
            job_id: the job's id.
            beginning: the first bytes of the data, as many as were read.
            size: the size of all the data, in bytes.
            sha1: the hash of all the data, in hex; None if it was not computed.
            kept_at: where all the data still is, such as a key in Redis; None if it is lost.
            attempts: how often the job has been tried, including this time.
        """
        failure = Failure.too_large(size, sha1, kept_at)
        return cls(job_id, beginning, None, failure, attempts, size=size)

    @classmethod
    def of_job(cls, job: Job, decode: Decode = decode_job) -> Self:
        """Read a job: its event, or the reason why it holds none."""
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
        """Read an event's JSON; `failure` is the reason not to apply it if it can be read.

        Without a kind, the event's `event_type` names it.
        """
        try:
            event, canonical = (kind or kind_of(payload)).parse_and_canonicalize(payload)
        except Exception as error:  # noqa: BLE001 -- likewise
            return cls(
                job_id,
                payload,
                None,
                Failure.of_payload(error)
                if isinstance(error, InvalidEvent)
                else Failure.unreadable(error),
                attempts,
                retries,
                kind=kind or ApprovalEvent,
            )
        return cls(
            job_id, payload, event, failure, attempts, retries, canonical, content_hash(canonical)
        )

    def refused(self, refusal: Refusal | None) -> Self:
        """The same delivery with its refusal as the failure; unchanged without a refusal."""
        return self if refusal is None else self._replace(failure=Failure.of_refusal(refusal))

    @property
    def identity(self) -> Identity:
        """The ids in the payload and its kind of event, as far as they can be read."""
        if self.event is None:
            return Identity.of(self.payload, self.kind)
        event = self.event
        return Identity(event.event_id, event.interaction_id, event.user_id, event.event_type)


def read_jobs(jobs: Sequence[Job], decode: Decode = decode_job) -> list[Delivery]:
    """Read many jobs in order, each as `Delivery.of_job` does.

    Each step is done for all jobs of a kind together, which is faster. If one job holds no valid
    event, all are read one by one.
    """
    return begin_reading(jobs, decode)()


def begin_reading(jobs: Sequence[Job], decode: Decode = decode_job) -> Callable[[], list[Delivery]]:
    """The first half of `read_jobs`: validate the events. The result does the second half."""
    try:
        groups = [
            _Validated(kind, places, payloads, kind.validate_all(payloads))
            for kind, places, payloads in _by_kind([decode(job.data) for job in jobs])
        ]
    except Exception:  # noqa: BLE001 -- which job it was, and why, is found by reading one by one
        return partial(_read_one_by_one, jobs, decode)
    return partial(_finish_reading, jobs, decode, groups)


class _Validated(NamedTuple):
    """The events of one kind, and the positions of their jobs."""

    kind: Kind
    places: Sequence[int]
    payloads: Sequence[bytes]
    events: Sequence[Any]


def _by_kind(
    decoded: Sequence[tuple[Kind, bytes]],
) -> Iterator[tuple[Kind, Sequence[int], Sequence[bytes]]]:
    """For each kind of event: the positions of its jobs, and its events' JSON."""
    kinds = [kind for kind, _ in decoded]
    for kind in set(kinds):
        places = [place for place, found in enumerate(kinds) if found is kind]
        yield kind, places, [decoded[place][1] for place in places]


def _finish_reading(
    jobs: Sequence[Job], decode: Decode, groups: Sequence[_Validated]
) -> list[Delivery]:
    """The second half: canonical JSON and hashes."""
    found: dict[int, Delivery] = {}
    for kind, places, payloads, events in groups:
        try:
            canonical_events = kind.canonicalize_all(events, payloads)
        except Exception:  # noqa: BLE001 -- likewise
            return _read_one_by_one(jobs, decode)
        hashes = map(content_hash, canonical_events)
        of_kind = zip(places, payloads, events, canonical_events, hashes, strict=True)
        for place, payload, event, canonical, hashed in of_kind:
            job_id, _, attempts, retries, failure = jobs[place]
            found[place] = Delivery(
                job_id, payload, event, failure, attempts, retries, canonical, hashed
            )
    return [found[place] for place in range(len(jobs))]


def _read_one_by_one(jobs: Sequence[Job], decode: Decode) -> list[Delivery]:
    return [Delivery.of_job(job, decode) for job in jobs]


def event_of(delivery: Delivery) -> AnyEvent:
    """The event of a delivery that was read.

    Raises:
        ValueError: there is none.
    """
    if delivery.event is None:
        raise ValueError(delivery.job_id)
    return delivery.event


def array_of(deliveries: Sequence[Delivery]) -> str:
    """The deliveries' events as a JSON array, as some statements take them."""
    return (b"[" + b",".join([d.canonical_json for d in deliveries]) + b"]").decode()


def hashes_of(deliveries: Sequence[Delivery]) -> bytes:
    """The content hashes of the deliveries' events, concatenated, as some statements take them."""
    return b"".join([d.content_hash or b"" for d in deliveries])
