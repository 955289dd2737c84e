-- Delete those of `letters` (bigint[]) that were settled before `before`. A dead letter is never deleted,
-- whatever ids are given. The content hashes are returned, to be kept.
DELETE FROM dead_letters
WHERE id = ANY(%(letters)s)
    AND state IN ('resolved', 'discarded') AND resolved_at < %(before)s
RETURNING id, state, job_id, event_id, content_hash,
    CASE WHEN content_hash IS NULL AND octet_length(payload) <= %(most_bytes)s
        AND detail->0->'size' IS NULL THEN sha256(payload) END AS payload_hash
