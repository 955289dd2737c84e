-- Lock the ledger for reading and writing rows before any interaction is locked: who detaches a partition
-- locks it first, too (signoff_detach_oldest_partition), so that nobody waits in a circle.
LOCK TABLE approvals IN ROW EXCLUSIVE MODE
