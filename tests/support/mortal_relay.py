"""A relay that kills itself, as `kill -9` would, at a point of its first batch's life.

Run as `python -m mortal_relay POINT`; the points are those below.
"""

import os
import signal
import sys
import threading

from signoff_cli.outbox.delivery import Delivery
from signoff_cli.outbox.lane import Lane
from signoff_cli.outbox.relaying import Relay
from signoff_cli.outbox.table import OutboxTable, Waiting
from signoff_producer import Producer
from signoff_schemas import Settings

POINT = sys.argv[1]


def die_at(point: str) -> None:
    """End without a word, if this is the point."""
    if point == POINT:
        os.kill(os.getpid(), signal.SIGKILL)


class MortalLane(Lane):
    """Dies where it is told to."""

    def claim(self, table: OutboxTable) -> list[Waiting]:
        """Step 1, and maybe the last."""
        batch = super().claim(table)
        die_at("after claim")
        return batch

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2, and maybe the last."""
        delivery = super().publish(batch)
        die_at("after publish")
        return delivery

    def mark(self, table: OutboxTable, delivery: Delivery) -> None:
        """Step 3, and maybe the last."""
        super().mark(table, delivery)
        die_at("before commit")


if __name__ == "__main__":
    settings = Settings.load()
    lane = MortalLane(settings.outbox, Producer(), most=100, listening=True)
    Relay([lane], threading.Event(), poll=1).run()
