-- The places of `events` (uuid[]), each with its content hash: in the ledger (then the state is null), or in
-- the dead letters, pruned ones included. A letter of an invalid event has no content hash. It has the
-- SHA-256 of its payload, if the payload is complete.
SELECT event_id, NULL AS state, content_hash, NULL AS payload_hash
FROM approvals WHERE event_id = ANY(%(events)s)
UNION ALL
SELECT event_id, state, content_hash,
    CASE WHEN content_hash IS NULL AND octet_length(payload) <= %(most_bytes)s
        AND detail->0->'size' IS NULL THEN sha256(payload) END
FROM dead_letters WHERE event_id = ANY(%(events)s)
UNION ALL
SELECT event_id, state, content_hash, payload_hash
FROM pruned_letters WHERE event_id = ANY(%(events)s)
