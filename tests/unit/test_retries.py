"""How a worker handles redelivered jobs and retries."""

import pytest
from approvals import approval

from signoff_queue.batch_queue import JobHash, TakenJob
from signoff_schemas import FailureKind, Settings, encode_job
from signoff_worker.reading import begin_reading_taken
from signoff_worker.retries import group_size, retry_delay


def test_each_retry_waits_twice_as_long_as_the_one_before() -> None:
    """With a quarter of jitter, so that events that failed together do not return together."""
    settings = Settings(retry_delay=2)
    for retries in range(6):
        delays = {retry_delay(retries, settings) / (2 * 2**retries) for _ in range(50)}
        assert 0.75 <= min(delays) < max(delays) <= 1.25


@pytest.mark.parametrize(
    ("deaths", "kind"), [(0, None), (2, None), (3, FailureKind.ABANDONED)], ids=str
)
def test_an_event_is_abandoned_after_more_deaths_than_redeliveries(
    deaths: int, kind: FailureKind | None
) -> None:
    """All allowed redeliveries are tried, and all are counted as attempts."""
    event = approval()
    data = encode_job(event.canonical_json())
    job = TakenJob(str(event.event_id), data, deaths, 1, JobHash.JOB)

    (delivery,) = begin_reading_taken([job], max_redeliveries=2)()

    assert (delivery.failure and delivery.failure.kind) == kind
    assert delivery.attempts == 1 + deaths + 1


@pytest.mark.parametrize(("redeliveries", "together"), [(0, False), (1, False), (2, True)])
def test_suspects_are_taken_in_groups_only_if_a_good_event_survives_it(
    redeliveries: int, *, together: bool
) -> None:
    """Other events may cause two deaths of a good event; it must survive both."""
    assert (group_size(redeliveries) > 1) == together
