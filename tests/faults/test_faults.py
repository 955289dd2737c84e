"""Each fault alone, briefly, under traffic: nothing is lost, nothing doubled, every value right."""

from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from faults import of_rapport, of_readers
from faults.deployment import Deployment
from faults.fault import Fault, NotHereError
from faults.nemesis import ALL
from faults.rounds import play

_COMPARED: Final = (*of_readers.FAULTS, *of_rapport.FAULTS)
"""After these, what readers keep is compared with a rebuild; once at the end in any case."""
_RATE: Final = 80
"""Events a second: all of them are accounted for after each fault."""


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
        played = play(
            deployment,
            [fault],
            Random(fault.name),
            seconds=0.3,
            rate=_RATE,
            compare=fault in _COMPARED,
        )
    except NotHereError as reason:
        pytest.skip(str(reason))
    assert (played.lost, played.doubled, played.wrong) == (0, 0, ())
    assert played.events > 0


def test_at_the_end_what_readers_keep_is_that_of_a_rebuild(deployment: Deployment) -> None:
    """The customer facts, and the contexts in the second database."""
    assert list(deployment.differences()) == []
