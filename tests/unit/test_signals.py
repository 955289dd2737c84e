"""Signals that come at an awkward moment."""

import subprocess
import sys
from textwrap import dedent

import pytest

_SECONDS = 60

_COMMAND = """
    import signal
    from signoff_cli.stopping import stop_on_signals

    with stop_on_signals() as stop:
        with stop._cond:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
        stop.wait()
"""
_WORKER = """
    import signal, threading
    from types import SimpleNamespace
    from signoff_worker.worker import ApprovalWorker

    worker = SimpleNamespace(_stop=threading.Event())
    signal.signal(signal.SIGTERM, lambda *_: ApprovalWorker._shutdown(worker))
    with worker._stop._cond:
        signal.raise_signal(signal.SIGTERM)
    worker._stop.wait()
"""


@pytest.mark.parametrize("code", [_COMMAND, _WORKER], ids=["a command", "a worker"])
def test_a_signal_within_a_wait_ends_it(code: str) -> None:
    """`Event.wait` holds the event's lock for a moment; a handler then must not wait for it."""
    ended = subprocess.run([sys.executable, "-c", dedent(code)], timeout=_SECONDS, check=False)
    assert ended.returncode == 0
