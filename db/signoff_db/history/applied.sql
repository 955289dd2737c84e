-- When an event was applied; no row if the ledger does not hold it.
SELECT applied_at FROM approvals WHERE event_id = %(event_id)s
