"""`signoff relay` that kills itself, as `kill -9` would, at a given step of a batch.

Run as `python -m crashing_relay [POINT]`; the points are those below. It prunes when it starts.
"""

import os
import signal
import sys

from signoff_cli.__main__ import main
from signoff_ops import relay
from signoff_relay.delivery import Delivery
from signoff_relay.lane import Lane
from signoff_relay.table import OutboxTable, Waiting

POINT = sys.argv[1] if len(sys.argv) > 1 else ""


def crash_at(point: str) -> None:
    """End at once, if this is the point."""
    if point == POINT:
        os.kill(os.getpid(), signal.SIGKILL)


class CrashingLane(Lane):
    """Dies at the given step."""

    def claim(self, table: OutboxTable) -> list[Waiting]:
        """Step 1, perhaps the last."""
        batch = super().claim(table)
        if batch:
            crash_at("after claim")
        return batch

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2, perhaps the last."""
        delivery = super().publish(batch)
        if delivery.published:
            crash_at("after publish")
        return delivery

    def mark(self, table: OutboxTable, delivery: Delivery) -> None:
        """Step 3, perhaps the last."""
        super().mark(table, delivery)
        if delivery.published:
            crash_at("before commit")


if __name__ == "__main__":
    vars(relay)["Lane"] = CrashingLane
    sys.argv[1:] = ["relay", "--batch-size", "100", "--prune-after", "1s"]
    main()
