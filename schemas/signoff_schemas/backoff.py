"""The backoff of all parts: how Signoff waits for a server that is unavailable."""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """The process was asked to stop while it waited for a server."""


def backoff_delays(
    first: float = 0.1,
    longest: float = 30.0,
    *,
    least: float = 0.5,
    chance: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Seconds between tries, without end: doubling, with jitter.

    Because of the jitter, clients that lost a server together do not all return together.

    Args:
        first: the longest first delay, in seconds.
        longest: the longest of all delays, in seconds.
        least: the part of each delay that has no jitter; 0 is "full jitter".
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
    """Run a step; repeat it with backoff for as long as an outage lasts.

    Args:
        step: what to run. It must be safe to repeat after an outage.
        outages: whether an error is an outage; any other error is raised.
        on_outage: called with each outage's error and the seconds until the next try.
        on_recovery: called when the step succeeds after an outage.
        wait: waits for the given seconds, and returns whether to stop.

    Returns:
        What the step returned.

    Raises:
        StoppedError: `wait` returned that the process is to stop.
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
