"""The transactional outbox: an event is committed with its business change, or not at all.

`add` writes it into the table `signoff_outbox` of the caller's own database, on the caller's own
connection; `signoff relay` moves it to the queue. `SCHEMA` is the SQL that makes the table.
"""

from signoff_producer.outbox import SCHEMA, OutboxConflict, OutboxSchemaError, add

__all__ = ["SCHEMA", "OutboxConflict", "OutboxSchemaError", "add"]
