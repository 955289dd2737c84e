"""What goes wrong follows from the seed."""

from random import Random

from faults.nemesis import ALL, Nemesis


def dealt(seed: int, rounds: int) -> list[list[str]]:
    """The names of what goes wrong, round by round."""
    nemesis = Nemesis(Random(seed))
    return [[fault.name for fault in nemesis.deal()] for _ in range(rounds)]


def test_the_same_seed_deals_the_same_faults() -> None:
    """A run that found something can be run again."""
    assert dealt(42, 100) == dealt(42, 100)
    assert dealt(42, 100) != dealt(43, 100)


def test_every_fault_comes_before_any_comes_again() -> None:
    """As many rounds as there are faults are enough to see each of them."""
    assert {name for names in dealt(42, len(ALL)) for name in names} == {f.name for f in ALL}


def test_faults_together_are_of_different_things() -> None:
    """A server that is down cannot be locked."""
    of = {fault.name: fault.of for fault in ALL}
    pairs = [names for names in dealt(42, 200) if len(names) == 2]
    assert len(pairs) > 20
    assert all(of[first] != of[second] for first, second in pairs)


def test_a_fault_begins_before_what_it_needs_goes_wrong() -> None:
    """Workers meet a full disk only while Redis gives them work, and networks lead them there."""
    of = {fault.name: fault.of for fault in ALL}
    pairs = {tuple(of[name] for name in names) for names in dealt(42, 500) if len(names) == 2}
    assert {("postgres", "redis"), ("postgres", "network"), ("outbox", "redis")} <= pairs
    assert not {("redis", "postgres"), ("network", "postgres"), ("redis", "outbox")} & pairs
