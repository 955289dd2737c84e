-- A page of the waiting reviews in their order, behind (`rank`, `id`) if that is given. `reviewer` may be null.
SELECT r.interaction_id, r.user_id, left(r.customer_message, 300) AS message_beginning, r.priority, r.received_at,
    r.expires_at, r.state, held.claimed_by, held.claimed_until, r.decided_by, r.decided_at, r.event_id,
    r.reject_reason, r.revision,
    (SELECT s.until FROM review_skips s
        WHERE s.reviewer = %(reviewer)s AND s.interaction_id = r.interaction_id AND s.until > now()) AS skipped_until,
    r.rank
FROM reviews r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by,
        CASE WHEN r.claimed_until > now() THEN r.claimed_until END AS claimed_until
) AS held
WHERE r.state = 'pending'
    AND (%(rank)s::timestamptz IS NULL OR (r.rank, r.interaction_id) > (%(rank)s::timestamptz, %(id)s::uuid))
ORDER BY r.rank, r.interaction_id
LIMIT %(limit)s
