"""Signals that come at an awkward moment."""

import subprocess
import sys
from textwrap import dedent

import pytest
from processes import DEADLINE

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
    ended = subprocess.run([sys.executable, "-c", dedent(code)], timeout=DEADLINE, check=False)
    assert ended.returncode == 0


def test_a_signal_that_python_drops_ends_a_command_that_starts() -> None:
    """A handler that runs within `__del__` cannot raise: a service would never hear the signal."""
    code = """
        import signal, time
        from signoff_cli import __main__ as entry

        class Dropped:
            def __del__(self):
                signal.raise_signal(signal.SIGTERM)

        entry._END_SECONDS = 0.1
        signal.signal(signal.SIGTERM, entry._end_well)
        Dropped()
        time.sleep(600)
    """
    command = [sys.executable, "-c", dedent(code)]
    ended = subprocess.run(command, timeout=DEADLINE, check=False, capture_output=True)
    assert b"SystemExit" in ended.stderr
    assert ended.returncode == 0
