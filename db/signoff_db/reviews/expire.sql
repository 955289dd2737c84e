-- Reviews that are not wanted any more, and that nobody holds. Some at a time: the next look does the rest.
WITH chosen AS (
    SELECT interaction_id FROM reviews
    WHERE state = 'pending' AND expires_at <= now() AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY expires_at
    LIMIT 500
    FOR NO KEY UPDATE SKIP LOCKED
),
expired AS (
    UPDATE reviews r SET state = 'expired', decided_at = now(), claimed_by = NULL, claimed_until = NULL,
        opened_at = NULL
    FROM chosen
    WHERE r.interaction_id = chosen.interaction_id
    RETURNING r.interaction_id, r.user_id, r.received_at
)
INSERT INTO review_decisions (interaction_id, user_id, decision, received_at, decided_at, final_at)
SELECT interaction_id, user_id, 'expired', received_at, now(), now() FROM expired
