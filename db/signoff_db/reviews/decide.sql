-- Note a decision, in the review and beside it; the transaction has locked the review. `event` and `reason` may be
-- null.
WITH decided AS (
    UPDATE reviews SET
        state = %(decision)s,
        decided_by = %(reviewer)s,
        decided_at = %(decided_at)s,
        opened_at = coalesce(opened_at, %(decided_at)s),
        undo_until = %(decided_at)s + %(undo)s * interval '1 second',
        event_id = %(event_id)s,
        reject_reason = %(reason)s,
        claimed_by = NULL,
        claimed_until = NULL
    WHERE interaction_id = %(interaction_id)s AND state = 'pending'
    RETURNING interaction_id, user_id, received_at, opened_at
)
INSERT INTO review_decisions (interaction_id, user_id, decision, reviewer, received_at, opened_at, decided_at, final_at,
    event_id, event, reject_reason)
SELECT interaction_id, user_id, %(decision)s, %(reviewer)s, received_at, opened_at, %(decided_at)s,
    %(decided_at)s + %(undo)s * interval '1 second', %(event_id)s, %(event)s, %(reason)s
FROM decided
