"""A process that a service keeps running is started again, whatever ended it."""

import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from processes import DEADLINE

from signoff_cli.kept_running import kept_running


def test_a_process_that_cannot_be_started_is_started_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The system may have no process left for a moment."""
    started = threading.Event()
    begin = subprocess.Popen

    def popen(_command: object, **options: Any) -> object:
        """Fail once."""
        if not caplog.records:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.set()
        return begin([sys.executable, "-c", "input()"], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    with caplog.at_level(logging.WARNING), kept_running("the runner", ("version",), {}):
        assert started.wait(DEADLINE)
    assert "the runner could not be started (Resource temporarily unavailable)" in caplog.text
