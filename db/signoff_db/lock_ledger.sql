-- Lock the ledger, in the mode of ordinary reads and writes, before any interaction is locked. Detaching a
-- partition (signoff_detach_oldest_partition) locks the ledger first too, so the two do not deadlock.
LOCK TABLE approvals IN ROW EXCLUSIVE MODE
