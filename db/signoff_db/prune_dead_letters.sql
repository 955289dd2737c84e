-- Delete those of `letters` (bigint[]) that were settled before `before`. A dead letter is never deleted,
-- whatever ids are given. The content hashes are returned, to be kept, and whether the ledger holds this
-- very content: after an edit it holds another one.
DELETE FROM dead_letters letter
WHERE id = ANY(%(letters)s)
    AND state IN ('resolved', 'discarded') AND resolved_at < %(before)s
RETURNING id, state, job_id, event_id, content_hash,
    CASE WHEN content_hash IS NULL AND octet_length(payload) <= %(most_bytes)s
        AND detail->0->'size' IS NULL THEN sha256(payload) END AS payload_hash,
    EXISTS (SELECT FROM approvals a
        WHERE a.event_id = letter.event_id AND a.content_hash = letter.content_hash) AS is_in_ledger
