"""The one backoff: how long, and how, Signoff waits for a server that is away."""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """Whoever waited for a server was asked to stop meanwhile."""


def backoff_delays(
    first: float = 0.1,
    longest: float = 30.0,
    *,
    least: float = 0.5,
    chance: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Seconds between tries, without end: doubling, with jitter.

    Those who lost a server at the same moment do not all come back at the same moment.

    Args:
        first: the longest first delay, in seconds.
        longest: the longest of all delays, in seconds.
        least: the part of a delay that is always waited; 0 is "full jitter".
        chance: a number from 0 to 1.
    """
    delay = first
    while True:
        yield delay * (least + (1 - least) * chance())
        delay = min(delay * 2, longest)


def retry_outages(
    step: Callable[[], T],
    *,
    outages: Callable[[Exception], bool],
    on_outage: Callable[[Exception, float], None],
    on_recovery: Callable[[], None],
    wait: Callable[[float], bool],
) -> T:
    """Run a step; while there is an outage, again with backoff, however long it takes.

    Args:
        step: what to run. An outage must have left it undone, or repeating it must do no harm.
        outages: whether an error is one; any other error is raised.
        on_outage: is given each such error, and the seconds until the next try.
        on_recovery: is called when the step succeeds after an outage.
        wait: waits so many seconds, and says whether to stop.

    Returns:
        What the step returned.

    Raises:
        StoppedError: `wait` said so.
    """
    delays = backoff_delays()
    failed = False
    while True:
        try:
            result = step()
        except Exception as error:
            if not outages(error):
                raise
            failed = True
            delay = next(delays)
            on_outage(error, delay)
            if wait(delay):
                raise StoppedError from error
        else:
            if failed:
                on_recovery()
            return result
