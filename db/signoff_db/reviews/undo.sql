-- Take the last decision of a review back, as long as it is not final; the transaction has locked the review. The
-- reviewer who decided holds the review again.
WITH undone AS (
    UPDATE reviews SET
        state = 'pending',
        claimed_by = decided_by,
        claimed_until = clock_timestamp() + %(lease)s * interval '1 second',
        decided_by = NULL,
        decided_at = NULL,
        undo_until = NULL,
        event_id = NULL,
        reject_reason = NULL,
        revision = revision + 1
    WHERE interaction_id = %(interaction_id)s AND decided_by = %(reviewer)s AND undo_until > clock_timestamp()
    RETURNING interaction_id
)
UPDATE review_decisions d SET undone_at = clock_timestamp()
FROM undone
WHERE d.id = (
    SELECT id FROM review_decisions
    WHERE interaction_id = undone.interaction_id AND undone_at IS NULL AND decision <> 'expired'
    ORDER BY decided_at DESC
    LIMIT 1)
