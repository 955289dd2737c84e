"""The seed decides which faults happen."""

from random import Random

from faults.nemesis import ALL, Nemesis


def chosen(seed: int, rounds: int) -> list[list[str]]:
    """The names of the faults, by round."""
    nemesis = Nemesis(Random(seed))
    return [[fault.name for fault in nemesis.next_faults()] for _ in range(rounds)]


def test_the_same_seed_chooses_the_same_faults() -> None:
    """A run that found something can be run again."""
    assert chosen(42, 100) == chosen(42, 100)
    assert chosen(42, 100) != chosen(43, 100)


def test_every_fault_comes_before_any_comes_again() -> None:
    """As many rounds as there are faults are enough to see each of them."""
    assert {name for names in chosen(42, len(ALL)) for name in names} == {f.name for f in ALL}


def test_faults_together_are_of_different_things() -> None:
    """A table of a server that is down cannot be locked."""
    of = {fault.name: fault.of for fault in ALL}
    pairs = [names for names in chosen(42, 200) if len(names) == 2]
    assert len(pairs) > 20
    assert all(of[first] != of[second] for first, second in pairs)


def test_a_fault_begins_before_what_it_needs_goes_wrong() -> None:
    """Workers meet a full disk only while Redis gives them work, and networks lead them there."""
    of = {fault.name: fault.of for fault in ALL}
    pairs = {tuple(of[name] for name in names) for names in chosen(42, 500) if len(names) == 2}
    assert {("postgres", "redis"), ("postgres", "network"), ("outbox", "redis")} <= pairs
    assert not {("redis", "postgres"), ("network", "postgres"), ("redis", "outbox")} & pairs
