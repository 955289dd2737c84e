-- A page of the reviews in a state other than pending, the latest first, behind (`decided_at`, `id`) if that is given.
SELECT r.interaction_id, r.user_id, left(r.customer_message, 300) AS message_beginning, r.priority, r.received_at,
    r.expires_at, r.state, NULL AS claimed_by, NULL::timestamptz AS claimed_until, r.decided_by, r.decided_at,
    r.event_id, r.reject_reason, r.revision, NULL::timestamptz AS skipped_until, r.rank
FROM reviews r
WHERE r.state = %(state)s AND r.state <> 'pending'
    AND (%(decided_at)s::timestamptz IS NULL
        OR (r.decided_at, r.interaction_id) < (%(decided_at)s::timestamptz, %(id)s::uuid))
ORDER BY r.decided_at DESC, r.interaction_id DESC
LIMIT %(limit)s
