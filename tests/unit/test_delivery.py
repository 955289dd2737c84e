"""Jobs that are read together give the same results as single jobs."""

import pytest
from approvals import approval, decision, mapping
from pydantic_core import to_json

from signoff_db.delivery import Delivery, Job, read_jobs
from signoff_db.failure import Failure
from signoff_schemas import KINDS, AnyEvent, FailureKind, encode_job

GIVEN_UP = Failure(FailureKind.ABANDONED, "given up", "given up")
GOOD = Job("good", encode_job(approval().canonical_json()), attempts=3, retries=2)
OTHER_SPELLING = Job("other", encode_job(to_json(mapping(ltv_amount="5", reviewer_id=None))))
ABANDONED = Job("abandoned", encode_job(approval().canonical_json()), failure=GIVEN_UP)
BAD = [
    Job("pickle", b"\x80\x05K\x01."),
    Job("invalid", encode_job(to_json(mapping(quality_score=9)))),
    Job(
        "hidden digits",
        encode_job(to_json(mapping(ltv_amount="X")).replace(b'"X"', b"1." + b"0" * 16 + b"1")),
    ),
]


@pytest.mark.parametrize("bad", [[], *([job] for job in BAD), BAD], ids=lambda jobs: f"{len(jobs)}")
def test_jobs_are_read_together_as_one_by_one(bad: list[Job]) -> None:
    """The result of each is its event or its failure, in order, with any neighbours."""
    jobs = [GOOD, *bad, OTHER_SPELLING, ABANDONED]

    read = read_jobs(jobs)

    assert read == [Delivery.of_job(job) for job in jobs]
    assert [one.job_id for one in read if one.event is None] == [job.id for job in bad]
    assert (read[0].attempts, read[0].retries, read[-1].failure) == (3, 2, GIVEN_UP)


def test_both_kinds_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind at once, and in the order of the jobs; none of them is read alone."""
    events: list[AnyEvent] = [approval(), decision(), decision(), approval(), decision()]
    jobs = [Job(str(n), encode_job(e.canonical_json(), type(e))) for n, e in enumerate(events)]
    alone = [Delivery.of_job(job) for job in jobs]
    monkeypatch.delattr(Delivery, "of_job")

    assert read_jobs(jobs) == alone
    assert read_jobs([]) == []


def test_a_job_that_holds_no_event_has_the_kind_that_its_function_names() -> None:
    """A payload that names its kind itself is of that kind."""
    payloads = [b"{}", b'{"event_type":"status_decision"}', b"[]"]
    kinds = [
        Delivery.of_job(Job("job", encode_job(payload, kind))).identity.event_type
        for kind in KINDS.values()
        for payload in payloads
    ]
    assert kinds == [
        "approval",
        "status_decision",
        None,
        "status_decision",
        "status_decision",
        None,
    ]
