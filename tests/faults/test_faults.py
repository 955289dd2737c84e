"""Each fault alone, briefly, under traffic: nothing is lost, nothing doubled, every value right."""

from collections.abc import Iterator
from random import Random

import pytest

from faults.deployment import Deployment
from faults.fault import Fault, NotHereError
from faults.nemesis import ALL
from faults.rounds import play


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Servers, two workers and two publishers, which run through all faults."""
    folder = tmp_path_factory.mktemp("faults")
    deployment = Deployment(folder, seed=1, processes=2, retries=0)
    yield deployment
    deployment.close()


@pytest.mark.parametrize(
    "fault", [f for f in ALL if not f.takes_long], ids=lambda fault: fault.name
)
def test_nothing_is_lost_and_nothing_doubled(deployment: Deployment, fault: Fault) -> None:
    """Published = applied + dead + discarded, and the tables equal the fold of what was applied."""
    try:
        played = play(deployment, [fault], Random(fault.name), seconds=0.3)
    except NotHereError as reason:
        pytest.skip(str(reason))
    assert (played.lost, played.doubled, played.wrong) == (0, 0, ())
    assert played.events > 0
