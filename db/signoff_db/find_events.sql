-- Where those of `events` (uuid[]) are: the ledger's content hashes, with no state, and the states of
-- dead letters.
SELECT event_id, content_hash, NULL AS state FROM approvals WHERE event_id = ANY(%(events)s)
UNION ALL
SELECT event_id, NULL, state FROM dead_letters WHERE event_id = ANY(%(events)s)
