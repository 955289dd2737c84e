"""Jobs that are too large to be read become deliveries that say all that is known of them."""

import pytest

from signoff_db.delivery import Delivery
from signoff_queue.batch_queue import JobHash, Oversize, TakenJob
from signoff_worker.reading import begin_reading_taken, deliveries_of_failed


def _read(job: TakenJob, *, failed: bool) -> Delivery:
    (one,) = deliveries_of_failed([(job, None)]) if failed else begin_reading_taken([job], 9)()
    return one


@pytest.mark.parametrize("failed", [False, True], ids=["taken", "failed in RQ"])
def test_data_that_is_too_large_is_described(*, failed: bool) -> None:
    """Its letter holds the beginning, the size, the hash, and the key where all of it still is."""
    job = TakenJob("job", b'{"a', 2, 1, JobHash.LARGE_DATA, Oversize(5_000_000, "ab12"))

    read = _read(job, failed=failed)

    assert (read.job_id, read.payload, read.size, read.attempts) == ("job", b'{"a', 5_000_000, 4)
    assert read.failure
    (detail,) = read.failure.detail
    assert detail == {
        "code": "too_large", "size": 5_000_000, "sha1": "ab12", "kept_at": "rq:job:job"
    }  # fmt: skip


def test_an_id_that_is_too_long_is_described() -> None:
    """Likewise, once RQ's failed registry has it: the sweep reads it, batches leave it out."""
    job = TakenJob("iiii", None, 0, 0, JobHash.LONG_ID, Oversize(600, "cd34"))

    read = _read(job, failed=True)

    assert begin_reading_taken([job], 9)() == []
    assert (read.job_id, read.payload, read.attempts) == ("iiii", b"", 1)
    assert read.failure
    (detail,) = read.failure.detail
    assert (detail["code"], detail["size"], detail["sha1"]) == ("id_too_long", 600, "cd34")
