-- Give the first review of the queue that nobody holds, and that the reviewer has not skipped, to the reviewer.
WITH first AS (
    SELECT interaction_id FROM reviews w
    WHERE state = 'pending' AND (claimed_until IS NULL OR claimed_until <= now())
        AND (expires_at IS NULL OR expires_at > now())
        AND NOT EXISTS (
            SELECT FROM review_skips s
            WHERE s.reviewer = %(reviewer)s AND s.interaction_id = w.interaction_id AND s.until > now())
    ORDER BY rank, interaction_id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE reviews r SET
    claimed_by = %(reviewer)s,
    claimed_until = clock_timestamp() + %(lease)s * interval '1 second',
    opened_at = CASE WHEN %(opened)s THEN clock_timestamp() END
FROM first
WHERE r.interaction_id = first.interaction_id
RETURNING {review_columns}
