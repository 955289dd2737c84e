-- The content hashes of those of `events` (uuid[]) that the ledger holds.
SELECT event_id, content_hash FROM approvals WHERE event_id = ANY(%(events)s)
