"""A thread that watches the main loop and logs a stuck batch with its reason.

It changes nothing. The cause may pass by itself, and if a worker ends while it holds a batch, the
batch has one redelivery less. The supervisor that reads `/live` decides about a restart.
"""

import logging
import sys
import threading
import time
import traceback
from typing import Final

import psycopg

from signoff_db.connection import DatabaseUnavailableError, answers
from signoff_db.waiting import what_holds_up
from signoff_schemas import WorkerSettings
from signoff_worker.health import Health
from signoff_worker.health_server import HealthServer
from signoff_worker.reasons import outage_reason

log = logging.getLogger("signoff.worker")

_LOOK: Final = 1.0
"""Seconds between looks."""
_PING: Final = 5.0
"""Seconds between looks at Postgres while nothing is to be applied."""


class Watch:
    """Checks the worker's health until closed, and answers on the health port if one is set."""

    def __init__(self, health: Health, settings: WorkerSettings, *, application: str) -> None:
        """`application` is the worker's application name in Postgres."""
        self._health = health
        self._settings = settings
        self._application = application
        self._over = threading.Event()
        self._server = HealthServer(health.report, settings.health_host, settings.health_port)
        self._stuck = False
        self._next_ping = 0.0

    def open(self) -> None:
        """Start the daemon threads."""
        self._health.turn()
        threading.Thread(target=self._run, name="watch", daemon=True).start()
        self._server.open()

    def close(self) -> None:
        """Stop watching, and free the port."""
        self._over.set()
        self._server.close()

    def _run(self) -> None:
        while not self._over.wait(_LOOK):
            try:
                self._look()
            except Exception:
                log.exception("the watch failed; it looks again in a second")

    def _look(self) -> None:
        live = self._health.report().live
        if not live and not self._stuck:
            self._health.stuck_on = self._reason()
            log.error("stuck: %s", self._health.report().waits_for)
        elif live and self._stuck:
            self._health.stuck_on = None
            log.info("not stuck any more")
        self._stuck = not live
        if self._health.idle and time.monotonic() >= self._next_ping:
            self._next_ping = time.monotonic() + _PING
            self._health.postgres_answers = answers(self._settings.require("database_url"))
        elif not self._health.idle:
            self._health.postgres_answers = True  # the main loop notes an outage itself

    def _reason(self) -> str:
        try:
            held = what_holds_up(self._settings.require("database_url"), self._application)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            return f"Postgres, which cannot be asked why: {outage_reason(error)}"
        return held or _place()


def _place() -> str:
    """The line of Signoff's code that the main thread runs."""
    main = threading.main_thread().ident
    frame = sys._current_frames().get(main or 0)  # noqa: SLF001 -- the documented way to look
    places = [f for f in traceback.extract_stack(frame) if "signoff_" in f.filename]
    if not places:
        return "the main thread has ended"
    return f"the worker is in {places[-1].name}, {places[-1].filename}:{places[-1].lineno}"
