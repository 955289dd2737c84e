-- Where those of `events` (uuid[]) are: in the ledger, with no state, or among the dead letters, the pruned
-- ones too, each by the hash of its content. A letter whose payload was no valid event has no such hash;
-- it has the SHA-256 of its payload, if that is all that came.
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
