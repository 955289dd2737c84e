"""The deployment's publishers: any number from two on, between them every way to publish."""

import pytest

from faults.deployment import ways_of


@pytest.mark.parametrize(
    ("publishers", "ways"),
    [
        (2, ["spool", "outbox"]),
        (3, ["queue", "spool", "outbox"]),
        (5, ["queue", "queue", "queue", "spool", "outbox"]),
    ],
)
def test_each_number_of_publishers_has_its_ways(publishers: int, ways: list[str]) -> None:
    """The last one has an outbox, the one before a spool."""
    assert ways_of(publishers) == ways


@pytest.mark.parametrize("publishers", [-1, 0, 1])
def test_too_few_publishers_are_refused(publishers: int) -> None:
    """What is missing would leave faults without the traffic they are for."""
    with pytest.raises(ValueError, match=f"at least 2 processes.* found {publishers}"):
        ways_of(publishers)
