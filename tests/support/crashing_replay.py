"""A replay of dead letters that kills itself, as `kill -9` would.

Run as `python -m crashing_replay POINT ID...`; POINT is `before commit` or `after commit`, each of
the first batch.
"""

import os
import signal
import sys
from typing import Any

from signoff_db import replay as replaying
from signoff_db.apply import Outcome, apply_in_transaction
from signoff_db.connection import connect_for_batches
from signoff_schemas import Settings


def die(_: object = None) -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def _crashing(*args: Any, **kwargs: Any) -> list[Outcome]:
    apply_in_transaction(*args, **kwargs)
    die()
    raise AssertionError


if __name__ == "__main__":
    point, *ids = sys.argv[1:]
    if point == "before commit":
        vars(replaying)["apply_in_transaction"] = _crashing
    url = Settings.load().require("database_url")
    with connect_for_batches(url, application="mortal replay") as connection:
        letters = [int(letter_id) for letter_id in ids]
        replaying.replay(connection, letters, actor="a drill", on_batch=die)
