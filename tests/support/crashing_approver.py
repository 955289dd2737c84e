"""A person's approval that kills itself, as `kill -9` would.

Run as `python -m crashing_approver POINT`; POINT is `before commit` or `after commit`, each of the
second batch. It approves all open proposals of the tests' rule.
"""

import os
import signal
import sys
from typing import Any

from transitions import RULE

from signoff_insight.transitions import deciding
from signoff_ops.servers import DirectServers
from signoff_ops.transitions import Choice, approve
from signoff_schemas import Settings


def die() -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


class SecondTime:
    """Dies at the second call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object) -> None:
        """Count a call."""
        self.calls += 1
        if self.calls == 2:
            die()


if __name__ == "__main__":
    at_second = SecondTime()
    put_into_outbox = vars(deciding)["put_into_outbox"]

    def crashing(*given: Any) -> None:
        """Write all of a batch, and die before it is committed."""
        put_into_outbox(*given)
        at_second()

    if sys.argv[1] == "before commit":
        vars(deciding)["put_into_outbox"] = crashing
    servers = DirectServers(Settings.load())
    approve(
        servers,
        Choice.of_rule(RULE),
        "ann",
        on_progress=at_second if sys.argv[1] == "after commit" else lambda _: None,
    )
