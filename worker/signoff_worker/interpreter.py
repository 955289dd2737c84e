"""Settings of Python itself for processes that handle many events: worker, relay, replay."""

import gc
import sys


def spend_time_on_events() -> None:
    """Switch threads more often, and collect garbage less often."""
    # The thread that applies must not wait for the one that reads: they switch after half a
    # millisecond instead of 5.
    sys.setswitchinterval(0.0005)
    # Events hold no reference cycles. Searching for cycles among all imported objects, hundreds of
    # times a second, took a quarter of this process's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
