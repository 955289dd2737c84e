"""The transactional outbox: an event is committed with its business change, or not at all.

`add` writes it into the table `signoff_outbox` of the caller's own database, on the caller's own
connection; `signoff relay` moves it to the queue. Only the caller's own driver is used.
"""

from signoff_producer.outbox.adding import OutboxConflict, OutboxSchemaError, add
from signoff_producer.outbox.schema import SCHEMA

__all__ = ["SCHEMA", "OutboxConflict", "OutboxSchemaError", "add"]
