SELECT interaction_id, user_id, claimed_by, claimed_until, opened_at, received_at, priority FROM reviews
WHERE claimed_by IS NOT NULL AND claimed_until > now()
ORDER BY claimed_by, opened_at NULLS LAST
LIMIT %(most)s
