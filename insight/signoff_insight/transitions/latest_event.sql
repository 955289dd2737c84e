-- When the latest approval of the ledger occurred; null without any.
SELECT max(occurred_at) FROM approvals WHERE event_type = 'approval'
