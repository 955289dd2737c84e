"""Each fault alone, briefly, under traffic: nothing is lost, nothing doubled, every value right."""

from collections.abc import Iterator
from random import Random

import pytest

from faults.fault import Fault, NotHereError
from faults.nemesis import ALL
from faults.rounds import play
from faults.testbed import Testbed


@pytest.fixture(scope="module")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Servers, two workers and two publishers, which run through all faults."""
    folder = tmp_path_factory.mktemp("faults")
    testbed = Testbed(folder, seed=1, processes=2, retries=0)
    yield testbed
    testbed.close()


@pytest.mark.parametrize(
    "fault", [f for f in ALL if not f.takes_long], ids=lambda fault: fault.name
)
def test_nothing_is_lost_and_nothing_doubled(testbed: Testbed, fault: Fault) -> None:
    """Published = applied + dead + discarded, and the tables equal the fold of what was applied."""
    try:
        played = play(testbed, [fault], Random(fault.name), seconds=0.3)
    except NotHereError as reason:
        pytest.skip(str(reason))
    assert (played.lost, played.doubled, played.wrong) == (0, 0, ())
    assert played.events > 0
