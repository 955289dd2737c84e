-- Lock the ledger, as a reader, before any customer is locked. Detaching a partition locks it first too, so the two do
-- not deadlock.
LOCK TABLE approvals IN ACCESS SHARE MODE
