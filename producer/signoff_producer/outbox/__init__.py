"""The transactional outbox: an event is committed with its business change, or not at all.

`add` writes it into the table `signoff_outbox` of the caller's own database, on the caller's own
connection; `signoff relay` moves it to the queue. No driver is needed but the one at hand.
"""

from signoff_producer.outbox.adding import OutboxConflict, OutboxSchemaError, add
from signoff_producer.outbox.schema import SCHEMA

__all__ = ["SCHEMA", "OutboxConflict", "OutboxSchemaError", "add"]
