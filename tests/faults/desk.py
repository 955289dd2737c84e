"""Reviews and proposals that are made, changed and decided while faults happen.

They change what is known of customers, without an event.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, Final

import psycopg

from faults.events import INTERACTIONS, interaction
from faults.postgres import Postgres

_PAUSE: Final = 0.05
"""Seconds between two changes."""
_POST: Final = """
    INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, context)
    VALUES (%(interaction)s, %(user)s, %(text)s, ARRAY['hello'], %(context)s)
    ON CONFLICT (interaction_id) DO UPDATE
    SET customer_message = excluded.customer_message, context = excluded.context
    WHERE reviews.state = 'pending'"""
_REJECT: Final = """
    UPDATE reviews
    SET state = 'rejected', decided_by = 'ann', decided_at = now(), reject_reason = 'a drill'
    WHERE interaction_id = %(interaction)s AND state = 'pending'"""
_PROPOSE: Final = """
    INSERT INTO transition_proposals (rule, version, user_id, from_status, to_status,
        evidence_event, rests_on, evidence, reason, evaluated_at)
    VALUES ('drill', 1, %(user)s, 'CUSTOMER', 'CHURNED', gen_random_uuid(), gen_random_uuid(), '{}',
        %(text)s, now())"""
_DECLINE: Final = """
    UPDATE transition_proposals
    SET state = 'rejected', decided_by = 'user:ann', decided_at = now(), comment = 'a drill'
    WHERE user_id = %(user)s AND state = 'open'"""
_CHANGES: Final = (_POST, _POST, _POST, _REJECT, _PROPOSE, _DECLINE)


class Desk:
    """Makes one change after the other, on a connection without the proxy."""

    def __init__(self, postgres: Postgres, seed: int) -> None:
        self._postgres = postgres
        self._chance = Random(f"desk {seed}")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Make changes until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._work, args=[over])
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _work(self, over: threading.Event) -> None:
        """A server that is away, or a lock that is held, only costs the change in hand."""
        while not over.wait(_PAUSE):
            with suppress(psycopg.OperationalError), self._postgres.admin() as ledger:
                while not over.wait(_PAUSE):
                    self._change(ledger)

    def _change(self, ledger: "psycopg.Connection[Any]") -> None:
        chance = self._chance
        interaction_id, user_id = interaction(chance.randrange(INTERACTIONS))
        customer = {"name": f"number {chance.randrange(1000)}", "language": chance.choice("de")}
        context = {"customer": customer} if chance.random() < 0.7 else {"order": 1}
        given = {
            "interaction": interaction_id,
            "user": user_id,
            "text": f"message {chance.randrange(1000)}",
            "context": json.dumps(context),
        }
        ledger.execute(chance.choice(_CHANGES).encode(), given)
