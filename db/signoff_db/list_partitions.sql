-- The ledger's partitions and the instants before which they end, the oldest first; none where it is one table.
SELECT partition::text, until FROM ledger_partitions ORDER BY until
