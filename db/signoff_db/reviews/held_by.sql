-- The review that a reviewer opened last, of those that the reviewer holds; else one that is held and not opened yet.
SELECT interaction_id FROM reviews
WHERE claimed_by = %(reviewer)s AND claimed_until > clock_timestamp()
ORDER BY opened_at DESC NULLS LAST, rank
LIMIT 1
