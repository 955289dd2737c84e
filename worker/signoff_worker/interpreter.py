"""How Python itself is set in a process whose purpose is events: a worker, a relay, a replay."""

import gc
import sys


def spend_time_on_events() -> None:
    """Change threads more often, and look for reference cycles hardly ever."""
    # Postgres is not to wait for its next batch while the one after that is being read: threads
    # take turns after half a millisecond instead of 5.
    sys.setswitchinterval(0.0005)
    # Events hold no reference cycles. Looking for some among all that was imported, hundreds of
    # times a second, took a quarter of this process's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
