-- Where those of `events` (uuid[]) are: the ledger's content hashes, with no state, and the states of
-- dead letters, of pruned ones too.
SELECT event_id, content_hash, NULL AS state FROM approvals WHERE event_id = ANY(%(events)s)
UNION ALL
SELECT event_id, NULL, state FROM dead_letters WHERE event_id = ANY(%(events)s)
UNION ALL
SELECT (letter->>'event_id')::uuid, NULL, letter->>'state'
FROM operator_actions, jsonb_array_elements(before->'letters') AS letter
WHERE action = 'prune' AND letter->>'event_id' = ANY(%(events)s::uuid[]::text[])
